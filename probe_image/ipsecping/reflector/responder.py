"""What is answered to a packet, without I/O: bytes, addresses and times in, an answer or a reason out."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from ..addresses import parse_address
from ..wire import stamp, tlv
from ..wire.ntp import ntp_from_unix
from .admission import Admission, Drop
from .loops import LEAST_TTL, SourcePorts
from .sessions import ReflectedSession, SessionId, SessionTable


class Request(NamedTuple):
    """One packet received. `received_at` is T2 in nanoseconds since the Unix epoch, `now` monotonic."""

    data: bytes
    peer: str
    peer_port: int
    local: str
    """The address the packet was sent to; with the port it is part of the session's identity."""
    local_port: int
    ttl: int
    """As it arrived; 0 where the kernel does not tell."""
    traffic_class: int | None
    """DSCP and ECN of the IP header, as in its byte; None where the kernel does not tell."""
    received_at: int
    now: int


@dataclass(slots=True)
class Reply:
    """An answer but for what depends on when it is sent."""

    data: bytearray
    dscp: int
    """Differentiated services code point to send it with."""
    ttl: int
    """The most it may be sent with, as TTL or hop limit: see `loops`."""
    key: bytes | None = None
    """What to sign it with."""


class Responder(Protocol):
    """One kind of reflector. An answer never has more bytes than its request."""

    def answer(self, request: Request) -> Reply | Drop:
        """The answer but for its time of sending, or why there is none."""

    def finish(self, reply: Reply, sent_at: int) -> None:
        """Write T3 (nanoseconds since the Unix epoch) into an answer, as late as possible, and sign it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StampPolicy:
    """What the operator of a reflector decides."""

    stateful: bool = True
    """Count the replies of each session; otherwise copy the sender's numbers (RFC 8762 section 4)."""
    tell_location: bool = True
    """Answer addresses and ports in Location TLVs."""
    permit_dscp: bool = True
    """Let Class of Service TLVs choose the DSCP of the answer."""
    keys_for_tlvs: bool = False
    """Unauthenticated mode, in which the keys verify HMAC TLVs only (RFC 8972 section 4.8)."""


def _refused(request: Request, ports: SourcePorts, admission: Admission) -> Drop | None:
    """Why a request is not even looked at, whatever the protocol, or None."""
    return (
        ports.refuse(request.peer_port)
        or admission.refuse(request.peer, request.now, len(request.data))
        or (Drop.TTL_EXPIRED if request.ttl < LEAST_TTL else None)
    )


class StampResponder:
    """A Session-Reflector (RFC 8762 section 4.3). An answer goes out in the class its request came in."""

    def __init__(
        self,
        *,
        admission: Admission,
        sessions: SessionTable,
        own_ports: Collection[int],
        permitted_ports: Collection[int] = (),
        error_estimate: Callable[[int], int],
        keys: Callable[[], Sequence[bytes]] | None = None,
        policy: StampPolicy = StampPolicy(),
    ) -> None:
        """Ports: see SourcePorts. `error_estimate`: the clock's quality at a monotonic time.

        With `keys`, packets must be signed.
        """
        self._admission = admission
        self._sessions = sessions
        self._ports = SourcePorts(own=own_ports, permitted={stamp.PORT, *permitted_ports})
        self._error_estimate = error_estimate
        self._keys = keys
        self._policy = policy
        signed = keys is not None and not policy.keys_for_tlvs
        self._mode = stamp.AUTHENTICATED if signed else stamp.UNAUTHENTICATED

    def answer(self, request: Request) -> Reply | Drop:
        """A reflected packet of the request's length; see Responder."""
        if refused := _refused(request, self._ports, self._admission):
            return refused
        key: bytes | None = None
        keys: Sequence[bytes] = () if self._keys is None else self._keys()
        if self._mode is stamp.AUTHENTICATED:
            key = stamp.signed_with(request.data, keys)
            if key is None:
                return Drop.NOT_AUTHENTIC
            if stamp.is_reflected(request.data):
                return Drop.LOOP
            keys = (key,)
        packet = stamp.parse_sender(request.data, self._mode)
        if packet is None:
            return Drop.TOO_SHORT
        if packet.twamp:
            # What is not zeros may also be the other mode's layout, or an answer.
            if stamp.is_authenticated(request.data):
                return Drop.OTHER_MODE
            if stamp.is_answer(request.data):
                return Drop.LOOP
        identity = SessionId(request.peer, request.peer_port, request.local, request.local_port, packet.ssid)
        return self._reflect(request, packet, identity, key, keys)

    def finish(self, reply: Reply, sent_at: int) -> None:
        """Write T3 and sign; see Responder."""
        stamp.put_transmit_time(reply.data, ntp_from_unix(sent_at), self._mode)
        if reply.key is not None:
            stamp.sign(reply.data, reply.key)

    def _reflect(
        self,
        request: Request,
        packet: stamp.SenderPacket,
        identity: SessionId,
        key: bytes | None,
        keys: Sequence[bytes],
    ) -> Reply | Drop:
        session = self._sessions.session(identity, request.now)
        if key is not None and not session.admit(packet.sequence, packet.timestamp):
            return Drop.REPLAYED
        session.received += 1
        data = stamp.pack_reflector(
            stamp.ReflectorPacket(
                session.transmitted if self._policy.stateful else packet.sequence,
                0,  # T3: see `finish`
                self._error_estimate(request.now),
                ntp_from_unix(request.received_at),
                packet.sequence,
                packet.timestamp,
                packet.error_estimate,
                request.ttl & 0xFF,
                packet.ssid,
            ),
            request.data,
            self._mode,
        )
        session.transmitted = (session.transmitted + 1) % 2**32
        dscp = None
        extended = len(data) > self._mode.size and not packet.twamp
        if extended and not tlv.reflect_padding(data, self._mode.size):
            circumstances = self._circumstances(request, session)
            dscp = tlv.reflect(
                data,
                self._mode.size,
                circumstances,
                sequence=packet.sequence,
                keys=keys,
                signed=key is not None,
            )
        if dscp is None:
            dscp = (request.traffic_class or 0) >> 2
        return Reply(data, dscp, request.ttl - 1, key)

    def _circumstances(self, request: Request, session: ReflectedSession) -> tlv.Circumstances:
        return tlv.Circumstances(
            source=_octets(request.peer),
            source_port=request.peer_port,
            destination=_octets(request.local),
            destination_port=request.local_port,
            traffic_class=request.traffic_class,
            received=session.received,
            transmitted=session.transmitted,
            stateful=self._policy.stateful,
            tell_location=self._policy.tell_location,
            permit_dscp=self._policy.permit_dscp,
        )


class EchoResponder:
    """Sends back what came (RFC 862), in the class it came in."""

    def __init__(
        self, *, admission: Admission, own_ports: Collection[int], permitted_ports: Collection[int] = ()
    ) -> None:
        """Ports: see SourcePorts."""
        self._admission = admission
        self._ports = SourcePorts(own=own_ports, permitted=permitted_ports)

    def answer(self, request: Request) -> Reply | Drop:
        """The request's own bytes; see Responder."""
        if refused := _refused(request, self._ports, self._admission):
            return refused
        return Reply(bytearray(request.data), (request.traffic_class or 0) >> 2, request.ttl - 1)

    def finish(self, reply: Reply, sent_at: int) -> None:
        """An echo carries no time."""


@lru_cache(maxsize=1024)
def _octets(address: str) -> bytes:
    return parse_address(address).packed
