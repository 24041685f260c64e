"""Whose turn it is to be diagnosed: a few at a time, and no namespace keeps those of others from theirs.

A turn lasts as long as an agent or a pod pleases, within bounds, and checks say where their pods run.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Turns:
    """So many at a time; one namespace never has the last of them. Belongs to one event loop."""

    def __init__(self, number: int) -> None:
        """`number`: two at least."""
        self._free = number
        self._most = number - 1
        self._having = Counter[str]()
        """Turns by namespace."""
        self._waiting: dict[str, dict[asyncio.Future[None], int]] = {}
        """By namespace those who wait, in order, each with a number that rises."""
        self._numbers = count()

    @asynccontextmanager
    async def turn(self, namespace: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        own = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, {})[own] = next(self._numbers)
        self._hand_out()
        try:
            await own
        except asyncio.CancelledError:
            self._forget(namespace, own)
            if not own.cancelled():  # it came in the same moment
                self._give_back(namespace)
            raise
        try:
            yield
        finally:
            self._give_back(namespace)

    def _give_back(self, namespace: str) -> None:
        self._free += 1
        self._having[namespace] -= 1
        self._having += Counter()  # drops what is zero
        self._hand_out()

    def _hand_out(self) -> None:
        """To the namespace that has the fewest; of equals to the one that waits the longest."""
        while self._free:
            able = [each for each in self._waiting if self._having[each] < self._most]
            if not able:
                return
            namespace = min(able, key=lambda each: (self._having[each], self._first(each)[1]))
            own, _ = self._first(namespace)
            self._forget(namespace, own)
            if not own.done():  # else it is being cancelled
                self._free -= 1
                self._having[namespace] += 1
                own.set_result(None)

    def _first(self, namespace: str) -> tuple[asyncio.Future[None], int]:
        return next(iter(self._waiting[namespace].items()))

    def _forget(self, namespace: str, own: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(namespace, {})
        waiting.pop(own, None)
        if not waiting:
            self._waiting.pop(namespace, None)
