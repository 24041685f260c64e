"""Which troubles of one target go to the log: not the same with every packet, and not ever new ones."""

MINUTE = 60_000_000_000
MOST = 5
"""In a minute: a target may say something else each time."""


class Telling:
    """Remembers what was told last. Times in monotonic nanoseconds, passed in."""

    __slots__ = ("_count", "_last", "_since")

    def __init__(self) -> None:
        self._last = ""
        self._since = self._count = 0

    def worth_telling(self, trouble: str, *, now: int) -> bool:
        """Whether it is another one than the last told, and not too many were told."""
        if trouble == self._last:
            return False
        if now - self._since >= MINUTE:
            self._since, self._count = now, 0
        if self._count >= MOST:
            return False
        self._count += 1
        self._last = trouble
        return True
