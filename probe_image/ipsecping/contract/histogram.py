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
from .bounds import MAX_COUNT, MAX_RTT
from .fields import ContractError

DEFAULT_PRECISION = 7
MIN_PRECISION = 2
MAX_PRECISION = 10


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
        buckets = fields.sequence(source.get("buckets"), f"{path}.buckets", at_most=2 * MAX_COUNT)
        counts = _counts(buckets, f"{path}.buckets")
        read = cls(
            precision=fields.integer(source, "precision", path),
            counts=counts,
            count=sum(counts.values()),
            sum=fields.integer(source, "sum", path),
            min=fields.integer(source, "min", path),
            max=fields.integer(source, "max", path),
        )
        read.check(path)
        return read

    def check(self, path: str = "rtt") -> None:
        """Raise ContractError unless it is one round's: of at most `MAX_COUNT` values up to `MAX_RTT`."""
        counts, precision, low, high = self.counts, self.precision, self.min, self.max
        if not MIN_PRECISION <= precision <= MAX_PRECISION:
            raise fields.out_of_range(precision, f"{path}.precision", MIN_PRECISION, MAX_PRECISION)
        if not counts:
            if self.count or self.sum or low is not None or high is not None:
                raise ContractError(f"{path}.buckets: there are none, though there are values")
            return
        if low is None or high is None:
            raise ContractError(f"{path}: there are values without least and greatest")
        if not low <= high <= MAX_RTT:
            raise fields.out_of_range(high, f"{path}.max", low, MAX_RTT)
        if min(counts) != bucket_index(low, precision) or max(counts) != bucket_index(high, precision):
            raise ContractError(f"{path}.buckets: do not agree with min {low} and max {high}")
        if sum(counts.values()) != self.count or self.count > MAX_COUNT:
            raise fields.out_of_range(self.count, f"{path}.buckets", 1, MAX_COUNT)
        if not low * self.count <= self.sum <= high * self.count:
            raise fields.out_of_range(self.sum, f"{path}.sum", low * self.count, high * self.count)


def _counts(buckets: list[Any], path: str) -> dict[int, int]:
    if not buckets or len(buckets) % 2:
        raise ContractError(f"{path}: expected pairs of gap and count")
    counts: dict[int, int] = {}
    index = 0
    for position in range(0, len(buckets), 2):
        gap, count = buckets[position], buckets[position + 1]
        if type(gap) is not int or type(count) is not int or gap < (position > 0) or count < 1:
            raise ContractError(
                f"{path}: pair {position // 2}: gap {fields.shown(gap)} and count {fields.shown(count)} "
                "must be positive integers"
            )
        index += gap
        counts[index] = count
    return counts
