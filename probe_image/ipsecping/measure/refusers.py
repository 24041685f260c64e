"""Who refused packets of a round. Pure."""

from collections.abc import Sequence
from ipaddress import ip_address

from ..contract import LossReason
from ..contract.refused_packets import MAX_REFUSERS, RefusedPackets
from .packet import Packet

_REFUSALS = frozenset({LossReason.REFUSED, LossReason.UNREACHABLE, LossReason.PROHIBITED})


def refused_packets(packets: Sequence[Packet]) -> tuple[RefusedPackets, ...]:
    """Return the refused ones by sender and reason, those of the most packets first."""
    found = dict[tuple[object, ...], RefusedPackets]()
    for packet in packets:
        if packet.answered or packet.reason is None or packet.reason not in _REFUSALS:
            continue
        error = packet.error
        key = packet.reason, packet.left, None if error is None else error[:4]
        known = found.get(key) or _none_yet(packet)
        delay = known.delay if error is None else max(error.at - packet.sent_at, known.delay or 0)
        found[key] = known._replace(packets=known.packets + 1, delay=delay)
    return tuple(sorted(found.values(), key=lambda each: -each.packets)[:MAX_REFUSERS])


def _none_yet(packet: Packet) -> RefusedPackets:
    assert packet.reason is not None
    error = packet.error
    if error is None:
        return RefusedPackets(packet.reason, packet.left, packets=0)
    sender = str(ip_address(error.sender)) if error.sender else None
    return RefusedPackets(
        packet.reason, packet.left, (error.version, error.type, error.code), sender, packets=0
    )
