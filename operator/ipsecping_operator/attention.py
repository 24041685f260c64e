"""Whether this process has had its turns; where it had none, what waits is read before silence is told. Pure.

A process that was stopped, or starved, finds alarms that are overdue and results that it has not read yet, at
the same moment. Judged at once, every check would be stale that was measured all the time.
"""

LATE = 0.5
"""Seconds by which something is late that says so."""
READING = 2.0
"""Seconds for which nothing is reported then; as long again everything is, however late it is: a process that
is starved all the time reports as well as it can."""


class Attention:
    """Told what happens when, and when it was due; times are seconds of a steady clock."""

    def __init__(self) -> None:
        self._tick = float("inf")
        self._away = 0.0
        self._until = self._again = float("-inf")

    def tick(self, now: float, *, every: float) -> None:
        """Note one of the ticks that come so many seconds apart; one that is left out says nothing."""
        self.pause(now)
        self._away += self._overdue(now)
        self._tick = now + 2 * every

    def pause(self, now: float, *, due: float | None = None) -> float:
        """Return the seconds for which nothing is to be reported; `due`: when this should have been asked."""
        first = self._tick if due is None else min(due, self._tick)
        if now - first > LATE and now >= self._again:
            self._until, self._again = now + READING, now + 2 * READING
        return max(self._until - now, 0.0)

    def awake(self, now: float) -> float:
        """Return the time on a clock that stands still while this process does, and no tick comes."""
        return now - self._away - self._overdue(now)

    def _overdue(self, now: float) -> float:
        return max(now - self._tick, 0.0)
