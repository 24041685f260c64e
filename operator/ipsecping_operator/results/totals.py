"""Counters of one probe on one path: they only grow, so that Prometheus can take rates of them."""

from dataclasses import dataclass, field

from ipsecping.contract import Histogram
from ipsecping.contract.histogram import bucket_bounds
from ipsecping_operator.verdict.tally import Tally

MS = 1_000_000
BOUNDS = tuple(
    int(limit * MS)
    for limit in (0.5, 1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000)
)
"""Upper bounds (inclusive, nanoseconds) of the exported histogram's buckets; +Inf comes after them."""


@dataclass(slots=True)
class Totals:
    """All valid rounds since the operator began to follow this probe."""

    sent: int = 0
    received: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """Packets per bucket, not cumulative."""
    rtt_sum: int = 0
    rtt_count: int = 0

    def add(self, tally: Tally) -> None:
        """Count one round; an invalid one counts nothing."""
        self.sent += tally.sent
        self.received += tally.received
        self.rtt_sum += tally.rtt.sum
        self.rtt_count += tally.rtt.count
        _spread(tally.rtt, self.buckets)


def _spread(rtt: Histogram, buckets: list[int]) -> None:
    """Sort fine buckets by their midpoint into the coarse ones; off by at most the stated relative error."""
    for index, count in rtt.counts.items():
        low, high = bucket_bounds(index, rtt.precision)
        middle = (low + high) // 2
        place = next((i for i, bound in enumerate(BOUNDS) if middle <= bound), len(BOUNDS))
        buckets[place] += count
