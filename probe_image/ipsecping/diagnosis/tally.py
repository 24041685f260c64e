"""Packets of several batches added up, as `n of m` is said of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import statistics
from .evidence import Batch, Evidence, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of some packets."""

    sent: int
    answered: int
    span: int = 0
    """How long they were sent, nanoseconds; pauses between batches not counted."""
    refused: int = 0
    """Refused by an ICMP error that quotes enough of them, a reset or this host."""
    misanswered: int = 0
    forward: int | None = None
    """Lost on the way there; None: not known of all that were sent."""
    reverse: int | None = None

    @property
    def lost(self) -> int:
        """Packets without a good answer."""
        return self.sent - self.answered

    @property
    def dead(self) -> bool:
        """Whether silence is certain: none of so many answered for so long."""
        enough = self.sent >= statistics.DEAD_PACKETS and self.span >= statistics.DEAD_SPAN
        return enough and not self.answered and not self.misanswered

    @property
    def ratio(self) -> float:
        """Lost packets among those sent."""
        return self.lost / self.sent if self.sent else 0.0

    @property
    def said(self) -> str:
        """As a person says it: "0 of 40 answered", or with losses their share and its 95 % interval."""
        if not self.answered or not self.lost:
            return f"{self.answered} of {self.sent} answered"
        return lost_of(self.lost, self.sent)

    def differs(self, other: "Tally", *, comparisons: int = 1) -> bool:
        """Whether the loss of both is not the same (statistics.differ)."""
        return statistics.differ(self.lost, self.sent, other.lost, other.sent, comparisons=comparisons)


def lost_of(lost: int, sent: int) -> str:
    """Return "5 of 80 lost (6 %, with this sample 3 to 14 %)"."""
    low, high = statistics.interval(lost, sent)
    return f"{lost} of {sent} lost ({100 * lost / sent:.0f} %, likely {100 * low:.0f} to {100 * high:.0f} %)"


def tally(batches: Iterable[Batch]) -> Tally:
    """Return the sum of the batches."""
    all_of_them: Sequence[Batch] = list(batches)
    directed = [each for each in all_of_them if each.forward_lost is not None]
    known = len(directed) == len(all_of_them) and bool(directed)
    return Tally(
        sent=sum(each.sent for each in all_of_them),
        answered=sum(each.answered for each in all_of_them),
        span=sum(each.span for each in all_of_them),
        refused=sum(error.count for each in all_of_them for error in each.errors if not error.cut_short),
        misanswered=sum(sum(each.misanswered.values()) for each in all_of_them),
        forward=sum(each.forward_lost or 0 for each in directed) if known else None,
        reverse=sum(each.reverse_lost or 0 for each in directed) if known else None,
    )


def part_of(evidence: Evidence, part: Part, window: int | None = None) -> tuple[Batch, ...]:
    """Return the batches of a part, of one window or of both."""
    return tuple(
        each for each in evidence.batches if each.part is part and window in (None, each.window) and each.sent
    )
