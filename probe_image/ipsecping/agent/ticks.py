"""When rounds start: a stable phase per path on the wall clock, then monotonic ticks. Pure.

The phase spreads the starts of many checks over their interval and stays the same after a restart; the
ticks are counted on the monotonic clock, so that a step of the wall clock moves no round.
"""

import hashlib


def phase(*, uid: str, path: str, interval: int) -> int:
    """Offset of the rounds of this path within each interval, 0 <= phase < interval (nanoseconds)."""
    digest = hashlib.sha256(f"{uid}/{path}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % interval


class Ticks:
    """The starts of one path's rounds, as times of the monotonic clock. All times in nanoseconds."""

    __slots__ = ("_interval", "_next", "skipped")

    def __init__(self, *, interval: int, phase: int, wall: int, monotonic: int) -> None:
        """`wall` and `monotonic` are read at one moment; the first tick is the next in phase after it."""
        self._interval = interval
        self._next = monotonic + interval - (wall - phase) % interval
        self.skipped = 0
        """Ticks that passed without a round since the beginning: the prober was late by a whole interval."""

    @property
    def next(self) -> int:
        """When the next round starts (monotonic)."""
        return self._next

    def advance(self, *, monotonic: int) -> int:
        """Take the tick that is due; returns how many others it leaves out.

        Missed rounds are left out, never run in a bunch: packets that are late all together would measure
        the prober instead of the path.
        """
        missed = max(monotonic - self._next, 0) // self._interval
        self._next += (missed + 1) * self._interval
        self.skipped += missed
        return missed
