"""Sessions of the probe types that are one datagram there and one back."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from ..addresses import is_ipv6
from ..contract import Figure, LossReason, PlannedProbe, Refusal, RefusedAnswers
from ..contract.figure import NO_FIGURES, figures_by_name
from ..contract.refused_packets import IcmpError
from ..measure.ledger import Answer, Ledger
from ..measure.packet import Observer, Packet
from ..net.clocks import Clock
from ..net.datagram import open_udp
from ..net.errors import NotSent
from ..net.flow import Flow
from ..net.reverse_filter import own_reverse_filter
from ..wire import echo
from .sending import sender_of

log = logging.getLogger(__name__)

RECENT = 120_000_000_000
"""What this host's reverse path filter has dropped for longer (nanoseconds) may all be something else."""


class Quoted(NamedTuple):
    """Our own packet as an ICMP error quotes it."""

    sequence: int | None = None
    """None: cut short before it."""
    token: int | None = None
    """That of the packet, which only those know who have seen it; None: cut short before it."""


def quoted_echo(payload: bytes, cookie: bytes) -> Quoted | None:
    """Return what is quoted of an echo payload (see wire.echo), which the cookie proves; None: of another."""
    if len(payload) < echo.BASE_SIZE:
        return Quoted()
    sequence = echo.parse(payload, cookie)
    return None if sequence is None else Quoted(sequence, 0)


class Codec(ABC):
    """Makes the packets of one session and reads the answers."""

    __slots__ = ()
    counts_refused: ClassVar[bool] = False
    """Whether results tell of refused answers (`RefusedAnswers`)."""

    @abstractmethod
    def token(self, realtime: int) -> int:
        """What the answer to a packet sent at `realtime` (nanoseconds since the epoch) must carry back."""

    @abstractmethod
    def encode(self, sequence: int, token: int) -> bytes:
        """The packet."""

    @abstractmethod
    def decode(self, data: bytes) -> Answer | None:
        """What an answer says; None for anything that is not an answer in this session."""

    @abstractmethod
    def quoted(self, data: bytes) -> Quoted | None:
        """What an ICMP error quotes of a packet; None: it is none of this session."""

    def refusal(self, data: bytes) -> tuple[Refusal, int] | None:
        """Why `data` was no answer, and its bytes where their number is why; None: that is not counted."""
        return None

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        """See Session; nothing as a rule."""
        return NO_FIGURES


class DatagramSession:
    """See Session. Shares its socket with other sessions, which the event loop reads for all of them."""

    __slots__ = ("_clock", "_codec", "_filtered", "_filtered_at", "_said", "_sock", "address", "ledger")

    def __init__(self, *, address: str, sock: Flow, codec: Codec, clock: Clock, timeout: int) -> None:
        self.address = address
        self.ledger = Ledger(timeout=timeout)
        self._sock = sock
        self._codec = codec
        self._clock = clock
        self._said: str | None = None
        """Why this host did not send the packet before; None: it did."""
        self._filtered_at = clock.now()
        self._filtered = own_reverse_filter().drops(now=self._filtered_at)
        """When it was asked last, and what it had dropped by then; None: that was not to be had."""
        sock.receiver = self

    def send(self, observer: Observer | None = None) -> Packet:
        """Send one packet; see Session."""
        clock, ledger = self._clock, self.ledger
        codec = self._codec
        now = clock.now()
        token = codec.token(now + clock.offset)
        packet = ledger.record(at=now, token=token, observer=observer)
        try:
            self._sock.send(codec.encode(packet.sequence, token), packet)
        except NotSent as error:
            if error.reason is None:
                self._say(str(error))
            ledger.not_sent(packet, error.reason)
        else:
            self._said = None
        return packet

    def _say(self, trouble: str) -> None:
        """Log why this host does not send: once for all packets in a row, of which there may be thousands."""
        if trouble != self._said:
            log.warning("%s: packets are not sent: %s", self.address, trouble)
        self._said = trouble

    def drain(self, instant: int) -> bool:
        """See Session."""
        return self._sock.drain(instant)

    def arrived(self, data: bytes, at: int | None, read_at: int) -> None:
        """A datagram came from the target: an answer, or a foreign one (see Receiver)."""
        answer = self._codec.decode(data)
        if answer is None:
            self.ledger.foreign += 1
            if (refusal := self._codec.refusal(data)) is not None:
                self.ledger.refuse(*refusal)
            self._sock.unwanted()
        elif not self.ledger.answered(answer, arrived_at=at, read_at=read_at):
            self._sock.unwanted()

    def astray(self, data: bytes, address: str, port: int) -> bool:
        """Whether it answers a packet of ours, though it came from elsewhere (see Receiver)."""
        answer = self._codec.decode(data)
        return answer is not None and self.ledger.astray(answer, address, port)

    def refused(self, quote: bytes, reason: LossReason, error: IcmpError | None) -> None:
        """A packet was refused (see Receiver)."""
        quoted = self._codec.quoted(quote)
        if quoted is not None:
            self.ledger.refused(quoted.sequence, reason, error, token=quoted.token)

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        """See Session."""
        if self._codec.counts_refused:
            self._count_filtered(packets)
        own, refused = self._codec.figures(packets), self.ledger.take_refused()
        if not refused or not self._codec.counts_refused:
            return own
        return figures_by_name(*own.values(), RefusedAnswers.of(refused))

    def _count_filtered(self, packets: Sequence[Packet]) -> None:
        """Count packets without an answer as filtered by this host where it has filtered as many."""
        missing = sum(packet.vanished and packet.reason is None for packet in packets)
        if not missing or is_ipv6(self.address):
            return
        before, asked_at = self._filtered, self._filtered_at
        self._filtered_at = self._clock.now()
        self._filtered = own_reverse_filter().drops(now=self._filtered_at)
        if before is None or self._filtered is None or self._filtered_at - asked_at > RECENT:
            return
        if self._filtered - before >= missing:
            for _ in range(missing):
                self.ledger.refuse(Refusal.FILTERED)

    def drops(self) -> int:
        """See Session."""
        return self._sock.drops()

    def dropped_since(self, drops: int) -> bool:
        """See Session."""
        return self._sock.dropped_since(drops)

    def close(self) -> None:
        """End the conversation."""
        self._sock.close()


def udp_session(probe: PlannedProbe, address: str, clock: Clock, codec: Codec) -> DatagramSession:
    """A session with the probe's UDP port at an address. Raises OSError."""
    assert probe.port is not None
    return DatagramSession(
        address=address,
        sock=open_udp(address, probe.port, clock, sender=sender_of(probe)),
        codec=codec,
        clock=clock,
        timeout=probe.timeout_ms * 1_000_000,
    )
