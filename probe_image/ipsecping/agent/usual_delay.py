"""The least delay of a path while it was well, of late. Pure.

A minimum over all time would be that of a route given up long ago, or of one answer that was stamped wrongly.
So it is the minimum (RFC 2681 section 4.3) over a window, of medians (section 4.2) of a few rounds each: a
single low round does not count, and a way that has been longer for a day is the usual one.
"""

from collections.abc import Sequence
from statistics import median_high

WINDOW = 24 * 3600 * 1_000_000_000
"""Nanoseconds before the newest healthy round: what is older is forgotten."""
TOGETHER = 9
"""Rounds whose median counts: an answer now and then that came too soon does not move it."""
LEAST = 3
"""Fewer are no group of their own: they go with the one before."""


def usual_delay(rounds: Sequence[tuple[int, int]]) -> int | None:
    """Return the least median of the least round-trip times of successive rounds; None: there are none.

    `rounds`: when each began (Unix nanoseconds) and its least round-trip time, nanoseconds.
    """
    newest = max((at for at, _ in rounds), default=0)
    least = [rtt for at, rtt in sorted(rounds) if newest - at <= WINDOW]
    groups = [least[first : first + TOGETHER] for first in range(0, len(least), TOGETHER)]
    if len(groups) > 1 and len(groups[-1]) < LEAST:
        groups[-2:] = [groups[-2] + groups[-1]]
    return min((median_high(group) for group in groups), default=None)
