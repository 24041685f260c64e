"""One round of one probe, from its first packet until nothing more is awaited."""

import asyncio
from collections.abc import Callable

from ..contract import Invalidity
from ..contract.plan import MAX_COUNT
from ..measure.packet import Packet
from ..probes.base import LocalSendFailed, Session

MAX_CLOSING = 3
"""Packets added at most, so that the direction of a lost tail becomes known."""
LATE_SECONDS = 0.1
"""A packet is late when it leaves so long after its time, or a whole spacing if that is more ..."""
LATE_SHARE = 0.1
"""... and a round is invalid when more than this share of its packets were late."""
LINGER_SECONDS = 0.1
"""After the last answer: time for its duplicates to come."""


class ActiveRound:
    """Sends `count` packets at deadlines `spacing` apart (seconds): one late packet delays no other.

    Answers count until `timeout` after their packet. The round ends when nothing more is awaited. With
    `closing`, up to MAX_CLOSING more packets follow when their answers would tell in which direction the last
    ones were lost; they are packets of the round like any other.
    """

    def __init__(
        self,
        session: Session,
        *,
        count: int,
        spacing: float,
        timeout: float,
        closing: bool = True,
        observer: Callable[[Packet], None] | None = None,
    ) -> None:
        self.packets: list[Packet] = []
        self.invalid: Invalidity | None = None
        self._session = session
        self._count = count
        self._spacing = spacing
        self._timeout = timeout
        self._most_closing = min(MAX_CLOSING, MAX_COUNT - count) if closing else 0
        self._observer = observer
        self._late = 0
        self._awaited: set[int] = set()
        self._quiet = asyncio.Event()
        self._stopped = False
        self._loop = asyncio.get_running_loop()
        self._sent: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    async def send(self, *, begin: float | None = None) -> None:
        """Send the packets, the first one at `begin` (the loop's time; now when absent)."""
        self._begin = self._loop.time() if begin is None else begin
        self._timer = self._loop.call_at(self._begin, self._tick)
        try:
            await self._sent
        finally:
            self._timer.cancel()

    async def settle(self) -> None:
        """Wait for the answers, send closing packets where they tell something, and judge the round."""
        closing = 0
        while not self._stopped and closing < self._most_closing:
            if await self._quiet_within(self._overdue() * 2**closing):
                break
            if not self._session.ledger.would_closing_tell(self.packets, closing=closing):
                break
            self._send_one()
            closing += 1
        if await self._quiet_within(self._overdue() if self._stopped else self._timeout):
            await asyncio.sleep(min(self._timeout, max(LINGER_SECONDS, 2 * self._largest_rtt())))
        self._session.drain()
        if self._stopped:  # what may still be answered is not lost
            self.packets = [packet for packet in self.packets if packet.sequence not in self._awaited]
        if self.invalid is None and self._session.overflowed():
            self.invalid = Invalidity.RECEIVE_QUEUE_DROPS
        if self.invalid is None and self._late > LATE_SHARE * len(self.packets):
            self.invalid = Invalidity.LATE_TICKS

    def stop(self) -> None:
        """Send no more and wait for answers only as long as they usually take."""
        self._stopped = True
        if not self._sent.done():
            self._sent.set_result(None)

    def _tick(self) -> None:
        if self._sent.done():
            return
        due = self._begin + len(self.packets) * self._spacing
        self._late += self._loop.time() - due > max(LATE_SECONDS, self._spacing)
        try:
            self._send_one()
        except Exception as error:
            self._sent.set_exception(error)
            return
        if len(self.packets) < self._count:
            self._timer = self._loop.call_at(due + self._spacing, self._tick)
        else:
            self._sent.set_result(None)

    def _send_one(self) -> None:
        try:
            packet = self._session.send(self._observe)
        except LocalSendFailed:
            self.invalid = Invalidity.LOCAL_SEND_FAILED
            return
        self.packets.append(packet)
        if not packet.settled:
            self._awaited.add(packet.sequence)
            self._quiet.clear()

    def _observe(self, packet: Packet) -> None:
        if packet.settled:
            self._awaited.discard(packet.sequence)
            if not self._awaited:
                self._quiet.set()
        if self._observer is not None:
            self._observer(packet)

    async def _quiet_within(self, seconds: float) -> bool:
        """Whether nothing more is awaited, after at most so long."""
        if not self._awaited:
            return True
        try:
            await asyncio.wait_for(self._quiet.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _overdue(self) -> float:
        """After so long without an answer a packet is probably lost."""
        return min(self._timeout, max(LINGER_SECONDS, 2 * self._largest_rtt()))

    def _largest_rtt(self) -> float:
        return max((packet.rtt or 0 for packet in self.packets), default=0) / 1e9
