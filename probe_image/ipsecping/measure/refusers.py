"""Who refused packets of a round. Pure."""

from collections.abc import Sequence
from ipaddress import ip_address

from ..contract import LossReason
from ..contract.refused_packets import MAX_REFUSERS, RefusedPackets
from .packet import Packet

_REFUSALS = frozenset({LossReason.REFUSED, LossReason.UNREACHABLE, LossReason.PROHIBITED})


def refused_packets(packets: Sequence[Packet]) -> tuple[RefusedPackets, ...]:
    """Return the refused ones by sender and reason, those of the most packets first."""
    found = dict[tuple[object, ...], list[Packet]]()
    for packet in packets:
        reason, error = packet.reason, packet.error
        if packet.answered or reason not in _REFUSALS:
            continue
        key = (reason, packet.left) if error is None else (reason, error.type, error.code, error.sender)
        found.setdefault(key, []).append(packet)
    most = sorted(found.values(), key=len, reverse=True)[:MAX_REFUSERS]
    return tuple(map(_alike, most))


def _alike(packets: Sequence[Packet]) -> RefusedPackets:
    first, count = packets[0], len(packets)
    assert first.reason is not None
    error = first.error
    if error is None:
        return RefusedPackets(first.reason, first.left, packets=count)
    return RefusedPackets(
        first.reason,
        first.left,
        (error.version, error.type, error.code),
        str(ip_address(error.sender)) if error.sender else None,
        count,
        max(each.error.at - each.sent_at for each in packets if each.error is not None),
    )
