"""A handler of results that remembers what it was told."""

import asyncio
from collections.abc import Callable

from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState

from ...peers.processes import PATIENCE


class Handled:
    """In the place of the rules that follow from results."""

    def __init__(self) -> None:
        self.fates: list[Rejection | None] = []
        """Of each result in order; None: accepted."""
        self.held_back_seconds = 0.0
        self._news = asyncio.Event()

    @property
    def counts(self) -> dict[Rejection | None, int]:
        """How many results had which fate."""
        return {fate: self.fates.count(fate) for fate in self.fates}

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something that was told makes this hold."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def accepted(self, state: CheckState) -> None:
        self.fates.append(None)
        self._news.set()

    def rejected(self, state: CheckState, reason: Rejection, count: int) -> None:
        self.fates += [reason] * count
        self._news.set()

    def held_back(self, seconds: float) -> None:
        self.held_back_seconds += seconds

    def readability_changed(self, state: CheckState) -> None:
        self._news.set()
