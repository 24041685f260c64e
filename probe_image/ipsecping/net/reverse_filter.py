"""How many packets this host's reverse path filter has dropped (`rp_filter` in ip-sysctl, IPv4 alone).

It drops, without a word to anybody, what comes in by another interface than answers to it would leave by: as
answers out of a tunnel do where the way into it is another.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

_NETSTAT = Path("/proc/net/netstat")
_NAME = "IPReversePathFilter"
FRESH = 100_000_000
"""A reading serves for so long (nanoseconds): the kernel adds up hundreds of counters for it."""


def dropped_in(netstat: str) -> int | None:
    """That count in the text of /proc/net/netstat; None where it is not there."""
    rows = [line.split() for line in netstat.splitlines() if line.startswith("TcpExt:")]
    if len(rows) != 2 or _NAME not in rows[0] or len(rows[0]) != len(rows[1]):
        return None
    value = rows[1][rows[0].index(_NAME)]
    return int(value) if value.isascii() and value.isdigit() else None


class ReverseFilter:
    """Asks for that count, for all sessions of a process."""

    def __init__(self, *, read: Callable[[], str] = _NETSTAT.read_text) -> None:
        self._read = read
        self._dropped: int | None = None
        self._read_at: int | None = None

    def drops(self, *, now: int) -> int | None:
        """Return it as of now (monotonic nanoseconds), or of a moment ago; None where nothing says it."""
        if self._read_at is None or now - self._read_at > FRESH:
            self._read_at = now
            try:
                self._dropped = dropped_in(self._read())
            except (OSError, UnicodeError):
                self._dropped = None
        return self._dropped


@cache
def own_reverse_filter() -> ReverseFilter:
    """That of this process."""
    return ReverseFilter()
