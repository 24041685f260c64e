"""Tells the log that packets were left unanswered, seldom enough that a flood of them does not fill it."""

from collections import Counter

from ..wire.ntp import NANOSECONDS
from .admission import Drop

INTERVAL_NS = 60 * NANOSECONDS


class DropReport:
    """What is new since it was last told, at most once a minute."""

    def __init__(self) -> None:
        self._told: Counter[Drop] = Counter()
        self._told_at: int | None = None

    def due(self, dropped: Counter[Drop], now: int) -> str | None:
        """A line about the drops so far, or None when there is nothing to tell yet. Monotonic nanoseconds."""
        if self._told_at is not None and now - self._told_at < INTERVAL_NS:
            return None
        fresh = dropped - self._told
        if not fresh:
            return None
        self._told, self._told_at = Counter(dropped), now
        return "not answered: " + ", ".join(f"{count} {reason}" for reason, count in sorted(fresh.items()))
