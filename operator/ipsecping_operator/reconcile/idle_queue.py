"""Work that can wait: one key after the other, with pauses, and only while there is no other work."""

import asyncio
from collections.abc import Callable

PAUSE = 0.05
"""Seconds between two keys: those of 2,000 checks take two minutes, and delay no other work."""
AGAIN = 1.0
"""Seconds after which a busy operator is asked again whether it still is."""
LONGEST = 120.0
"""Seconds that a key waits at most: a busy operator does not put it off for ever."""


class IdleQueue:
    """Calls `call(key)` for each key that was requested, in order, while not `busy()`.

    A key that has waited for `longest` seconds is called in any case.
    """

    def __init__(
        self,
        call: Callable[[str], None],
        *,
        busy: Callable[[], bool] = lambda: False,
        pause: float = PAUSE,
        again: float = AGAIN,
        longest: float = LONGEST,
    ) -> None:
        self._call = call
        self._busy = busy
        self._pause = pause
        self._again = again
        self._longest = longest
        self._last = float("-inf")
        self._waiting: dict[str, float] = {}
        """Key to the loop's time of the request, oldest first."""
        self._timer: asyncio.TimerHandle | None = None

    def request(self, key: str) -> None:
        """Call for this key when its turn comes; once, however often it is requested until then."""
        self._waiting.setdefault(key, asyncio.get_running_loop().time())
        if self._timer is None:
            self._set(self._last + self._pause)

    def close(self) -> None:
        """Forget all requests."""
        self._waiting.clear()
        self._rest()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, at: float) -> None:
        loop = asyncio.get_running_loop()
        self._rest()
        self._timer = loop.call_at(max(at, loop.time()), self._turn)

    def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        # First of all: what is raised below must not be the end of the others' turns.
        self._set(now + self._again)
        key, since = next(iter(self._waiting.items()))
        if now - since < self._longest and self._busy():
            return
        self._last = now
        del self._waiting[key]
        self._rest()
        if self._waiting:
            self._set(now + self._pause)
        self._call(key)
