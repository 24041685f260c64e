"""The coarse buckets of round-trip times that Prometheus sees, the same from the operator and the prober."""

from bisect import bisect_left
from collections.abc import MutableSequence, Sequence
from functools import lru_cache
from itertools import accumulate

from .histogram import Histogram, bucket_bounds

_MS = 1_000_000
_SECOND = 1_000_000_000
BOUNDS = tuple(
    int(limit * _MS)
    for limit in (0.5, 1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000)
)
"""Upper bounds (inclusive, nanoseconds) of the exported histogram's buckets; +Inf comes after them."""


def spread(rtt: Histogram, buckets: MutableSequence[int]) -> None:
    """Sort fine buckets by their midpoint into `buckets` (one for each bound and one for +Inf), in place.

    Off by at most the histogram's stated relative error.
    """
    for index, count in rtt.counts.items():
        buckets[_place(index, rtt.precision)] += count


@lru_cache(maxsize=8192)
def _place(index: int, precision: int) -> int:
    """Where a fine bucket belongs: the same ones come time and again."""
    low, high = bucket_bounds(index, precision)
    return bisect_left(BOUNDS, (low + high) // 2)


def cumulative(buckets: Sequence[int]) -> list[tuple[str, float]]:
    """Buckets as Prometheus wants them: upper bound in seconds, and the count up to it."""
    bounds = [*(str(bound / _SECOND) for bound in BOUNDS), "+Inf"]
    return [(bound, float(count)) for bound, count in zip(bounds, accumulate(buckets), strict=True)]
