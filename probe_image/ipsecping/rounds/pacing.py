"""Sends the packets of one round on time and waits for what becomes of them."""

import asyncio
import time
from collections.abc import Callable

from ..contract import Invalidity
from ..measure.packet import Packet
from ..probes.base import LocalSendFailed, Session

LATE_LIMIT = 1_000_000_000
"""A packet that leaves so much later than planned (nanoseconds) makes the round invalid."""
CLOSING_PACKETS = 3
"""At most so many uncounted packets after a round whose last ones were lost, to learn in which direction."""
CLOSING_TIMEOUT = 500_000_000

Observer = Callable[[Packet], None]


class Pacing:
    """One round's packets in one session."""

    def __init__(self, session: Session, *, timeout: int, observer: Observer | None = None) -> None:
        self._session = session
        self._timeout = timeout
        self._observer = observer
        self._outstanding: set[int] = set()
        self._all_settled = asyncio.Event()
        self.packets: list[Packet] = []
        """Those of the round, in order of sequence."""
        self.closing: list[Packet] = []
        """Those sent after it, which count for nothing but the direction of its losses."""
        self.invalid: Invalidity | None = None
        """Set when this host was at fault."""

    async def send(self, *, count: int, spacing: int, start: int) -> None:
        """Send `count` packets, the i-th at `start + i * spacing` (monotonic nanoseconds)."""
        for i in range(count):
            due = start + i * spacing
            await sleep_until(due)
            if time.monotonic_ns() - due > LATE_LIMIT:
                self.invalid = Invalidity.LATE_TICKS
            self._send_one(self.packets)

    async def wait(self) -> None:
        """Wait until each packet is answered or refused, or its timeout has passed."""
        if self.packets:
            await self._settled(until=self.packets[-1].sent_at + self._timeout)

    async def close(self) -> None:
        """Where the round's last packets vanished, learn from the reflector's next reply where."""
        ledger = self._session.ledger
        while len(self.closing) < CLOSING_PACKETS and ledger.would_closing_tell(
            [*self.packets, *self.closing], closing=len(self.closing)
        ):
            packet = self._send_one(self.closing)
            await self._settled(until=packet.sent_at + min(self._timeout, CLOSING_TIMEOUT))

    def _send_one(self, book: list[Packet]) -> Packet:
        self._all_settled.clear()
        try:
            packet = self._session.send(self._told)
        except LocalSendFailed as failure:
            self.invalid = Invalidity.LOCAL_SEND_FAILED
            packet = failure.packet
        book.append(packet)
        if not packet.settled:
            self._outstanding.add(packet.sequence)
        return packet

    def _told(self, packet: Packet) -> None:
        if packet.settled:
            self._outstanding.discard(packet.sequence)
            if not self._outstanding:
                self._all_settled.set()
        if self._observer is not None:
            self._observer(packet)

    async def _settled(self, *, until: int) -> None:
        if not self._outstanding:
            return
        try:
            await asyncio.wait_for(self._all_settled.wait(), max(until - time.monotonic_ns(), 0) / 1e9)
        except TimeoutError:
            self._session.drain()
            self._outstanding.clear()


async def sleep_until(instant: int) -> None:
    """Sleep until the given monotonic time (nanoseconds); return at once when it has passed."""
    rest = instant - time.monotonic_ns()
    if rest > 0:
        await asyncio.sleep(rest / 1e9)
