"""The wall clock, and what it was stepped by: a clock that is set must not move what was measured."""

import time
from collections.abc import Callable

STEP = 1_000_000_000
"""Nanoseconds from which on it counts as a step; of less, the agents' next heartbeat takes care."""
BRACKET = 100_000_000
"""Two reads further apart than this (nanoseconds) say nothing: the process stood still between them."""

# It runs on while the machine sleeps, as the wall clock does.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class WallClock:
    """Called, it gives the Unix time in nanoseconds; before that it tells of a step since the last call."""

    def __init__(
        self,
        *,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = lambda: time.clock_gettime_ns(_STEADY),
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._difference = wall() - steady()
        self.stepped: list[Callable[[int], None]] = []
        """Each is told by how many nanoseconds the clock was set forward; back: negative."""

    def __call__(self) -> int:
        before, now, after = self._steady(), self._wall(), self._steady()
        if after - before < BRACKET:
            step, self._difference = now - before - self._difference, now - before
            if abs(step) >= STEP:
                for listener in self.stepped:
                    listener(step)
        return now
