"""When to compare with the API: every so often, after a watch began anew, and when one is late."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from ipsecping_operator.faults import Faults, Where
from ipsecping_operator.kube.errors import ApiError

from .filing import Filing
from .sweep import Listed, Sweeper

SWEEP_AFTER_LIST = 10.0
"""Seconds from a watch's list to the sweep that finds what has gone meanwhile."""
SWEEP_AGAIN = 60.0
"""Seconds to the sweep that judges what this one found unseen. No sweep is later than the resync interval."""
ECHO_SECONDS = 30.0
"""A watch that has not shown in this time what the operator wrote is looked into at once."""
LOOK_SECONDS = 1.0
"""Between two looks at whether a watch is late."""

_log = logging.getLogger(__name__)


class Sweeping:
    """`run` sweeps for ever.

    `touched(uid)` is told of a check of which something has gone; `unseen(objects)`, after each sweep, of
    what the watches have never shown.
    """

    def __init__(
        self,
        *,
        sweeper: Sweeper,
        filing: Filing,
        faults: Faults,
        interval: float,
        touched: Callable[[str], None],
        unseen: Callable[[Sequence[Listed]], None],
    ) -> None:
        """`interval` in seconds."""
        self._sweeper = sweeper
        self._filing = filing
        self._faults = faults
        self._interval = interval
        self._touched = touched
        self._unseen = unseen
        self.soon = asyncio.Event()
        """Set when a watch begins with a list."""

    async def run(self) -> None:
        """Never returns."""
        # The first lists have told of everything there is.
        again = min(SWEEP_AGAIN, self._interval)
        await asyncio.sleep(again)
        pause = 0.0
        while True:
            await self._pause(pause)
            pause = again
            try:
                await self._sweep()
            except ApiError as error:
                _log.warning("cannot compare with the API, will retry: %s", error)
            except Exception as error:
                self._faults.note(Where.SWEEP, error)
            else:
                pause = again if self._sweeper.behind else self._interval

    async def _sweep(self) -> None:
        touched, never = await self._sweeper.sweep()
        self._filing.retain()
        self._unseen(never)
        for uid in touched:
            self._touched(uid)

    async def _pause(self, pause: float) -> None:
        """Wait so long; or until shortly after a watch began anew, or does not show what was written."""
        interval = self._interval
        until = time.monotonic() + pause
        least = time.monotonic() + min(SWEEP_AGAIN, interval)
        self.soon.clear()
        while (now := time.monotonic()) < until:
            try:
                await asyncio.wait_for(self.soon.wait(), min(until - now, LOOK_SECONDS))
            except TimeoutError:
                if now > least and self._sweeper.store.echoes.late(before=now - min(ECHO_SECONDS, interval)):
                    return
                continue
            await asyncio.sleep(min(SWEEP_AFTER_LIST, interval))
            return
