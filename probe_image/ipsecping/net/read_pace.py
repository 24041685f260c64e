"""Decides how long what comes on a busy socket may wait until it is read. Times in nanoseconds, passed in.

Reading late wakes the process less often, and changes no round-trip time that the kernel's timestamps are
taken for. But the queue must not overflow meanwhile.
"""

from .timers import LEISURE, SLACK

HOLD_OFF = SLACK
"""Woken again within so long, a socket is read at this interval for as long as it is busy."""
LONG_HOLD_OFF = LEISURE
"""The same where little comes, and comes with the kernel's timestamps."""
LITTLE = 64
"""Datagrams and send timestamps: after no more of them at once, there is no hurry to take in the next."""
WARY = 600_000_000_000
"""So long after a flood the shorter interval is kept: in the longer one, the next flood would fill the queue
before it is noticed, and whoever sends a burst every now and then would make round after round invalid."""


class ReadPace:
    """The pace of one socket."""

    __slots__ = ("_wary_until", "stamped")

    def __init__(self) -> None:
        self._wary_until = 0
        self.stamped = False
        """What came last bore a timestamp of the kernel. Without, its time is when it is read."""

    def flooded(self, now: int) -> None:
        """The queue has overflowed, or a source had to be muted."""
        self._wary_until = now + WARY

    def hold_off(self, came: int, *, now: int) -> int:
        """How long what comes next may wait, after so much came at once."""
        if came > LITTLE or not self.stamped or now < self._wary_until:
            return HOLD_OFF
        return LONG_HOLD_OFF
