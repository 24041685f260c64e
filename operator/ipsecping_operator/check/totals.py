"""Counters of one probe on one path: they only grow, so that Prometheus can take rates of them."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ipsecping.contract import Refusal, RefusedAnswers
from ipsecping.contract.buckets import BOUNDS, spread
from ipsecping_operator.verdict.tally import Tally

NOTHING: Mapping[Refusal, int] = MappingProxyType({})
"""One for all that have refused none."""


@dataclass(slots=True)
class Totals:
    """All valid rounds since the operator began to follow this probe."""

    sent: int = 0
    received: int = 0
    buckets: "array[int]" = field(default_factory=lambda: array("Q", bytes(8 * (len(BOUNDS) + 1))))
    """Packets per bucket, not cumulative: a third of the memory that a list would take."""
    rtt_sum: int = 0
    refused: Mapping[Refusal, int] = field(default_factory=lambda: NOTHING)
    """Answers refused, by reason."""

    def add(self, tally: Tally) -> None:
        """Count one round; an invalid one counts nothing."""
        self.sent += tally.sent
        self.received += tally.received
        rtt = tally.rtt
        self.rtt_sum += rtt.sum
        spread(rtt, self.buckets)
        if (refused := tally.figure(RefusedAnswers)) is not None:
            self.refused = Counter(self.refused) + Counter(refused.by_reason)
