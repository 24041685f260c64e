"""Who refused the packets of a train, and why. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from types import MappingProxyType

from ..addresses import without_zone
from ..contract import LossReason, ProbeType
from ..contract.trace import Reply, ReplyKind, Trace
from ..diagnosis.evidence import MAX_KINDS
from ..diagnosis.refusal import ErrorKind, PathError
from ..measure.packet import Packet
from ..net.timestamping import ExtendedError
from ..trace.findings import loop
from ..trace.icmp_errors import ICMP, ICMPV6, kind_of
from .steps import Train

_UNREACHABLE = {
    ReplyKind.HOST_UNREACHABLE: ErrorKind.HOST_UNREACHABLE,
    ReplyKind.NETWORK_UNREACHABLE: ErrorKind.NET_UNREACHABLE,
    ReplyKind.PROTOCOL_UNREACHABLE: ErrorKind.PROTOCOL_UNREACHABLE,
    ReplyKind.UNREACHABLE: ErrorKind.NET_UNREACHABLE,
}
_PROHIBITED = {
    ReplyKind.PROHIBITED: ErrorKind.PROHIBITED,
    ReplyKind.PORT_UNREACHABLE: ErrorKind.PORT_UNREACHABLE,
}
_ERRORS: Mapping[ReplyKind, ErrorKind] = MappingProxyType(
    {**_UNREACHABLE, **_PROHIBITED, ReplyKind.TIME_EXCEEDED: ErrorKind.TIME_EXCEEDED}
)
"""What an ICMP error about a packet with a full TTL comes to."""
HERE = {
    LossReason.PROHIBITED: ErrorKind.NOT_PERMITTED,
    LossReason.UNREACHABLE: ErrorKind.NO_ROUTE,
    LossReason.MESSAGE_TOO_BIG: ErrorKind.TOO_BIG,
}


def refusals(train: Train, packets: Sequence[Packet], trace: Trace | None) -> Iterator[PathError]:
    """Yield who refused how many: by the packets' own errors, else by what the trace of them has heard."""
    lost = [packet for packet in packets if not packet.answered]
    here = Counter(lost_reasons([packet for packet in lost if not packet.left], misanswered=False))
    there = [packet for packet in lost if packet.left]
    for reason, count in here.items():
        if (kind := HERE.get(reason)) is not None:
            yield PathError(kind=kind, sender=None, count=count)
    refused = Counter(
        named
        for packet in there
        if packet.reason is not None and not packet.reason.misanswered
        if (named := _said_by(packet) or _refuser(train, packet.reason, trace)) is not None
    )
    for named, count in refused.most_common(MAX_KINDS):
        yield replace(named, count=count)
    reasons = set(lost_reasons(there, misanswered=False))
    if trace is not None and len(lost) == len(packets) and not (here or reasons - _SILENCE):
        yield from _refused_trace(train, trace, most=len(packets))


def error_kind(version: int, kind: int, code: int) -> ErrorKind | None:
    """Return what an ICMP error (of that version of IP) about a packet with a full TTL comes to."""
    said = kind_of(ExtendedError(0, ICMPV6 if version == 6 else ICMP, kind, code, 0, 0))
    return None if said is None else _ERRORS.get(said)


def _said_by(packet: Packet) -> PathError | None:
    """Return who says why a packet is lost, where the error quotes enough of it to be believed."""
    error = packet.error
    if error is None or not error.sender:
        return None
    kind = error_kind(error.version, error.type, error.code)
    return None if kind is None else PathError(kind=kind, sender=str(ip_address(error.sender)), count=0)


_SILENCE = {LossReason.TIMEOUT}


def _refused_trace(train: Train, trace: Trace, *, most: int) -> Iterator[PathError]:
    """Yield who refuses the trace's packets, where all of the train's are lost and nobody says why: the rate
    of ICMP errors is limited (RFC 1812 section 4.3.2.8), and all those that were sent went to the trace."""
    kinds = _UNREACHABLE | _PROHIBITED
    if trace.address != train.address or any(map(trace.from_target, _replies(trace))):
        return
    told = Counter(
        PathError(kind=kinds[each.kind], sender=each.sender, count=0, cut_short=not each.proven)
        for each in _replies(trace)
        if each.kind in kinds and each.sender
    )
    for named, count in told.most_common(1):
        yield replace(named, count=min(count, most))


def _replies(trace: Trace) -> Iterator[Reply]:
    return (reply for hop in trace.hops for reply in hop.replies)


def _refuser(train: Train, reason: LossReason, trace: Trace | None) -> PathError | None:
    """Who refuses packets for that reason, where their own errors do not say; None: it is not known."""
    replies = [] if trace is None or trace.address != train.address else list(_replies(trace))
    if reason == LossReason.REFUSED:  # which only the target itself does
        return _refused_by_target(train, trace, replies)
    kinds: Mapping[ReplyKind, ErrorKind] = {
        LossReason.UNREACHABLE: _UNREACHABLE,
        LossReason.PROHIBITED: _PROHIBITED,
    }.get(reason, {})
    said = [reply for reply in replies if reply.kind in kinds and reply.sender is not None]
    if said:
        reply = min(said, key=lambda each: not each.proven)
        return PathError(kind=kinds[reply.kind], sender=reply.sender, count=0, cut_short=not reply.proven)
    circle = loop(trace) if replies and trace and reason == LossReason.UNREACHABLE else None
    if circle is not None:
        round_it = (reply for reply in replies if reply.sender in circle.routers)
        proven = all(reply.proven for reply in round_it)
        return PathError(
            kind=ErrorKind.TIME_EXCEEDED, sender=circle.routers[0], count=0, cut_short=not proven
        )
    return None


def _refused_by_target(train: Train, trace: Trace | None, replies: Sequence[Reply]) -> PathError:
    """A datagram that was refused by an error cut short: what the trace has heard may quote more.

    Of a connection the kernel compares the numbers (RFC 5927 section 4.1).
    """
    datagram = train.method.is_datagram or train.method.type == ProbeType.DNS
    proven = trace is not None and any(
        reply.proven and reply.kind is ReplyKind.PORT_UNREACHABLE and trace.from_target(reply)
        for reply in replies
    )
    kind = ErrorKind.RESET if train.method.type == ProbeType.TCP else ErrorKind.PORT_UNREACHABLE
    sender = without_zone(train.address)
    return PathError(kind=kind, sender=sender, count=0, cut_short=datagram and not proven)


def lost_reasons(packets: Sequence[Packet], *, misanswered: bool) -> Iterator[LossReason]:
    """Yield why packets were lost: what the target answered wrongly, or all the rest."""
    for packet in packets:
        if not packet.answered and packet.reason is not None and packet.reason.misanswered is misanswered:
            yield packet.reason
