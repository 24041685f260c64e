"""Whose turn it is to be diagnosed: a few at a time, and no namespace keeps those of others from theirs.

A turn lasts as long as an agent or a pod pleases, within bounds, and checks say where their pods run.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """So many at a time; one namespace never has the last of them. Belongs to one event loop."""

    def __init__(self, number: int) -> None:
        """`number`: two at least."""
        self._free = number
        self._most = number - 1
        self._having = Counter[str]()
        """Turns by namespace."""
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, namespace: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        place = namespace, asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._hand_out()
        try:
            await place[1]
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            else:  # it came in the same moment
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
            able = [
                place
                for place in self._waiting
                if self._having[place[0]] < self._most and not place[1].done()  # it is being cancelled
            ]
            if not able:
                return
            place = min(able, key=lambda each: self._having[each[0]])
            self._waiting.remove(place)
            self._free -= 1
            self._having[place[0]] += 1
            place[1].set_result(None)
