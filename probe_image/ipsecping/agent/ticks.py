"""When rounds start: a stable phase per check on the wall clock, then monotonic ticks. Pure.

The phase follows from the check's UID alone, so that all paths of a check are measured in the same instant,
whichever pods measure them: only then can they be compared. It spreads the starts of many checks over their
interval and stays the same after a restart. The ticks are counted on the monotonic clock; where the wall
clock was set meanwhile, they come back into phase by and by.
"""

import hashlib

MOST_TOGETHER = 32
"""So many paths of one UID begin together in one process, as many packets as may leave in one go; of more
each has a phase of its own."""
IN_PHASE = 50_000_000
"""Nanoseconds by which ticks may be off their phase: a wall clock is no better known."""
CATCH_UP = 20
"""A tick comes later by at most one part in so many of the interval to get into phase, and never earlier:
rates that are permitted count on the interval."""


def phase(*, uid: str, interval: int, path: str | None = None) -> int:
    """Offset of a check's rounds within each interval, 0 <= phase < interval (nanoseconds).

    `path` is that of rounds which are not to begin with those of the check's other paths.
    """
    digest = hashlib.sha256((uid if path is None else f"{uid}/{path}").encode()).digest()
    return int.from_bytes(digest[:8], "big") % interval


class Ticks:
    """The starts of one path's rounds, as times of the monotonic clock. All times in nanoseconds."""

    __slots__ = ("_interval", "_next", "_phase", "skipped")

    def __init__(self, *, interval: int, phase: int, wall: int, monotonic: int) -> None:
        """`wall` and `monotonic` are read at one moment; the first tick is the next in phase after it."""
        self._interval = interval
        self._phase = phase
        self._next = monotonic + interval - (wall - phase) % interval
        self.skipped = 0
        """Ticks that passed without a round since the beginning: the prober was late by a whole interval."""

    @property
    def next(self) -> int:
        """When the next round starts (monotonic)."""
        return self._next

    def advance(self, *, wall: int, monotonic: int) -> int:
        """Take the tick that is due; returns how many others it leaves out.

        Missed rounds are left out, never run in a bunch: packets that are late all together would measure
        the prober instead of the path. `wall` and `monotonic` are as of `__init__`.
        """
        interval = self._interval
        missed = max(monotonic - self._next, 0) // interval
        self._next += (missed + 1) * interval
        self.skipped += missed
        past = (wall + self._next - monotonic - self._phase) % interval
        if IN_PHASE < past < interval - IN_PHASE:
            self._next += min(interval - past, interval // CATCH_UP)
        return missed
