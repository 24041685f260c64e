"""Timestamps and their quality as STAMP carries them (RFC 8762 section 4.2.1).

A 64-bit timestamp is either in NTP format (RFC 5905: seconds since 1900 and a binary fraction) or in PTPv2
truncated format (RFC 8186: seconds and nanoseconds); the Z flag of its error estimate tells which.
"""

from typing import NamedTuple

NANOSECONDS = 1_000_000_000
SECONDS_1900_TO_1970 = 2_208_988_800
_ERA = 1 << 32
_HALF_ERA = 1 << 31
_RANGE, _HALF_RANGE = 1 << 64, 1 << 63
_EPOCH = SECONDS_1900_TO_1970 << 32
_MAX_SCALE, _MAX_MULTIPLIER = 63, 255


def ntp_from_unix(unix_ns: int) -> int:
    """The 64-bit NTP timestamp of a time in nanoseconds since the Unix epoch (exact to 0.12 ns)."""
    return (((unix_ns << 32) + NANOSECONDS // 2) // NANOSECONDS + _EPOCH) % _RANGE


def ntp_difference(later: int, earlier: int) -> int:
    """Nanoseconds from one NTP timestamp to another, at most 68 years either way, also across eras."""
    units = later - earlier
    if not -_HALF_RANGE <= units < _HALF_RANGE:  # another era
        units = (units + _HALF_RANGE) % _RANGE - _HALF_RANGE
    return (units * NANOSECONDS + _HALF_ERA) >> 32


def unix_from_ptp(timestamp: int) -> int:
    """Nanoseconds since the epoch of the sender's PTP clock, which may be TAI: use differences only."""
    return (timestamp >> 32) * NANOSECONDS + (timestamp & (_ERA - 1))


PTP_FLAG = 0x4000
"""Z in an error estimate."""


class ErrorEstimate(NamedTuple):
    """How far the clock may be off (RFC 4656 section 4.1.2): `multiplier * 2**(scale - 32)` seconds."""

    synchronized: bool = False
    """S: the clock is synchronized to UTC by an external source."""
    ptp: bool = False
    """Z: the timestamps are in PTPv2 truncated format (RFC 8186 section 2.3)."""
    scale: int = 32
    multiplier: int = 1

    @classmethod
    def covering(cls, error: int, *, synchronized: bool) -> "ErrorEstimate":
        """The least estimate that is not below `error` nanoseconds; the multiplier is never 0."""
        units = max(-(-error * _ERA // NANOSECONDS), 1)  # of 2^-32 s, rounded up
        scale = max(units.bit_length() - 8, 0)
        if -(-units // (1 << scale)) > _MAX_MULTIPLIER:
            scale += 1
        if scale > _MAX_SCALE:
            return cls(synchronized=synchronized, scale=_MAX_SCALE, multiplier=_MAX_MULTIPLIER)
        return cls(synchronized=synchronized, scale=scale, multiplier=-(-units // (1 << scale)))

    def to_wire(self) -> int:
        """The 16-bit field."""
        return self.synchronized << 15 | self.ptp << 14 | self.scale << 8 | self.multiplier

    @classmethod
    def from_wire(cls, field: int) -> "ErrorEstimate":
        """Read the 16-bit field."""
        return cls(bool(field & 0x8000), bool(field & PTP_FLAG), field >> 8 & 0x3F, field & 0xFF)


UNSYNCHRONIZED = ErrorEstimate().to_wire()
"""No claim about the clock, error of a second: RTT and loss need no synchronized clocks."""
