"""Finds out whether this host was fit to measure during a round; says nothing about the path."""

from collections.abc import Callable, Sequence

from ..contract import ClockSource, Invalidity
from ..host.throttling import ThrottleWatch
from ..measure.packet import Packet
from ..measure.timestamps import StampRule
from ..net.clocks import Clock
from .pause import PauseWatch, time_asleep

THROTTLED_LIMIT = 10_000_000
"""Held back by the CPU limit for longer than this in one round (nanoseconds), the prober may have missed the
moment of a packet: it is the shortest spacing that a check can ask for. What the kernel saw of the packets is
as true as ever."""


class HostFitness:
    """Checks the host during the rounds of one probe; they may overlap. Times in monotonic nanoseconds."""

    __slots__ = ("_asleep", "clock", "stamps", "throttling")

    def __init__(
        self, clock: Clock, throttling: ThrottleWatch, *, asleep: Callable[[], int] = time_asleep
    ) -> None:
        self.clock = clock
        self.throttling = throttling
        self.stamps = StampRule()
        self._asleep = asleep

    def pause_watch(self) -> PauseWatch:
        """Look for pauses of the machine from now on."""
        return PauseWatch(self.clock, asleep=self._asleep)

    def check(self, *, now: int) -> "FitnessCheck":
        """Begin with a round; ask for the verdict when the round is over."""
        return FitnessCheck(self, now)


class FitnessCheck:
    """Compares the host at the beginning and at the end of one round."""

    __slots__ = ("_host", "_pause", "_steps", "_throttled")

    def __init__(self, host: HostFitness, now: int) -> None:
        self._host = host
        self._pause = host.pause_watch()
        self._steps = host.clock.steps
        self._throttled = host.throttling.total(now=now)

    def verdict(
        self,
        packets: Sequence[Packet],
        *,
        now: int,
        found: Invalidity | None,
        on_time: bool,
        queued: bool,
        stood_still: bool = False,
        stalled: bool = False,
    ) -> Invalidity | None:
        """Why the round says nothing about the path, or None.

        `found` is what was noticed while it ran; `on_time`: no packet left after the next one was due;
        `queued`: answers wait in the kernel, with the time when they came, until the prober reads them;
        `stood_still`: where they do not, some may have been missed; `stalled`: what the prober itself has
        stamped, it may have stamped late.
        """
        if found is None and stood_still and not queued:
            found = Invalidity.LATE_TICKS
        if found is None and stalled and any(_stamped_here(packet) for packet in packets):
            found = Invalidity.LATE_TICKS
        if found not in (None, Invalidity.LATE_TICKS):
            return found
        host = self._host
        if not all(packet.answered for packet in packets) and self._pause.paused():
            return Invalidity.LATE_TICKS
        # Held back by the CPU limit, which also says why ticks were late; or by whatever else.
        throttled = host.throttling.total(now=now) - self._throttled > THROTTLED_LIMIT
        why = Invalidity.CPU_THROTTLED if throttled else found
        if why is not None and not (on_time and self._seen_by_kernel(packets, queued=queued)):
            return why
        # A step of the clock costs stamps that the kernel did give.
        if host.clock.steps == self._steps and host.stamps.broken(packets):
            return Invalidity.TIMESTAMPS_MISSING
        return None

    def _seen_by_kernel(self, packets: Sequence[Packet], *, queued: bool) -> bool:
        """Whether no figure rests on when the prober had its turn; without answers: none does usually."""
        if any(_stamped_here(packet) for packet in packets):
            return False
        answered = sum(packet.answered for packet in packets)
        if answered == len(packets):
            return bool(answered)
        return queued and (bool(answered) or self._host.stamps.usual)


def _stamped_here(packet: Packet) -> bool:
    """Whether its round-trip time rests on when the prober had its turn."""
    return packet.answered and packet.clock is not ClockSource.KERNEL
