"""A round's figures from its packets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from ..contract import (
    METHODS,
    CheckRef,
    ClockSource,
    Figure,
    Histogram,
    Invalidity,
    LossReason,
    PlannedProbe,
    RoundResult,
)
from ..contract.bounds import MAX_DUPLICATES
from ..contract.figure import NO_FIGURES, figures_by_name
from ..contract.result import NOTHING
from .direction import NOT_KNOWN, Attribution
from .loss_shape import loss_shape
from .packet import Packet
from .refusers import refused_packets


def summarise(
    *,
    check: CheckRef,
    probe: PlannedProbe,
    packets: Sequence[Packet],
    started_at: int,
    duration: int,
    directions: Attribution = NOT_KNOWN,
    remote_ip: str | None = None,
    invalid: Invalidity | None = None,
    figures: Mapping[str, Figure] = NO_FIGURES,
) -> RoundResult:
    """The result of one round. `packets` in order of sequence; times in nanoseconds as in RoundResult."""
    answered = [packet for packet in packets if packet.answered]
    variations = delay_variations(packets)
    if not METHODS[probe.type].directed:
        directions = NOT_KNOWN
    losses, answers = NOTHING, None
    if len(answered) < len(packets):
        losses = _losses(packets)
        figures = {**figures, **_shape(packets, probe)}
        answers = "".join(["1" if packet.answered else "0" for packet in packets])
    return RoundResult(
        check=check,
        probe=probe.name,
        type=probe.type,
        started_at=started_at,
        duration=duration,
        sent=len(packets),
        received=len(answered),
        duplicates=min(sum([packet.arrivals for packet in answered]) - len(answered), MAX_DUPLICATES),
        reordered=sum([packet.reordered for packet in answered]),
        forward_lost=directions.forward,
        reverse_lost=directions.reverse,
        min_forward_lost=directions.min_forward,
        min_reverse_lost=directions.min_reverse,
        losses=losses,
        rtt=Histogram.of([packet.rtt for packet in answered if packet.rtt is not None]),
        jitter_sum=sum(variations),
        jitter_count=len(variations),
        clock=_clock({packet.clock for packet in answered}),
        remote_ip=remote_ip,
        invalid=invalid,
        figures=figures,
        answers=answers,
        refused=refused_packets(packets) if losses else (),
    )


def _shape(packets: Sequence[Packet], probe: PlannedProbe) -> Mapping[str, Figure]:
    shape = loss_shape(packets, spacing=probe.spacing_ms * 1_000_000)
    return NO_FIGURES if shape is None else figures_by_name(shape)


def delay_variations(packets: Sequence[Packet]) -> list[int]:
    """|RTT(i) - RTT(i-1)| for each pair of successive packets that were both answered (RFC 3393)."""
    return [
        abs(there.rtt - here.rtt)
        for there, here in pairwise(packets)
        if there.rtt is not None and here.rtt is not None and here.sequence == there.sequence + 1
    ]


def _losses(packets: Sequence[Packet]) -> Mapping[LossReason, int]:
    return MappingProxyType(
        Counter(packet.reason or LossReason.TIMEOUT for packet in packets if not packet.answered)
    )


def _clock(sources: set[ClockSource]) -> ClockSource:
    if not sources:
        return ClockSource.USER
    return sources.pop() if len(sources) == 1 else ClockSource.MIXED
