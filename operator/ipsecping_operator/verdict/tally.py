"""What some rounds of one probe measured, added up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ipsecping.contract import Figure, Histogram, Invalidity, LossReason, RoundResult, packets_reached
from ipsecping.contract.figure import NO_FIGURES, F, figure_in, figures_by_name

from .packed_histogram import EMPTY, PackedHistogram, pack, percentiles_of, unpack

NOTHING: Mapping[LossReason, int] = MappingProxyType({})
COUNTS = (
    "rounds",
    "sent",
    "received",
    "duplicates",
    "reordered",
    "forward_lost",
    "reverse_lost",
    "undirected",
    "jitter_count",
    "reached",
)
"""Fields that count packets or rounds, and are small in the tally of one round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts over `rounds` valid rounds between `start` and `end`; invalid rounds add to `invalid` and
    `reached` only.

    `directed` says whether any round knew the direction of its losses; `undirected` counts the packets lost
    whose direction is not known. Directions are known when the first is true and the second zero; otherwise
    `forward_lost` and `reverse_lost` are so many at the least.
    """

    start: int
    end: int
    rounds: int = 0
    invalid: int = 0
    invalidity: Invalidity | None = None
    """Of the newest invalid round."""
    sent: int = 0
    received: int = 0
    duplicates: int = 0
    reordered: int = 0
    forward_lost: int = 0
    reverse_lost: int = 0
    directed: bool = False
    undirected: int = 0
    losses: Mapping[LossReason, int] = field(default_factory=lambda: NOTHING)
    packed_rtt: PackedHistogram = EMPTY
    jitter_sum: int = 0
    jitter_count: int = 0
    reached: int = 0
    """Packets that the target is known to have got, in invalid rounds too: a leak is a leak."""
    figures: Mapping[str, Figure] = field(default_factory=lambda: NO_FIGURES)
    """What only probes of its type measure, by `Figure.name`; some of it in invalid rounds too."""

    @classmethod
    def of(cls, result: RoundResult, *, start: int) -> "Tally":
        """One round that began at `start` on the operator's clock."""
        end = start + result.duration
        if result.invalid is not None:
            return cls(
                start=start,
                end=end,
                invalid=1,
                invalidity=result.invalid,
                reached=packets_reached(result),
                figures=_spoilt(result.figures),
            )
        forward = result.min_forward_lost if result.forward_lost is None else result.forward_lost
        reverse = result.min_reverse_lost if result.reverse_lost is None else result.reverse_lost
        directed = result.forward_lost is not None
        return cls(
            start=start,
            end=end,
            rounds=1 if result.sent else 0,
            sent=result.sent,
            received=result.received,
            duplicates=result.duplicates,
            reordered=result.reordered,
            forward_lost=forward,
            reverse_lost=reverse,
            directed=directed,
            undirected=0 if directed else result.sent - result.received - forward - reverse,
            losses=result.losses or NOTHING,
            packed_rtt=pack(result.rtt),
            jitter_sum=result.jitter_sum,
            jitter_count=result.jitter_count,
            reached=packets_reached(result),
            figures=result.figures or NO_FIGURES,
        )

    def figure(self, kind: type[F]) -> F | None:
        """Return its figure of this class, None where it has none."""
        return figure_in(self.figures, kind)

    @property
    def rtt(self) -> Histogram:
        """Round-trip times, unpacked anew each time."""
        return unpack(self.packed_rtt)

    def percentiles(self, *percents: float) -> list[int]:
        """Round-trip times (nanoseconds) for percents in ascending order; none where there is no value."""
        return percentiles_of(self.packed_rtt, percents)

    @property
    def lost(self) -> int:
        """Packets sent that no answer came back for in time."""
        return self.sent - self.received

    @property
    def wrong(self) -> int:
        """Packets lost because what answered was not as asked for: the path carried them."""
        return sum(count for reason, count in self.losses.items() if reason.misanswered)

    @property
    def answered(self) -> bool:
        """At least one packet came back."""
        return self.received > 0

    @property
    def silent(self) -> bool:
        """Packets were sent and none came back."""
        return self.sent > 0 and self.received == 0

    @property
    def directions_known(self) -> bool:
        """Every lost packet's direction is known, and the probe can tell directions at all."""
        return self.directed and self.undirected == 0

    @property
    def directions_told(self) -> bool:
        """Directions are known but for so few losses that chance alone varies their number by more.

        Of N losses the next window has N +- sqrt(N). What adds at most a third of that to the uncertainty of
        a figure, adds about 5 % (JCGM 100:2008, 5.1.2: the squares are added).
        """
        return self.directed and (3 * self.undirected) ** 2 <= self.lost

    @property
    def jitter(self) -> int | None:
        """Mean |RTT(i) - RTT(i-1)| in nanoseconds (RFC 3393 applied to round trips), or None."""
        return round(self.jitter_sum / self.jitter_count) if self.jitter_count else None


def total(tallies: list[Tally]) -> Tally | None:
    """All of `tallies` (ordered by time) as one, or None when there are none."""
    if len(tallies) <= 1:
        return tallies[0] if tallies else None
    rtt = Histogram()
    losses: dict[LossReason, int] = {}
    for tally in tallies:
        rtt.merge(tally.rtt)
        for reason, count in tally.losses.items():
            losses[reason] = losses.get(reason, 0) + count
    return Tally(
        start=min(t.start for t in tallies),
        end=max(t.end for t in tallies),
        rounds=sum(t.rounds for t in tallies),
        invalid=sum(t.invalid for t in tallies),
        invalidity=next((t.invalidity for t in reversed(tallies) if t.invalidity), None),
        sent=sum(t.sent for t in tallies),
        received=sum(t.received for t in tallies),
        duplicates=sum(t.duplicates for t in tallies),
        reordered=sum(t.reordered for t in tallies),
        forward_lost=sum(t.forward_lost for t in tallies),
        reverse_lost=sum(t.reverse_lost for t in tallies),
        directed=any(t.directed for t in tallies),
        undirected=sum(t.undirected for t in tallies),
        losses=losses or NOTHING,
        packed_rtt=pack(rtt),
        jitter_sum=sum(t.jitter_sum for t in tallies),
        jitter_count=sum(t.jitter_count for t in tallies),
        reached=sum(t.reached for t in tallies),
        figures=_total_figures(tallies),
    )


def _total_figures(tallies: list[Tally]) -> Mapping[str, Figure]:
    kinds = {type(figure) for tally in tallies for figure in tally.figures.values()}
    totals = (
        kind.total(figure for tally in reversed(tallies) if (figure := tally.figure(kind)) is not None)
        for kind in kinds
    )
    return figures_by_name(*(figure for figure in totals if figure is not None))


def _spoilt(figures: Mapping[str, Figure]) -> Mapping[str, Figure]:
    """What stays of a round's figures that the prober spoilt."""
    if not figures:
        return NO_FIGURES
    kept = (figure.spoilt() for figure in figures.values())
    return figures_by_name(*(figure for figure in kept if figure is not None))
