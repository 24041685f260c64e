"""DNS probe over UDP: an answer is a response to our question, without error, with a record as asked for."""

import secrets

from ..contract import DnsOptions, LossReason, PlannedProbe
from ..measure.ledger import Answer
from ..net.clocks import Clock
from ..wire import dns
from .base import ProbeMethod
from .datagram import Codec, DatagramSession, udp_session

MAX_IDS = 16_384
"""Queries whose IDs are remembered: so long no ID is used twice, and a late answer finds its query."""


class DnsCodec(Codec):
    """Queries of one session. The token is the ID, random and none in use.

    A response is matched by source address and port, ID, and question without regard to case (RFC 5452
    section 9.1). The socket is shared and not connected, but hands a flow only what comes from the address
    and port that the flow sends to (`net/shared_socket.py`). The case of the question is not randomised: a
    server that does not keep it would look like a loss.
    """

    def __init__(self, options: DnsOptions) -> None:
        self._question = dns.question(options.query, options.record_type.value)
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
        return dns.pack_query(self._question, token)

    def decode(self, data: bytes) -> Answer | None:
        """A response to one of our queries, whatever it says."""
        try:
            response = dns.parse_response(data)
        except dns.Malformed as error:
            return self._answer(error.id, LossReason.BAD_ANSWER)
        if response is None:
            return None
        if response.question is None and response.rcode != dns.NOERROR:
            return self._answer(response.id, LossReason.UNEXPECTED_STATUS)
        if response.question != self._question:
            return None
        good = response.rcode == dns.NOERROR and self._question.type in response.types
        return self._answer(response.id, None if good else LossReason.UNEXPECTED_STATUS)

    def quoted(self, data: bytes) -> int | None:
        """The number of a quoted query."""
        return self._sequences.get(int.from_bytes(data[:2], "big")) if len(data) >= 2 else None

    def _answer(self, id_: int, failure: LossReason | None) -> Answer | None:
        sequence = self._sequences.get(id_)
        return None if sequence is None else Answer(sequence, id_, failure=failure)


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> DatagramSession:
    """See ProbeMethod."""
    assert isinstance(probe.options, DnsOptions)
    return udp_session(probe, address, clock, DnsCodec(probe.options))


METHOD = ProbeMethod(open=open_session)
