"""When to compare with the API: every so often, after a watch began anew, and when one is late."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from ipsecping_operator.cache.sweep import Listed, Sweeper
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.errors import ApiError

from .filing import Filing

SWEEP_AFTER_LIST = 10.0
"""Seconds from a watch's list to the sweep that finds what has gone meanwhile."""
SWEEP_AGAIN = 60.0
"""Seconds to the sweep that judges what this one found unseen. No sweep is later than the resync interval."""
PENDING_SECONDS = 30.0
"""A watch that has not shown in this time what the operator wrote is looked into at once."""
LOOK_SECONDS = 1.0
"""Between two looks at whether a watch is late."""

_log = logging.getLogger(__name__)


class SweepLoop:
    """Sweeps now and then, for as long as `run` runs.

    `gone(uid)` is told of a check of which something has gone, or which has gone itself; `unseen(objects)`,
    after each sweep, of what the watches have never shown.
    """

    def __init__(
        self,
        *,
        sweeper: Sweeper,
        filing: Filing,
        faults: Faults,
        interval: float,
        relisted: asyncio.Event,
        gone: Callable[[str], None],
        unseen: Callable[[Sequence[Listed]], None],
    ) -> None:
        """`interval` in seconds; `relisted` is set when a watch begins anew, with a list."""
        self._sweeper = sweeper
        self._filing = filing
        self._faults = faults
        self._interval = interval
        self._relisted = relisted
        self._gone = gone
        self._unseen = unseen

    async def run(self) -> None:
        """Sweep for ever, sooner where something is suspect. Never returns."""
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
                suspect = self._sweeper.behind or self._sweeper.older or self._sweeper.orphans
                pause = again if suspect else self._interval

    async def _sweep(self) -> None:
        touched, never = await self._sweeper.sweep()
        self._filing.retain()
        self._unseen(never)
        for uid in touched:
            self._gone(uid)

    async def _pause(self, pause: float) -> None:
        """Wait so long; or until shortly after a watch began anew, or does not show what was written."""
        interval = self._interval
        until = time.monotonic() + pause
        least = time.monotonic() + min(SWEEP_AGAIN, interval)
        self._relisted.clear()
        while (now := time.monotonic()) < until:
            try:
                await asyncio.wait_for(self._relisted.wait(), min(until - now, LOOK_SECONDS))
            except TimeoutError:
                if now > least and self._sweeper.store.pending_writes.late(
                    before=now - min(PENDING_SECONDS, interval)
                ):
                    return
                continue
            await asyncio.sleep(min(SWEEP_AFTER_LIST, interval))
            return
