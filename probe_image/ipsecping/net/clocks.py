"""Kernel timestamps (CLOCK_REALTIME) put on the monotonic clock, so that a step of the clock breaks nothing.

Linux slews both clocks alike: their distance is constant but for steps (settimeofday, leap seconds). Each
sample reads CLOCK_REALTIME between two reads of CLOCK_MONOTONIC and so bounds the distance from both sides;
the bounds of successive samples are intersected, and bounds that do not meet mean that the clock was stepped.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

STEP_TOLERANCE = 1_000
"""Nanoseconds by which bounds may miss each other through rounding alone."""


class Reading(NamedTuple):
    """One moment on both clocks, in nanoseconds."""

    monotonic: int
    realtime: int


class Clock:
    """Reads both clocks and keeps their distance."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], int] = time.monotonic_ns,
        realtime: Callable[[], int] = time.time_ns,
    ) -> None:
        self.now = self._monotonic = monotonic
        """The monotonic clock alone, for where that is enough."""
        self._realtime = realtime
        self.steps = 0
        """How often the wall clock was seen to step; stamps from before cannot be converted after."""
        self.leapt = 0
        """Nanoseconds that it was set forward by in all: so is that of a machine which was paused."""
        self._low, self._high = self._bounds()[1:]
        self.offset = (self._low + self._high) // 2
        """CLOCK_REALTIME less CLOCK_MONOTONIC, since the last step: takes a stamp to the monotonic clock."""

    def read(self) -> Reading:
        """Both clocks now; notices a step since the previous read."""
        reading, low, high = self._bounds()
        if low > self._high + STEP_TOLERANCE or high < self._low - STEP_TOLERANCE:
            self.steps += 1
            self.leapt += max(low - self._high, 0)
            self._narrow(low, high)
        elif low > self._low or high < self._high:
            self._narrow(*sorted((max(low, self._low), min(high, self._high))))
        return reading

    def _narrow(self, low: int, high: int) -> None:
        self._low, self._high = low, high
        self.offset = (low + high) // 2

    def _bounds(self) -> tuple[Reading, int, int]:
        before = self._monotonic()
        realtime = self._realtime()
        after = self._monotonic()
        return Reading(before, realtime), realtime - after, realtime - before
