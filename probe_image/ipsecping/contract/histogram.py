"""A mergeable log-linear histogram of durations with a stated relative error.

Each power of two is cut into `2**precision` buckets of equal width (as HdrHistogram does), so that a value
differs from its bucket's midpoint by at most `2**-(precision + 1)` of itself: 0.4 % at the default precision
of 7. Minimum, maximum, sum and count are exact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from . import fields
from .fields import ContractError

DEFAULT_PRECISION = 7
MIN_PRECISION = 2
MAX_PRECISION = 10
MAX_BUCKETS = 10_000


def bucket_index(value: int, precision: int) -> int:
    """Index of the bucket that holds `value` (nanoseconds, >= 0). Values below `2**precision` are exact."""
    shift = value.bit_length() - 1 - precision
    return value if shift <= 0 else (shift << precision) + (value >> shift)


def bucket_bounds(index: int, precision: int) -> tuple[int, int]:
    """Lowest and highest value (inclusive, nanoseconds) of the bucket at `index`."""
    shift = max((index >> precision) - 1, 0)
    low = (index - (shift << precision)) << shift
    return low, low + (1 << shift) - 1


@dataclass(slots=True)
class Histogram:
    """Counts of durations in nanoseconds. Mutable; `merge` and `add` change it in place."""

    precision: int = DEFAULT_PRECISION
    counts: dict[int, int] = field(default_factory=dict)
    count: int = 0
    sum: int = 0
    min: int | None = None
    max: int | None = None

    @classmethod
    def of(cls, values: Iterable[int], *, precision: int = DEFAULT_PRECISION) -> "Histogram":
        """A histogram of the given durations (nanoseconds)."""
        values = list(values)
        if not values:
            return cls(precision=precision)
        counts: dict[int, int] = {}
        for value in values:
            index = bucket_index(value, precision)
            counts[index] = counts.get(index, 0) + 1
        least = min(values)
        if least < 0:
            raise ValueError(f"a duration cannot be negative: {least} ns")
        return cls(precision, counts, len(values), sum(values), least, max(values))

    @property
    def relative_error(self) -> float:
        """Bound on |reported - true| / true of a percentile."""
        return 2.0 ** -(self.precision + 1)

    def add(self, value: int) -> None:
        """Count one duration (nanoseconds). A negative one is a caller's error."""
        if value < 0:
            raise ValueError(f"a duration cannot be negative: {value} ns")
        index = bucket_index(value, self.precision)
        self.counts[index] = self.counts.get(index, 0) + 1
        self.count += 1
        self.sum += value
        self.min = value if self.min is None else min(self.min, value)
        self.max = value if self.max is None else max(self.max, value)

    def merge(self, other: "Histogram") -> None:
        """Add all of `other`. The coarser precision of the two is kept, so the stated error stays true."""
        if other.precision < self.precision:
            coarse = self.coarsened(other.precision)
            self.precision, self.counts = coarse.precision, coarse.counts
        for index, count in other.coarsened(self.precision).counts.items():
            self.counts[index] = self.counts.get(index, 0) + count
        self.count += other.count
        self.sum += other.sum
        if other.min is not None and other.max is not None:
            self.min = other.min if self.min is None else min(self.min, other.min)
            self.max = other.max if self.max is None else max(self.max, other.max)

    def coarsened(self, precision: int) -> "Histogram":
        """A copy at a lower precision (itself when the precision is the same)."""
        if precision == self.precision:
            return self
        if precision > self.precision:
            raise ValueError(f"cannot refine precision {self.precision} to {precision}")
        counts: dict[int, int] = {}
        for index, count in self.counts.items():
            coarse = bucket_index(bucket_bounds(index, self.precision)[0], precision)
            counts[coarse] = counts.get(coarse, 0) + count
        return Histogram(
            precision=precision, counts=counts, count=self.count, sum=self.sum, min=self.min, max=self.max
        )

    def percentile(self, percent: float) -> int | None:
        """The duration (nanoseconds) not exceeded by `percent` % of the values (nearest rank), or None."""
        found = self.percentiles((percent,))
        return found[0] if found else None

    def percentiles(self, percents: Sequence[float]) -> list[int]:
        """The durations (nanoseconds) for percents in ascending order; none where there is no value."""
        if any(not 0 <= percent <= 100 for percent in percents):
            raise ValueError(f"percent must be within 0..100, got {percents}")
        if self.min is None or self.max is None:
            return []
        found: list[int] = []
        buckets: Iterator[int] | None = None
        index = seen = 0
        for percent in percents:
            rank = max(ceil(self.count * percent / 100), 1)
            if rank == 1 or rank >= self.count:
                found.append(self.min if rank == 1 else self.max)
                continue
            if buckets is None:
                buckets = iter(sorted(self.counts))
            while seen < rank:
                index = next(buckets)
                seen += self.counts[index]
            low, high = bucket_bounds(index, self.precision)
            found.append(min(max((low + high) // 2, self.min), self.max))
        return found

    def to_json(self) -> dict[str, Any]:
        """`{"precision", "sum", "min", "max", "buckets": [gap, count, gap, count, ...]}`; `{}` when empty.

        `gap` is the distance from the previous index: short numbers, which compress well.
        """
        if self.count == 0:
            return {}
        buckets: list[int] = []
        previous = 0
        for index in sorted(self.counts):
            buckets += (index - previous, self.counts[index])
            previous = index
        return {
            "precision": self.precision,
            "sum": self.sum,
            "min": self.min,
            "max": self.max,
            "buckets": buckets,
        }

    @classmethod
    def from_json(cls, value: object, path: str = "rtt") -> "Histogram":
        """Inverse of `to_json`; raises ContractError naming the field that is wrong or inconsistent."""
        source: Mapping[str, Any] = fields.mapping(value, path)
        if not source:
            return cls()
        precision = fields.integer(source, "precision", path, at_least=MIN_PRECISION, at_most=MAX_PRECISION)
        low = fields.integer(source, "min", path)
        high = fields.integer(source, "max", path, at_least=low)
        buckets = fields.sequence(source.get("buckets"), f"{path}.buckets", at_most=2 * MAX_BUCKETS)
        counts = _counts(buckets, f"{path}.buckets")
        total = sum(counts.values())
        if min(counts) != bucket_index(low, precision) or max(counts) != bucket_index(high, precision):
            raise ContractError(f"{path}.buckets: do not agree with min {low} and max {high}")
        summed = fields.integer(source, "sum", path, at_least=low * total, at_most=high * total)
        return cls(precision=precision, counts=counts, count=total, sum=summed, min=low, max=high)


def _counts(buckets: list[Any], path: str) -> dict[int, int]:
    if not buckets or len(buckets) % 2:
        raise ContractError(f"{path}: expected pairs of gap and count")
    counts: dict[int, int] = {}
    index = 0
    for position in range(0, len(buckets), 2):
        gap, count = buckets[position], buckets[position + 1]
        if type(gap) is not int or type(count) is not int or gap < (position > 0) or count < 1:
            raise ContractError(
                f"{path}[{position}]: gap {gap!r} and count {count!r} must be positive integers"
            )
        index += gap
        counts[index] = count
    return counts
