"""Several rounds of one probe added up."""

from collections import Counter
from dataclasses import dataclass, field

from ..contract import (
    ClockSource,
    Histogram,
    LossReason,
    LossShape,
    RefusedAnswers,
    RefusedKind,
    RoundResult,
)
from ..contract.methods.arrival import ARRIVALS, Arrivals


@dataclass(slots=True)
class Totals:
    """Sums as in RoundResult; directions are None once they were unknown in any round.

    `min_forward_lost` and `min_reverse_lost` count on, also where all rounds know their directions.
    """

    sent: int = 0
    not_sent: int = 0
    """Packets beside them that this host could not send."""
    received: int = 0
    duplicates: int = 0
    reordered: int = 0
    forward_lost: int | None = 0
    reverse_lost: int | None = 0
    min_forward_lost: int = 0
    min_reverse_lost: int = 0
    losses: Counter[LossReason] = field(default_factory=Counter)
    refused: Counter[RefusedKind] = field(default_factory=Counter)
    """Answers that were refused."""
    rtt: Histogram = field(default_factory=Histogram)
    jitter_sum: int = 0
    jitter_count: int = 0
    clocks: set[ClockSource] = field(default_factory=set)
    loss_shape: LossShape | None = None
    arrivals: dict[type[Arrivals], Arrivals] = field(default_factory=dict)
    """How packets arrived, so far as the target told."""

    def add(self, result: RoundResult) -> None:
        """Add one round."""
        self.sent += result.sent
        self.received += result.received
        self.duplicates += result.duplicates
        self.reordered += result.reordered
        self.forward_lost = _sum(self.forward_lost, result.forward_lost)
        self.reverse_lost = _sum(self.reverse_lost, result.reverse_lost)
        self.min_forward_lost += result.forward_lost or result.min_forward_lost
        self.min_reverse_lost += result.reverse_lost or result.min_reverse_lost
        self.losses.update(result.losses)
        if (refused := result.figure(RefusedAnswers)) is not None:
            self.refused.update(refused.counts)
        self.rtt.merge(result.rtt)
        self.jitter_sum += result.jitter_sum
        self.jitter_count += result.jitter_count
        shapes = (result.figure(LossShape), self.loss_shape)
        self.loss_shape = LossShape.total(shape for shape in shapes if shape is not None)
        for kind in ARRIVALS:
            self._add_arrivals(kind, result)
        if result.received:
            self.clocks.add(result.clock)

    def _add_arrivals(self, kind: type[Arrivals], result: RoundResult) -> None:
        figures = (result.figure(kind), self.arrivals.get(kind))
        total = kind.total(figure for figure in figures if figure is not None)
        if total is not None:
            self.arrivals[kind] = total

    @property
    def loss_percent(self) -> float | None:
        """Share of packets lost; None when none was sent."""
        return 100 * (self.sent - self.received) / self.sent if self.sent else None

    @property
    def mean_rtt(self) -> float | None:
        """Nanoseconds."""
        return self.rtt.sum / self.rtt.count if self.rtt.count else None

    @property
    def jitter(self) -> float | None:
        """Mean variation between successive round-trip times, nanoseconds."""
        return self.jitter_sum / self.jitter_count if self.jitter_count else None

    @property
    def clock(self) -> ClockSource | None:
        """Where the timestamps come from."""
        if not self.clocks:
            return None
        return next(iter(self.clocks)) if len(self.clocks) == 1 else ClockSource.MIXED


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more
