"""Work that can wait: one key after the other, with a pause between."""

import asyncio
from collections.abc import Callable

PAUSE = 0.05
"""Seconds between two keys: a fleet of 2,000 takes two minutes, and hardly anybody notices."""


class SpareTime:
    """Calls `call(key)` once for each request, the first at once and each further one later."""

    def __init__(self, call: Callable[[str], None], *, pause: float = PAUSE) -> None:
        self._call = call
        self._pause = pause
        self._next = float("-inf")
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def request(self, key: str) -> None:
        """Call when its turn comes; nothing new when it waits already."""
        if key in self._waiting:
            return
        loop = asyncio.get_running_loop()
        turn = max(loop.time(), self._next)
        self._next = turn + self._pause
        self._waiting[key] = loop.call_at(turn, self._take, key)

    def close(self) -> None:
        """Call nothing any more."""
        for timer in self._waiting.values():
            timer.cancel()

    def _take(self, key: str) -> None:
        del self._waiting[key]
        self._call(key)
