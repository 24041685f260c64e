"""Was this host fit to measure? Asked once a round, and answered about this host alone, never the path."""

from collections.abc import Sequence

from ..contract import Invalidity
from ..measure.packet import Packet
from ..measure.timestamps import StampRule
from ..net.clocks import Clock
from ..net.throttling import ThrottleWatch

THROTTLED_LIMIT = 10_000_000
"""Held back by the CPU limit for longer than this in one round (nanoseconds), the prober may have missed the
moment of a packet: it is the shortest spacing that a check can ask for."""


class Judge:
    """Judges the rounds of one probe; they may overlap. Times in monotonic nanoseconds."""

    __slots__ = ("_clock", "_stamps", "_throttling")

    def __init__(self, clock: Clock, throttling: ThrottleWatch) -> None:
        self._clock = clock
        self._throttling = throttling
        self._stamps = StampRule()

    def begin(self, *, now: int) -> "Trial":
        """A round begins; ask the trial for the verdict when it is over."""
        return Trial(self._clock, self._throttling, self._stamps, now)


class Trial:
    """One round under observation."""

    __slots__ = ("_clock", "_stamps", "_steps", "_throttled", "_throttling")

    def __init__(self, clock: Clock, throttling: ThrottleWatch, stamps: StampRule, now: int) -> None:
        self._clock = clock
        self._throttling = throttling
        self._stamps = stamps
        self._steps = clock.steps
        self._throttled = throttling.total(now=now)

    def verdict(
        self, packets: Sequence[Packet], *, now: int, found: Invalidity | None = None
    ) -> Invalidity | None:
        """Why the round says nothing about the path, or None. `found` is what was noticed while it ran."""
        if found in (None, Invalidity.LATE_TICKS):
            if self._throttling.total(now=now) - self._throttled > THROTTLED_LIMIT:
                return Invalidity.CPU_THROTTLED  # which also says why ticks were late
            # A step of the clock costs stamps that the kernel did give.
            if found is None and self._clock.steps == self._steps and self._stamps.broken(packets):
                return Invalidity.TIMESTAMPS_MISSING
        return found
