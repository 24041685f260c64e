"""A bounded number of turns at a time, shared fairly: how many one group has waiting delays no other."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairTurns:
    """A semaphore in whose queue groups (namespaces) take turns; in each it is first come, first served."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: OrderedDict[str, dict[asyncio.Future[None], None]] = OrderedDict()
        """Those who wait, in order, by group; the groups in the order of their turns. None is empty."""

    @asynccontextmanager
    async def turn(self, group: str) -> AsyncIterator[None]:
        """Wait for a turn of the group, and hold it."""
        await self._take(group)
        try:
            yield
        finally:
            self._give()

    async def _take(self, group: str) -> None:
        if self._free:  # so nobody waits
            self._free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, {})[waiter] = None
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._leave(group, waiter)
            else:  # it was given the turn at the same moment
                self._give()
            raise

    def _give(self) -> None:
        """Hand a turn to the group that has waited longest for one."""
        for group, waiters in self._waiting.items():
            for waiter in waiters:
                if not waiter.cancelled():
                    self._leave(group, waiter)
                    if group in self._waiting:
                        self._waiting.move_to_end(group)
                    waiter.set_result(None)
                    return
        self._free += 1

    def _leave(self, group: str, waiter: asyncio.Future[None]) -> None:
        del self._waiting[group][waiter]
        if not self._waiting[group]:
            del self._waiting[group]
