"""Notices that the machine was suspended, or paused by what it runs on, while a round went on."""

import time
from collections.abc import Callable

from ..net.clocks import Clock
from ..wire.ntp import NANOSECONDS

PAUSED = NANOSECONDS
"""A machine that was suspended or paused for longer than this in a round (nanoseconds) has lost what was
under way. Its monotonic clock, by which time-outs count, may have stood still meanwhile."""


def time_asleep() -> int:
    """Nanoseconds that this machine has slept since it was started; 0 where it does not tell (emulation)."""
    try:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    except OSError:
        return 0


class PauseWatch:
    """Looks from when it is made. What a hypervisor does shows in the wall clock alone, once that is set."""

    __slots__ = ("_asleep", "_before", "_clock")

    def __init__(self, clock: Clock, *, asleep: Callable[[], int] = time_asleep) -> None:
        self._clock = clock
        self._asleep = asleep
        self._before = self._total()

    def paused(self) -> bool:
        """Whether the machine was paused meanwhile."""
        return self._total() - self._before > PAUSED

    def _total(self) -> int:
        self._clock.read()
        return self._asleep() + self._clock.leapt
