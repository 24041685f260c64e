"""How fast one agent's lines are read: about as fast as its plan makes them, and never without a pause.

What is not read stays in the agent's buffers: TCP holds it back. So neither an agent gone astray nor one in
the wrong hands keeps the operator's event loop from everything else. Nor does what it has sent keep back the
results of the agent that follows it in the same pod: megabytes wait in the buffers, hours of reading at the
rate of a small plan, so a connection that would have to wait too long is given up.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ipsecping.contract import PlannedCheck, most_addresses

BURST = 16 * 2**20
"""Bytes that may come at once: twice what an agent's ring holds, which is read after a restart."""
LEAST_RATE = 1024.0
"""Bytes a second that are read of any agent: heartbeats, and extra rounds."""
LEAST_LINE = 512
"""Bytes that a line counts as at least, however short: each costs about as much."""
LEAST_FRAME = 32
"""The same of what frames a chunk."""
TURN = 4096
"""Bytes after which everything else in the event loop has its turn."""
PATIENCE = 10.0
"""Seconds that one connection is held back in all; then it is given up, with what waits in its buffers."""
_ROUND, _PACKET = 1024, 16
"""Bytes that a result takes at most, and each of its packets more."""
_FLOW = 96
"""The same of each flow."""
_SPARE = 2
"""So many times as fast as the plan has it is still no reason to doubt."""
CALM_SECONDS = 60.0
"""An agent that was held back is told of until it was not for so long: floods come and go."""


class SentTooMuch(Exception):
    """A connection brought so much more than its plan makes that the rest is not worth waiting for."""


def rate_of(plan: PlannedCheck | None) -> float:
    """Return the bytes a second that are read of an agent with this plan; None: its plan is not known."""
    if plan is None or plan.interval_ms is None:
        return LEAST_RATE
    octets = sum(
        (_ROUND + _PACKET * probe.packets + _FLOW * probe.flows) * most_addresses(plan, probe)
        for probe in plan.probes
    )
    return LEAST_RATE + _SPARE * octets * 1000 / plan.interval_ms


@dataclass(slots=True)
class Bucket:
    """A token bucket, counted in bytes. Pure: seconds of a steady clock are passed in."""

    rate: float = LEAST_RATE
    burst: float = BURST
    spent: float = 0.0
    """Bytes of the burst that were used up at `at`."""
    at: float = 0.0

    def take(self, octets: int, *, now: float) -> float:
        """Count what was read; returns the seconds to wait before more is."""
        self.spent = max(self.spent - (now - self.at) * self.rate, 0.0) + octets
        self.at = now
        return max(self.spent - self.burst, 0.0) / self.rate

    def forgive(self) -> None:
        """Forget what was counted and is not waited for, since it is not read either."""
        self.spent = min(self.spent, self.burst)


class Throttle:
    """Awaited once for each line of one agent, and once for each frame around lines.

    Raises SentTooMuch when a connection was held back for `PATIENCE`; `connected` begins the next one.

    `held_back(seconds)` is told of each wait for its rate. `changed(True)` is called before the first of
    them, and `changed(False)` at the first line after `CALM_SECONDS` without one.
    """

    def __init__(
        self,
        *,
        plan: PlannedCheck | None = None,
        burst: float = BURST,
        held_back: Callable[[float], None] = lambda seconds: None,
        changed: Callable[[bool], None] = lambda holding_back: None,
    ) -> None:
        self._bucket = Bucket(rate=rate_of(plan), burst=burst)
        self._held_back = held_back
        self._changed = changed
        self._held_at: float | None = None
        """When it last held the agent back; None when that has been told to be over."""
        self._waited = 0.0
        """Seconds that this connection was held back."""
        self._turn = 0

    def connected(self) -> None:
        """Begin another connection, which has the whole of `PATIENCE` before it."""
        self._waited = 0.0

    def follow(self, plan: PlannedCheck | None) -> None:
        """Take over the rate of another plan."""
        self._bucket.rate = rate_of(plan)

    async def line(self, octets: int) -> None:
        """Count a line of so many bytes; returns when the agent may send the next."""
        await self._take(max(octets, LEAST_LINE))

    async def frame(self, octets: int) -> None:
        """Count so many bytes that frame a chunk, likewise: there may be one around each byte of a line."""
        await self._take(max(octets, LEAST_FRAME))

    async def _take(self, octets: int) -> None:
        now = asyncio.get_running_loop().time()
        wait = self._bucket.take(octets, now=now)
        self._turn += octets
        if wait > 0:
            self._hold_back(min(wait, PATIENCE), now=now)
            self._waited += wait
            if self._waited > PATIENCE:
                self._bucket.forgive()
                raise SentTooMuch("it sends many times what its plan makes")
        elif self._held_at is not None and now - self._held_at >= CALM_SECONDS:
            self._held_at = None
            self._changed(False)
        if wait > 0 or self._turn >= TURN:
            self._turn = 0
            await asyncio.sleep(wait)

    def _hold_back(self, wait: float, *, now: float) -> None:
        began = self._held_at is None
        self._held_at = now + wait
        if began:
            self._changed(True)
        self._held_back(wait)
