"""An endless train of packets, counted in stretches so that memory stays bounded."""

import asyncio
import time
from collections.abc import Callable

from ..contract import CheckRef, PlannedProbe
from ..contract.bounds import MAX_COUNT
from ..measure.packet import Packet
from ..measure.summary import summarise
from ..measure.totals import Totals
from ..probes.base import Session
from .round_machine import Pacing

_MS = 1_000_000
_NOBODY = CheckRef(uid="-", namespace="-", name="-", generation=0, nonce="-", path="-")


class PacketStream:
    """Sends packets of `probe` (its count is not looked at) until `count` are sent or `stop` is called."""

    def __init__(
        self,
        session: Session,
        probe: PlannedProbe,
        *,
        observer: Callable[[Packet], None] | None = None,
        sent: Callable[[Packet], None] | None = None,
        settled: Callable[[list[Packet]], None] | None = None,
    ) -> None:
        """`observer` and `sent` as in Pacing; `settled` is told of whole stretches that are over."""
        self.totals = Totals()
        self._session = session
        self._probe = probe
        self._observer = observer
        self._sent = sent
        self._settled = settled
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Send no more; `run` ends when the answers under way have had their usual time."""
        self._stop.set()

    async def run(self, count: int | None) -> None:
        """Send `count` packets, or packets until `stop`."""
        spacing, start, sent = self._probe.spacing_ms * _MS, time.monotonic_ns(), 0
        closed: asyncio.Task[None] | None = None
        while not self._stop.is_set() and (count is None or sent < count):
            stretch = MAX_COUNT if count is None else min(count - sent, MAX_COUNT)
            pacing = Pacing(
                self._session,
                timeout=self._probe.timeout_ms * _MS,
                closing=False,
                observer=self._observer,
                sent=self._sent,
            )
            await self._send(pacing, stretch, spacing, start + sent * spacing)
            sent += stretch
            closed = asyncio.create_task(self._close(pacing, closed))
        if closed is not None:
            await closed

    async def _send(self, pacing: Pacing, count: int, spacing: int, start: int) -> None:
        """Send one stretch, or as much of it as `stop` allows."""
        sending = pacing.send(count=count, spacing=spacing, start=start)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((sending, stopping), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            pacing.stop()
            stopping.cancel()

    async def _close(self, pacing: Pacing, before: asyncio.Task[None] | None) -> None:
        """Wait for a stretch's answers and add it up; in order, as the ledger wants it."""
        finishing = pacing.finish()
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((finishing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if finishing.done():
                finishing.result()
            else:
                await pacing.break_off()
        finally:
            pacing.stop()
            stopping.cancel()
        if before is not None:
            await before
        if not pacing.packets:
            return
        lost = self._session.ledger.attribute(pacing.packets)
        self.totals.add(
            summarise(
                check=_NOBODY,
                probe=self._probe,
                packets=pacing.packets,
                started_at=0,
                duration=0,
                forward_lost=lost.forward,
                reverse_lost=lost.reverse,
            )
        )
        if self._settled is not None:
            self._settled(pacing.packets)
