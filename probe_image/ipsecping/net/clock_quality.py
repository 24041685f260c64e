"""How good this host's clock is, by the kernel's own account: adjtimex(2)."""

import ctypes
from collections.abc import Callable
from functools import cache

from ..wire.ntp import NANOSECONDS, UNSYNCHRONIZED, ErrorEstimate

REFRESH_NS = 60 * NANOSECONDS

_TIME_ERROR = 5
_STA_UNSYNC = 0x40
_MICROSECOND = 1_000


class _Timex(ctypes.Structure):
    """`struct timex` up to what is needed; the rest is room for the kernel to write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def read_error_estimate() -> ErrorEstimate:
    """The kernel's maximum error, and whether anything keeps the clock synchronized."""
    state = _Timex()
    try:
        found: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        found = -1
    if found < 0:  # no such call, or a sandbox forbids it
        return ErrorEstimate.from_wire(UNSYNCHRONIZED)
    synchronized = found != _TIME_ERROR and not state.status & _STA_UNSYNC
    return ErrorEstimate.covering(max(state.maxerror, 0) * _MICROSECOND, synchronized=synchronized)


@cache
def own_clock_quality() -> "ClockQuality":
    """That of this host's clock, for all sessions of the process."""
    return ClockQuality()


class ClockQuality:
    """The error estimate for packets, read from the kernel at most once a minute."""

    def __init__(self, read: Callable[[], ErrorEstimate] = read_error_estimate) -> None:
        self._read = read
        self._read_at: int | None = None
        self._estimate = UNSYNCHRONIZED

    def estimate(self, now: int) -> int:
        """The field as on the wire; `now` in nanoseconds of any clock, also of one that is set back."""
        if self._read_at is None or abs(now - self._read_at) >= REFRESH_NS:
            self._read_at = now
            self._estimate = self._read().to_wire()
        return self._estimate
