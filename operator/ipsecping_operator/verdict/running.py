"""The total of a row of tallies that changes at its ends: kept by adding and subtracting. Pure.

Counts and the buckets of histograms can be subtracted. What cannot (minimum, maximum, the newest of
something) is looked up in the row, and only when what has left it may have held it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add, attrgetter, sub
from typing import Any, TypeVar

from ipsecping.contract import Histogram
from ipsecping.contract.histogram import DEFAULT_PRECISION

from .packed_histogram import EMPTY, PackedHistogram, extremes_of, pack, precision_of, unpack
from .packed_tally import PackedTally, end_of, rtt_of, start_of, unpack_tally
from .tally import COUNTS, NO_PORTS, NO_SOURCES, NOTHING, Tally, total

MOST_CHANGES = 64
"""After more changes than this the row is added up anew: that costs little more for each of them."""

Key = TypeVar("Key")
_Row = Sequence[PackedTally]
_SUMS = (*COUNTS, "invalid", "jitter_sum")
"""Fields that are added and subtracted."""
_sums: Callable[[Tally], tuple[int, ...]] = attrgetter(*_SUMS)
_NEWEST = ("invalidity", "path_mtu", "certificate_expiry", "nat")
"""Fields that a total has from the newest tally that knows them."""
_facts: Callable[[Tally], tuple[Any, ...]] = attrgetter(*_NEWEST)


@dataclass(slots=True)
class RunningTotal:
    """The total of a row of tallies, brought up to date with as much work as there were changes.

    Tell every change by `enter` and `leave`; nothing is to be told of neighbours that were merged in the row.
    All tallies together name at most `tally.MAX_SOURCES` source addresses.
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
    fields: dict[str, Any] = {
        **dict(zip(_SUMS, counts, strict=True)),
        **_newest(known, entered, row),
    }
    return Tally(
        start=start_of(row[0]),
        end=_extreme(max, (known.end, *(t.end for t in entered)), [t.end for t in left], map(end_of, row)),
        directed=_directed(known, entered, left, row),
        losses=_summed("losses", known, entered, left) or NOTHING,
        sources=_summed("sources", known, entered, left) or NO_SOURCES,
        unanswered=_summed("unanswered", known, entered, left) or NO_PORTS,
        packed_rtt=_rtt(known.packed_rtt, [t.packed_rtt for t in entered], [t.packed_rtt for t in left], row),
        **fields,
    )


def _newest(known: Tally, entered: Sequence[Tally], row: _Row) -> dict[str, Any]:
    """What the newest tallies in the row have of `_NEWEST`; packed ones have none of it."""
    wanted = {
        name
        for tally in (known, *entered)
        for name, value in zip(_NEWEST, _facts(tally), strict=True)
        if value is not None
    }
    found: dict[str, Any] = {}
    for name in wanted:
        values = (getattr(packed, name) for packed in reversed(row) if isinstance(packed, Tally))
        found[name] = next((value for value in values if value is not None), None)
    return found


def _directed(known: Tally, entered: Sequence[Tally], left: Sequence[Tally], row: _Row) -> bool:
    if any(tally.directed for tally in left):
        return any(unpack_tally(packed).directed for packed in row)
    return known.directed or any(tally.directed for tally in entered)


def _summed(name: str, known: Tally, entered: Sequence[Tally], left: Sequence[Tally]) -> Mapping[Any, int]:
    """Counts by key; a count that has come to nothing goes."""
    counts: Mapping[Any, int] = getattr(known, name)
    more = [mapping for tally in entered if (mapping := getattr(tally, name))]
    less = [mapping for tally in left if (mapping := getattr(tally, name))]
    if not more and not less:
        return counts
    summed = dict(counts)
    for mapping in more:
        _add(summed, mapping, 1)
    for mapping in less:
        _add(summed, mapping, -1)
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
