"""What is answered to a packet, without I/O: octets, addresses and times in, an answer or a reason out."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from ..wire import stamp
from ..wire.ntp import UNSYNCHRONIZED, ntp_from_unix
from .admission import Admission, Drop
from .sessions import SessionTable


class Request(NamedTuple):
    """One packet received. `received_at` is T2 in nanoseconds since the Unix epoch, `now` monotonic."""

    data: bytes
    peer: str
    peer_port: int
    local: str
    """The address the packet was sent to; with the port it is part of the session's identity."""
    local_port: int
    ttl: int
    received_at: int
    now: int


class Responder(Protocol):
    """One kind of reflector. An answer never has more octets than its request."""

    def answer(self, request: Request) -> bytearray | Drop:
        """The answer but for its time of sending, or why there is none."""

    def finish(self, answer: bytearray, sent_at: int) -> None:
        """Write T3 (nanoseconds since the Unix epoch) into an answer, as late as possible."""


class StampResponder:
    """A stateful Session-Reflector (RFC 8762 section 4.3)."""

    def __init__(self, *, admission: Admission, sessions: SessionTable, own_ports: Collection[int]) -> None:
        self._admission = admission
        self._sessions = sessions
        self._own_ports = own_ports

    def answer(self, request: Request) -> bytearray | Drop:
        """A reflected packet of the request's length; see Responder."""
        if request.peer_port in self._own_ports:
            return Drop.LOOP
        if refused := self._admission.refuse(request.peer, request.now):
            return refused
        packet = stamp.parse_sender(request.data)
        if packet is None:
            return Drop.TOO_SHORT
        session = (request.peer, request.peer_port, request.local, request.local_port)
        return stamp.pack_reflector(
            stamp.ReflectorPacket(
                sequence=self._sessions.next_sequence(session, request.now),
                timestamp=0,
                error_estimate=UNSYNCHRONIZED,
                receive_timestamp=ntp_from_unix(request.received_at),
                sender_sequence=packet.sequence,
                sender_timestamp=packet.timestamp,
                sender_error_estimate=packet.error_estimate,
                sender_ttl=request.ttl & 0xFF,
            ),
            request.data,
        )

    def finish(self, answer: bytearray, sent_at: int) -> None:
        """Write T3; see Responder."""
        stamp.put_transmit_time(answer, ntp_from_unix(sent_at))


class EchoResponder:
    """Sends back what came (RFC 862)."""

    def __init__(self, *, admission: Admission, own_ports: Collection[int]) -> None:
        self._admission = admission
        self._own_ports = own_ports

    def answer(self, request: Request) -> bytearray | Drop:
        """The request's own octets; see Responder."""
        if request.peer_port in self._own_ports:
            return Drop.LOOP
        return self._admission.refuse(request.peer, request.now) or bytearray(request.data)

    def finish(self, answer: bytearray, sent_at: int) -> None:
        """An echo carries no time."""
