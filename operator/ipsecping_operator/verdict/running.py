"""The total of a row of tallies that changes at its ends: kept by adding and subtracting. Pure.

Counts and the buckets of histograms can be subtracted. What cannot (minimum, maximum, the newest of
something) is looked up in the row, and only when what has left it may have held it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add, attrgetter, sub
from typing import TypeVar

from ipsecping.contract import Figure, Histogram, Invalidity, LossReason
from ipsecping.contract.figure import NO_FIGURES, Counted, F, figures_by_name
from ipsecping.contract.histogram import DEFAULT_PRECISION

from .packed_histogram import EMPTY, PackedHistogram, extremes_of, pack, precision_of, unpack
from .packed_tally import PackedTally, end_of, rtt_of, start_of, unpack_tally
from .tally import COUNTS, NOTHING, Tally, total

MOST_CHANGES = 64
"""After more changes than this the row is added up anew: that costs little more for each of them."""

Key = TypeVar("Key")
_Row = Sequence[PackedTally]
_SUMS = (*COUNTS, "invalid", "jitter_sum")
"""Fields that are added and subtracted."""
_sums: Callable[[Tally], tuple[int, ...]] = attrgetter(*_SUMS)


@dataclass(slots=True)
class RunningTotal:
    """The total of a row of tallies, brought up to date with as much work as there were changes.

    Tell every change by `enter` and `leave`; nothing is to be told of neighbours that were merged in the row.
    All tallies together have no more keys of a figure than a window keeps (`Counted.most`).
    """

    known: Tally | None = None
    """The total when it was last worked out; None: the whole row is to be added up."""
    entered: tuple[PackedTally, ...] = ()
    """Since then."""
    left: tuple[PackedTally, ...] = ()

    def enter(self, packed: PackedTally) -> None:
        """It is in the row now, anywhere."""
        self.entered += (packed,)
        self._bound()

    def leave(self, packed: PackedTally) -> None:
        """It was in the row and is gone."""
        self.left += (packed,)
        self._bound()

    def total(self, row: Sequence[PackedTally]) -> Tally | None:
        """Everything in the row added up; None when it is empty."""
        if not row:
            self.known = None
        elif self.known is None or len(row) == 1:
            self.known = total([unpack_tally(packed) for packed in row])
        elif self.entered or self.left:
            entered, left = list(map(unpack_tally, self.entered)), list(map(unpack_tally, self.left))
            # Should that fail, the row is added up anew the next time.
            known, self.known = self.known, None
            self.known = _changed(known, entered, left, row)
        self.entered = self.left = ()
        return self.known

    def _bound(self) -> None:
        if len(self.entered) + len(self.left) > MOST_CHANGES:
            self.known, self.entered, self.left = None, (), ()


def _changed(known: Tally, entered: Sequence[Tally], left: Sequence[Tally], row: _Row) -> Tally:
    """The total of the row, given what it was before some tallies entered and others left."""
    counts = _sums(known)
    for tally in entered:
        counts = tuple(map(add, counts, _sums(tally)))
    for tally in left:
        counts = tuple(map(sub, counts, _sums(tally)))
    return Tally(
        start=start_of(row[0]),
        end=_extreme(max, (known.end, *(t.end for t in entered)), [t.end for t in left], map(end_of, row)),
        directed=_directed(known, entered, left, row),
        invalidity=_invalidity(known, entered, row),
        losses=_losses(known, entered, left) or NOTHING,
        figures=_figures(known, entered, left, row),
        packed_rtt=_rtt(known.packed_rtt, [t.packed_rtt for t in entered], [t.packed_rtt for t in left], row),
        **dict(zip(_SUMS, counts, strict=True)),
    )


def _invalidity(known: Tally, entered: Sequence[Tally], row: _Row) -> Invalidity | None:
    """That of the newest invalid round; packed tallies have none."""
    if all(tally.invalidity is None for tally in (known, *entered)):
        return None
    told = (packed.invalidity for packed in reversed(row) if isinstance(packed, Tally))
    return next((invalidity for invalidity in told if invalidity is not None), None)


def _figures(
    known: Tally, entered: Sequence[Tally], left: Sequence[Tally], row: _Row
) -> Mapping[str, Figure]:
    """Added and subtracted where a figure can be, else looked up in the row; packed tallies have none."""
    kinds = {type(figure) for tally in (known, *entered) for figure in tally.figures.values()}
    if not kinds:
        return NO_FIGURES
    totals = (_figure(kind, known, entered, left, row) for kind in kinds)
    return figures_by_name(*(figure for figure in totals if figure is not None))


def _figure(
    kind: type[Figure], known: Tally, entered: Sequence[Tally], left: Sequence[Tally], row: _Row
) -> Figure | None:
    if issubclass(kind, Counted):
        parts = [(each, 1) for each in _each(kind, (known, *entered))]
        return kind.summed(parts + [(each, -1) for each in _each(kind, left)])
    return kind.total(_each(kind, (packed for packed in reversed(row) if isinstance(packed, Tally))))


def _each(kind: type[F], tallies: Iterable[Tally]) -> Iterator[F]:
    return (figure for tally in tallies if (figure := tally.figure(kind)) is not None)


def _directed(known: Tally, entered: Sequence[Tally], left: Sequence[Tally], row: _Row) -> bool:
    if any(tally.directed for tally in left):
        return any(unpack_tally(packed).directed for packed in row)
    return known.directed or any(tally.directed for tally in entered)


def _losses(known: Tally, entered: Sequence[Tally], left: Sequence[Tally]) -> Mapping[LossReason, int]:
    """Counts by reason; a count that has come to nothing goes."""
    more = [tally.losses for tally in entered if tally.losses]
    less = [tally.losses for tally in left if tally.losses]
    if not more and not less:
        return known.losses
    summed = dict(known.losses)
    for losses in more:
        _add(summed, losses, 1)
    for losses in less:
        _add(summed, losses, -1)
    return summed


def _add(counts: dict[Key, int], more: Mapping[Key, int], times: int) -> None:
    for key, count in more.items():
        summed = counts.get(key, 0) + times * count
        if summed:
            counts[key] = summed
        else:
            del counts[key]


def _extreme(
    pick: Callable[[Iterable[int]], int], present: Iterable[int], gone: Sequence[int], row: Iterable[int]
) -> int:
    """The least or the greatest of the row: that of what was `present`, unless it may be `gone` since."""
    best = pick(present)
    if best not in gone:
        return best
    looked = []
    for value in row:
        if value == best:
            return best
        looked.append(value)
    return pick(looked)


def _rtt(
    known: PackedHistogram, entered: list[PackedHistogram], left: list[PackedHistogram], row: _Row
) -> PackedHistogram:
    entered = [packed for packed in entered if packed != EMPTY]
    left = [packed for packed in left if packed != EMPTY]
    if not entered and not left and precision_of(known) <= DEFAULT_PRECISION:
        return known
    coarsest = min(map(precision_of, (known, *entered)))
    if coarsest < DEFAULT_PRECISION and all(precision_of(rtt_of(packed)) > coarsest for packed in row):
        # The only one so coarse has left.
        return _added(row)
    rtt = unpack(known)
    if rtt.precision > DEFAULT_PRECISION:
        rtt = rtt.coarsened(DEFAULT_PRECISION)
    present = [] if rtt.min is None or rtt.max is None else [(rtt.min, rtt.max)]
    for packed in entered:
        rtt.merge(unpack(packed))
    for packed in left:
        _subtract(rtt, unpack(packed))
    rtt.min = rtt.max = None
    if rtt.count:
        present += filter(None, map(extremes_of, entered))
        gone = list(filter(None, map(extremes_of, left)))
        lows, highs = zip(*present, strict=True)
        rtt.min = _extreme(min, lows, [low for low, _ in gone], (low for low, _ in _extremes(row)))
        rtt.max = _extreme(max, highs, [high for _, high in gone], (high for _, high in _extremes(row)))
    return pack(rtt)


def _extremes(row: _Row) -> Iterator[tuple[int, int]]:
    return filter(None, (extremes_of(rtt_of(packed)) for packed in row))


def _added(row: _Row) -> PackedHistogram:
    rtt = Histogram()
    for packed in row:
        rtt.merge(unpack(rtt_of(packed)))
    return pack(rtt)


def _subtract(rtt: Histogram, gone: Histogram) -> None:
    """Take away what was once merged, but for minimum and maximum."""
    _add(rtt.counts, gone.coarsened(rtt.precision).counts, -1)
    rtt.count -= gone.count
    rtt.sum -= gone.sum
