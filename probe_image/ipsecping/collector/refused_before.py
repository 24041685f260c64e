"""What the rounds before were refused, as evidence. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..addresses import without_zone
from ..contract import LossReason, ProbeType
from ..contract.bounds import MAX_COUNT, MAX_RTT
from ..contract.refused_packets import RefusedPackets
from ..diagnosis.evidence import MAX_KINDS
from ..diagnosis.refusal import ErrorKind, PastError
from .refusals import HERE, error_kind

_DATAGRAMS = frozenset({ProbeType.STAMP, ProbeType.UDP_ECHO, ProbeType.ICMP, ProbeType.DNS})
"""Whose packets only ICMP errors refuse."""


def past_errors(
    told: Iterable[tuple[ProbeType, int, RefusedPackets]], address: str
) -> tuple[PastError, ...] | None:
    """Return who refused packets to the address, newest first: by method and kind; None: nobody.

    `told`: the method, when the round began, and what was refused in it.
    """
    found = dict[tuple[object, ...], PastError]()
    for each in _errors(told, address):
        key = each.type, each.kind, each.sender, each.code
        found[key] = _added(found[key], each) if key in found else each
    newest = sorted(found.values(), key=lambda each: (-each.until, -each.count))
    return tuple(newest[:MAX_KINDS]) or None


def _errors(told: Iterable[tuple[ProbeType, int, RefusedPackets]], address: str) -> Iterator[PastError]:
    for method, at, packets in told:
        kind, sender = _kind(packets, method), packets.sender
        if packets.reason == LossReason.REFUSED:  # which only the target itself does
            sender = without_zone(address)
        # Who has not said who they are may be anybody, and so who has not shown that they saw the packet.
        shown = packets.icmp is not None or method not in _DATAGRAMS
        if kind is None or (packets.left and (sender is None or not shown)):
            continue
        yield PastError(
            type=method,
            kind=kind,
            sender=sender if packets.left else None,
            code=None if packets.icmp is None else packets.icmp[1:],
            count=min(packets.packets, MAX_COUNT),
            until=at,
            delay=None if packets.delay is None else min(packets.delay, MAX_RTT),
        )


def _kind(packets: RefusedPackets, method: ProbeType) -> ErrorKind | None:
    if not packets.left:
        return HERE.get(packets.reason)
    if packets.icmp is not None:
        return error_kind(*packets.icmp)
    if packets.reason != LossReason.REFUSED:
        return None
    return ErrorKind.RESET if method == ProbeType.TCP else ErrorKind.PORT_UNREACHABLE


def _added(one: PastError, other: PastError) -> PastError:
    return replace(
        one,
        count=min(one.count + other.count, MAX_COUNT),
        until=max(one.until, other.until),
        delay=max(one.delay or 0, other.delay or 0) if (one.delay, other.delay) != (None, None) else None,
    )
