"""DNS probe: an answer is a response to our question, with a code and records as asked for."""

import itertools
import secrets
from ipaddress import ip_address, ip_network

from ..contract import DnsOptions, LossReason, PlannedProbe, RecordType
from ..contract.methods.dns import Transport
from ..contract.methods.dns_text import canonical
from ..measure.ledger import Answer, Ledger
from ..net.clocks import Clock
from ..net.tcp import ExchangeFailed, Stream
from ..wire import dns
from .base import ProbeMethod, Session
from .datagram import Codec, Quoted, udp_session
from .dns_records import presented
from .exchange import Answered, ExchangeSession, Report
from .sending import sender_of

ID_SIZE = 2
MAX_IDS = 16_384
"""Queries whose IDs are remembered: so long no ID is used twice, and a late answer finds its query."""


class Expectation:
    """What is asked, and what of an answer."""

    def __init__(self, options: DnsOptions) -> None:
        self._options = options
        self._type = dns.TYPES[options.record_type.value]
        self._rcodes = frozenset(each.number for each in options.rcodes)
        self._networks = tuple(ip_network(each) for each in options.networks)
        self._answers = frozenset(canonical(options.record_type.value, each) for each in options.answers)
        self._usual = dns.question(options.query, options.record_type.value)

    def question(self, sequence: int) -> dns.Question:
        """What a packet asks for."""
        if not self._options.sequence_label:
            return self._usual
        return dns.question(self._options.name(sequence), self._options.record_type.value)

    def query(self, sequence: int, id_: int) -> bytes:
        """The packet."""
        return dns.pack_query(self.question(sequence), id_, edns=self._options.edns_size)

    def failure(self, response: dns.Response, sequence: int) -> LossReason | None:
        """Why the response is not the one that is asked for; None: it is."""
        if response.rcode not in self._rcodes:
            return LossReason.UNEXPECTED_STATUS
        if response.rcode != dns.NOERROR:
            return None
        found = [record for record in response.records if record.type == self._type]
        if not found:
            return LossReason.UNEXPECTED_STATUS
        if self._networks and not all(self._is_expected(each.data) for each in found):
            return LossReason.UNEXPECTED_STATUS
        if self._answers:
            try:
                said = presented(response, self._options.record_type.value, found)
                return None if all(each in self._answers for each in said) else LossReason.UNEXPECTED_STATUS
            except dns.Malformed:
                return LossReason.BAD_ANSWER
        return None

    def _is_expected(self, data: bytes) -> bool:
        if len(data) != (4 if self._options.record_type is RecordType.A else 16):
            return False
        return any(ip_address(data) in network for network in self._networks)


class DnsCodec(Codec):
    """Queries of one session. The token is the ID, random and none in use.

    A response is matched by source address and port, ID, and question without regard to case (RFC 5452
    section 9.1). The socket is shared and not connected, but hands a flow only what comes from the address
    and port that the flow sends to (`net/shared_socket.py`). The case of the question is not randomised: a
    server that does not keep it would look like a loss.
    """

    def __init__(self, options: DnsOptions) -> None:
        self._expectation = Expectation(options)
        self._sequences: dict[int, int] = {}

    def token(self, realtime: int) -> int:
        """An ID."""
        while (id_ := secrets.randbits(16)) in self._sequences:
            pass
        return id_

    def encode(self, sequence: int, token: int) -> bytes:
        """A query."""
        self._sequences[token] = sequence
        if len(self._sequences) > MAX_IDS:
            del self._sequences[next(iter(self._sequences))]
        return self._expectation.query(sequence, token)

    def decode(self, data: bytes) -> Answer | None:
        """A response to one of our queries, whatever it says."""
        try:
            response = dns.parse_response(data)
        except dns.Malformed as error:
            return self._answer(error.id, LossReason.BAD_ANSWER)
        if response is None:
            return None
        sequence = self._sequences.get(response.id)
        if sequence is None:
            return None
        if response.question is None and response.rcode != dns.NOERROR:
            return self._answer(response.id, self._expectation.failure(response, sequence))
        if response.question != self._expectation.question(sequence):
            return None
        return self._answer(response.id, self._expectation.failure(response, sequence))

    def quoted(self, data: bytes) -> Quoted | None:
        """The number of a quoted query."""
        if len(data) < ID_SIZE:
            return Quoted()
        id_ = int.from_bytes(data[:ID_SIZE], "big")
        sequence = self._sequences.get(id_)
        return None if sequence is None else Quoted(sequence, id_)

    def _answer(self, id_: int, failure: LossReason | None) -> Answer | None:
        sequence = self._sequences.get(id_)
        return None if sequence is None else Answer(sequence, id_, failure=failure)


async def ask(stream: Stream, expectation: Expectation, sequence: int, report: Report) -> None:
    """Have one question answered over TCP (RFC 7766 section 8: two bytes of length before each message)."""
    id_ = secrets.randbits(16)
    query = expectation.query(sequence, id_)
    await stream.connected()
    await stream.send(len(query).to_bytes(2, "big") + query)
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        chunk = await stream.receive()
        if not chunk.data:
            raise ExchangeFailed(LossReason.BAD_ANSWER, "the target closed before its answer")
        data += chunk.data
    try:
        response = dns.parse_response(data[2 : 2 + int.from_bytes(data[:2], "big")])
    except dns.Malformed as error:
        raise ExchangeFailed(LossReason.BAD_ANSWER, str(error)) from error
    asked = (id_, expectation.question(sequence))
    bare = response is not None and response.question is None and response.rcode != dns.NOERROR
    if response is None or (response.id, asked[1] if bare else response.question) != asked:
        raise ExchangeFailed(LossReason.BAD_ANSWER, "an answer to another question")
    failure = expectation.failure(response, sequence)
    if failure is not None:
        raise ExchangeFailed(failure, f"response code {response.rcode}, {len(response.records)} records")
    report(Answered(chunk.at))


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> Session:
    """See ProbeMethod. Over TCP the round trip is SYN to the answer, by our own clock."""
    options, port = probe.options, probe.port
    assert isinstance(options, DnsOptions)
    assert port is not None
    if options.transport is Transport.UDP:
        return udp_session(probe, address, clock, DnsCodec(options))
    expectation, sequences = Expectation(options), itertools.count()

    async def exchange(stream: Stream, _: Ledger, report: Report) -> None:
        await ask(stream, expectation, next(sequences), report)

    return ExchangeSession(
        address=address,
        connect=lambda: Stream(address, port, sender=sender_of(probe)),
        exchange=exchange,
        timeout=probe.timeout_ms * 1_000_000,
    )


METHOD = ProbeMethod(open=open_session)
