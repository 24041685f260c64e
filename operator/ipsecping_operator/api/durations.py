"""Durations as the API writes them: `30s`, `1m30s`, `0.5ms`."""

import re

PATTERN = r"^([0-9]{1,6}([.][0-9]{1,6})?(ms|s|m|h))+$"
"""At most six digits in a row: what matches fits into 64 bits of nanoseconds and is exact in Go and here."""
MESSAGE = (
    "must be a duration such as 30s, 1m30s or 0.5ms: each number has its unit, ms, s, m or h (a day is 24h)"
)
MAX_LENGTH = 16

_NANOSECONDS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]+)(?:[.]([0-9]+))?(ms|s|m|h)")


def nanoseconds(text: str) -> int:
    """The duration in nanoseconds, as Go's time.ParseDuration reads it; raises ValueError."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text!r} is not a duration such as 30s, 1m30s or 0.5ms")
    total = 0
    for whole, fraction, unit in _PART.findall(text):
        total += int(whole) * _NANOSECONDS[unit]
        if fraction:
            total += int(fraction) * _NANOSECONDS[unit] // 10 ** len(fraction)
    return total


def milliseconds(text: str) -> int:
    """The duration in whole milliseconds, rounded down as CEL's getMilliseconds does; raises ValueError."""
    return nanoseconds(text) // 10**6
