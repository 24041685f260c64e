"""What became of a packet, as a line."""

from ..measure.ledger import FIRST_SEQUENCE
from ..measure.packet import Packet
from .terminal import Mood

UNTIMED = "a clock was set, or the reflector's times are wrong"
"""Why an answered packet may have no round-trip time."""


def packet_line(packet: Packet) -> tuple[str, Mood]:
    """`seq=1 rtt=0.123 ms`, or why there is no round-trip time. Numbers start at 1."""
    text, mood = _fate(packet)
    return f"seq={packet.sequence - FIRST_SEQUENCE + 1} {text}", mood


def _fate(packet: Packet) -> tuple[str, Mood]:
    if packet.failed_here:
        return "not sent, this host could not", Mood.BAD
    if not packet.answered:
        return "late, counts as lost" if packet.arrivals else str(packet.reason or "Timeout"), Mood.BAD
    if packet.arrivals > 1:
        return "duplicate", Mood.ODD
    if packet.rtt is None:
        return f"rtt unknown: {UNTIMED}", Mood.ODD
    return f"rtt={packet.rtt / 1e6:.3f} ms", Mood.PLAIN
