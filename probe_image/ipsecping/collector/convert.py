"""What was measured, as evidence. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import quantiles
from types import MappingProxyType

from ..contract import Invalidity, LossReason, PathMtu, ProbeType
from ..contract.bounds import MAX_COUNT
from ..contract.methods.stamp import HOPS_TTL
from ..contract.trace import ReplyKind, Trace
from ..diagnosis.evidence import MAX_KINDS, Batch, Hop, HopKind, IkeAnswer, IkeFound, PathMtuFound
from ..diagnosis.too_big import TooBig
from ..measure.direction import NOT_KNOWN, Attribution
from ..measure.packet import Packet
from ..probes.ike_exchange import PortOutcome
from .refusals import lost_reasons, refusals
from .steps import Train

LATE = 50_000_000
"""Nanoseconds after the fastest: what is answered later has met a queue, or something that stood still."""
CONGESTION = 3
"""ECN CE (RFC 3168)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What became of one flow of a train."""

    train: Train
    at: int
    """Of its first packet, nanoseconds since the Unix epoch."""
    packets: Sequence[Packet]
    directions: Attribution
    source_port: int | None = None
    idle: int | None = None
    """How long nothing was sent before, nanoseconds."""
    invalid: Invalidity | None = None


def mixed(samples: Sequence[Sample]) -> Sample:
    """Return the flows of a train as one, packets in the order of sending.

    Each direction has the losses of those flows that can tell it, all others lost are of neither.
    """
    first, *others = samples
    if not others:
        return replace(first, source_port=None)
    told = [
        each.directions for each in samples if None not in (each.directions.forward, each.directions.reverse)
    ]
    forward, reverse = sum(each.forward or 0 for each in told), sum(each.reverse or 0 for each in told)
    packets = sorted((packet for each in samples for packet in each.packets), key=lambda each: each.sent_at)
    added = Attribution(forward, reverse, NOT_KNOWN.anchor) if told else NOT_KNOWN
    return replace(first, packets=packets, directions=added, source_port=None)


def batch_of(sample: Sample, trace: Trace | None) -> Batch:
    """Return the batch; `trace` of the same method names who refuses packets to the same address."""
    train, packets = sample.train, sample.packets
    answered = [packet for packet in packets if packet.answered]
    # How long a conversation takes is more the service's matter than the path's.
    timed = () if train.method.converses else answered
    times = sorted(packet.rtt for packet in timed if packet.rtt is not None)
    deciles = quantiles(times, n=10, method="inclusive") if len(times) > 1 else times * 9
    seen = [packet.seen for packet in answered if packet.seen is not None]
    markings = [each.marking for each in seen if each.marking is not None]
    hops = _commonest([each.hops for each in seen if each.hops is not None])
    directions = sample.directions
    return Batch(
        part=train.part,
        type=train.method.type,
        address=train.address,
        window=train.window,
        at=sample.at,
        size=train.size,
        spacing=train.spacing_ms * 1_000_000 // (1 if sample.source_port is not None else train.flows),
        dscp=train.dscp,
        source_port=sample.source_port,
        idle=sample.idle,
        sent=len(packets),
        answered=len(answered),
        answers="".join("1" if packet.answered else "0" for packet in packets),
        late=_late(packets, times[0]) if times and times[-1] - times[0] >= LATE else None,
        forward_lost=directions.forward,
        reverse_lost=directions.reverse,
        duplicates=min(sum(packet.arrivals for packet in answered) - len(answered), MAX_COUNT),
        reordered=sum(packet.reordered for packet in answered),
        rtt_min=times[0] if times else None,
        rtt_p50=int(deciles[4]) if times else None,
        rtt_p90=int(deciles[8]) if times else None,
        ttl_seen=None if hops is None or not 0 <= HOPS_TTL - hops <= 255 else HOPS_TTL - hops,
        dscp_seen=_commonest([each.dscp for each in markings]),
        congestion_marks=sum(each.ecn == CONGESTION for each in markings),
        sources=MappingProxyType(
            dict(Counter(each.source for each in seen if each.source is not None).most_common(MAX_KINDS))
        ),
        errors=tuple(refusals(train, packets, trace)),
        misanswered=MappingProxyType(Counter(lost_reasons(packets, misanswered=True))),
    )


def _late(packets: Sequence[Packet], fastest: int) -> str:
    return "".join(
        "1" if packet.answered and packet.rtt is not None and packet.rtt - fastest >= LATE else "0"
        for packet in packets
    )


def hops_of(method: ProbeType, trace: Trace) -> Iterator[Hop]:
    """Yield the hops of one trace; one for each address that has answered at a hop."""
    for hop in trace.hops:
        if not hop.replies:
            yield Hop(type=method, ttl=hop.ttl, kind=HopKind.SILENT)
        known = set[str | None]()
        for reply in hop.replies:
            kind = _HOP_KINDS.get(reply.kind, HopKind.UNREACHABLE)
            if trace.from_target(reply):
                kind = HopKind.REACHED
            if reply.sender not in known:
                known.add(reply.sender)
                yield Hop(
                    type=method,
                    ttl=hop.ttl,
                    kind=kind,
                    address=reply.sender,
                    rtt=reply.rtt,
                    quoted=reply.proven and kind is not HopKind.REACHED,
                )


def path_mtu_of(found: PathMtu, *, high: int, cut: bool, whole: bool = False) -> PathMtuFound | None:
    """Return the path MTU by direction; None: not even the smallest size passed.

    `high`: the largest size that was tried; `cut`: answers came back shortened or in pieces, so that the
    target was told what the way back carries. `whole`: a reflector sends them whole or not at all, so that
    it does not show whether it was told.
    """
    if found.forward is None:
        return None
    smaller = found.reverse is not None and found.reverse < found.forward
    return PathMtuFound(
        forward=found.forward,
        reverse=found.reverse if smaller else None,
        forward_told=found.too_big if found.forward < high else None,
        reverse_told=None if not smaller or (whole and not cut) else cut,
        too_big=None if found.too_big_from is None else TooBig(router=found.too_big_from, mtu=found.forward),
    )


def ike_of(outcomes: Sequence[PortOutcome]) -> IkeFound | None:
    """Return what the ports said; None: this host could ask none."""
    ports = {
        outcome.port: IkeAnswer.ANSWERED
        if outcome.answer is not None
        else IkeAnswer.REFUSED
        if outcome.reason == LossReason.REFUSED
        else IkeAnswer.SILENT
        for outcome in outcomes
        if outcome.answer is not None or outcome.reason is not None
    }
    return IkeFound(ports=MappingProxyType(ports)) if ports else None


_HOP_KINDS = {
    ReplyKind.TIME_EXCEEDED: HopKind.TIME_EXCEEDED,
    ReplyKind.PROHIBITED: HopKind.PROHIBITED,
}


def _commonest(values: Sequence[int]) -> int | None:
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0] if values else None
