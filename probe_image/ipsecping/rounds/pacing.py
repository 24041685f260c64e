"""Sends the packets of one round on time and waits for what becomes of them."""

import asyncio
import time
from collections.abc import Callable

from ..contract import Invalidity
from ..contract.plan import MAX_COUNT
from ..measure.packet import Packet
from ..net.timers import LEISURE, SLACK, running_timers
from ..probes.base import Session

LATE_LIMIT = 1_000_000_000
"""A packet that leaves so much later than planned (nanoseconds) makes the round invalid."""
MAX_CLOSING = 3
"""At most so many packets are added to a round whose last ones were lost, to learn in which direction."""
PATIENCE = 100_000_000
"""At least so long (nanoseconds) is waited for duplicates, and before a packet is taken for probably lost."""


class Pacing:
    """One round's packets in one session. Times in monotonic nanoseconds.

    Packets have deadlines: one that leaves late delays no other. The round is over when nothing more is
    awaited. With `closing`, further packets follow when their answers would tell in which direction the last
    ones were lost. They are packets of the round like any other, so that the round's figures agree with
    what a packet counter on the way sees.
    """

    __slots__ = (
        "_all_sent",
        "_all_settled",
        "_closing",
        "_due",
        "_largest_rtt",
        "_observer",
        "_outstanding",
        "_sent",
        "_session",
        "_slack",
        "_spacing",
        "_timeout",
        "_timers",
        "_to_send",
        "invalid",
        "packets",
    )

    def __init__(
        self,
        session: Session,
        *,
        timeout: int,
        closing: bool = True,
        observer: Callable[[Packet], None] | None = None,
        sent: Callable[[Packet], None] | None = None,
    ) -> None:
        """`observer` is told whenever something became of a packet, `sent` of each packet sent."""
        self._session = session
        self._timeout = timeout
        self._closing = closing
        self._observer = observer
        self._sent = sent
        self._timers = running_timers()
        self._outstanding: set[int] = set()
        self._to_send = self._due = self._spacing = self._slack = 0
        self._all_sent: asyncio.Future[None] | None = None
        self._all_settled: asyncio.Future[bool] | None = None
        self._largest_rtt = 0
        self.packets: list[Packet] = []
        """In order of sequence."""
        self.invalid: Invalidity | None = None
        """Set when this host was at fault."""

    def send(self, *, count: int, spacing: int, start: int) -> "asyncio.Future[None]":
        """Send `count` packets, the i-th at `start + i * spacing`, late by at most a twentieth of that.

        To be awaited; cancelled, no more are sent.
        """
        self._to_send, self._due, self._spacing = count, start, spacing
        self._slack = min(spacing // 20, SLACK)
        done = self._all_sent = asyncio.get_running_loop().create_future()
        self._send_due()
        return done

    def _send_due(self) -> None:
        """A deadline for each packet instead of a task that sleeps: that is what makes it cheap."""
        done = self._all_sent
        if done is None or done.done():  # broken off
            return
        try:
            while self._to_send:
                late = time.monotonic_ns() - self._due
                if late < 0:
                    self._timers.call_at(self._due, self._send_due, slack=self._slack)
                    return
                if late > LATE_LIMIT:
                    self.invalid = Invalidity.LATE_TICKS
                self._to_send -= 1
                self._due += self._spacing
                self._send_one()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    async def finish(self) -> None:
        """Wait until each packet is answered or refused, or its timeout has passed."""
        if self._closing:
            await self._close()
        if await self._settled(self._timeout):
            rest = min(self._timeout, self._usual)
            await self._timers.sleep_until(time.monotonic_ns() + rest, slack=LEISURE)
        self._session.drain()
        if self.invalid is None and self._session.overflowed():
            self.invalid = Invalidity.RECEIVE_QUEUE_DROPS

    async def break_off(self) -> None:
        """Wait no longer than answers usually take; packets still awaited then are forgotten, not lost."""
        await self._settled(min(self._timeout, self._usual))
        self._session.drain()
        self.packets = [packet for packet in self.packets if packet.sequence not in self._outstanding]

    async def _close(self) -> None:
        for closing in range(min(MAX_CLOSING, MAX_COUNT - len(self.packets))):
            if not await self._overdue(closing):
                return
            if not self._session.ledger.would_closing_tell(self.packets, closing=closing):
                return
            self._send_one()

    async def _overdue(self, closing: int) -> bool:
        """Wait as long as answers usually take, twice as long for each closing packet; False: all settled."""
        waited = 0
        while True:
            # What is usual is learnt from the answers that come meanwhile.
            wait = min(self._timeout, self._usual << closing) if self._largest_rtt else self._timeout
            if wait <= waited:
                return True
            if await self._settled(wait):
                return False
            waited = wait

    @property
    def _usual(self) -> int:
        """Within so long, answers and their duplicates have come as a rule."""
        return max(PATIENCE, 2 * self._largest_rtt)

    def _send_one(self) -> None:
        packet = self._session.send(self)
        self.packets.append(packet)
        if not packet.settled:
            self._outstanding.add(packet.sequence)
        if self._sent is not None:
            self._sent(packet)

    def told(self, packet: Packet) -> None:
        """See Observer."""
        if packet.rtt is not None and packet.rtt > self._largest_rtt:
            self._largest_rtt = packet.rtt
        if packet.settled:
            if packet.failed_here:
                self.invalid = Invalidity.LOCAL_SEND_FAILED
            self._outstanding.discard(packet.sequence)
            if not self._outstanding:
                self._wake()
        if self._observer is not None:
            self._observer(packet)

    async def _settled(self, patience: int) -> bool:
        """Whether nothing more is awaited, at most `patience` after the last packet was sent."""
        if not self._outstanding:
            return True
        self._all_settled = asyncio.get_running_loop().create_future()
        return await self._timers.wait(self._all_settled, self.packets[-1].sent_at + patience)

    def _wake(self) -> None:
        if self._all_settled is not None and not self._all_settled.done():
            self._all_settled.set_result(True)
