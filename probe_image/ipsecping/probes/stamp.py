"""STAMP probe (RFC 8762, unauthenticated): an answer is a reflected packet with our number and timestamp."""

from ..contract import PlannedProbe
from ..measure.ledger import Answer
from ..net.clocks import Clock
from ..net.datagram import open_udp
from ..wire import stamp
from ..wire.ntp import UNSYNCHRONIZED, ntp_from_unix
from .base import ProbeMethod
from .datagram import DatagramSession


class StampCodec:
    """Session-Sender packets of one size. The token is T1 as on the wire, which the reflector copies."""

    def __init__(self, size: int) -> None:
        self._size = size

    def token(self, realtime: int) -> int:
        """T1 in NTP format."""
        return ntp_from_unix(realtime)

    def encode(self, sequence: int, token: int) -> bytes:
        """A Session-Sender packet."""
        return stamp.pack_sender(stamp.SenderPacket(sequence, token, UNSYNCHRONIZED), self._size)

    def decode(self, data: bytes) -> Answer | None:
        """A Session-Reflector packet."""
        packet = stamp.parse_reflector(data)
        if packet is None:
            return None
        return Answer(packet.sender_sequence, packet.sender_timestamp, packet.sequence, packet.residence)

    def quoted(self, data: bytes) -> int | None:
        """The number of a quoted Session-Sender packet."""
        return int.from_bytes(data[:4], "big") if len(data) >= 4 else None


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> DatagramSession:
    """See ProbeMethod."""
    assert probe.port is not None
    return DatagramSession(
        address=address,
        sock=open_udp(address, probe.port, clock, dscp=probe.dscp),
        codec=StampCodec(probe.size),
        clock=clock,
        timeout=probe.timeout_ms * 1_000_000,
    )


METHOD = ProbeMethod(least_size=stamp.BASE_SIZE, open=open_session)
