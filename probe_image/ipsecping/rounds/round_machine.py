"""Sends the packets of one round on time and waits for what becomes of them."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from ..contract import Invalidity
from ..contract.bounds import MAX_CLOSING, MAX_COUNT
from ..measure.packet import Packet
from ..net.timers import LEISURE, SLACK, running_timers
from ..probes.base import Session

LATE_LIMIT = 1_000_000_000
"""A packet that leaves so much later than planned (nanoseconds) makes the round invalid."""
PATIENCE = 100_000_000
"""At least so long (nanoseconds) is waited for duplicates, and before a packet is taken for probably lost."""
MOST_BEHIND = 100
"""So often, 10 ms apart, a round waits for what came to be taken in, where a flood does not let it."""


Over = Callable[[Exception | None], None]
"""Told once that all is over, and of the error that ended it."""


class Pacing:
    """One round's packets in one session. Times in monotonic nanoseconds.

    Packets have deadlines: one that leaves late delays no other. The round is over when nothing more is
    awaited. With `closing`, further packets follow when their answers would tell in which direction the last
    ones were lost. They are packets of the round like any other, so that the round's figures agree with
    what a packet counter on the way sees.

    There is a deadline for each packet instead of a task that sleeps, and one look for what has come instead
    of a wake-up by each answer: that is what makes it cheap.
    """

    __slots__ = (
        "_behind",
        "_closing",
        "_due",
        "_finishing",
        "_largest_rtt",
        "_looks",
        "_most_closing",
        "_observer",
        "_outstanding",
        "_over",
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
        self._most_closing = MAX_CLOSING if closing else 0
        self._observer = observer
        self._sent = sent
        self._timers = running_timers()
        self._closing = self._looks = self._outstanding = self._largest_rtt = self._behind = 0
        self._to_send = self._due = self._spacing = self._slack = 0
        self._finishing = False
        self._over: Over | None = None
        self.packets: list[Packet] = []
        """In order of sequence."""
        self.invalid: Invalidity | None = None
        """Set when this host was at fault."""

    def run(self, *, count: int, spacing: int, start: int, over: Over) -> None:
        """Send `count` packets, the i-th at `start + i * spacing`, late by at most a twentieth of that.

        Then wait until each is answered or refused, or its timeout has passed.
        """
        self._finishing = True
        self._begin(count, spacing, start, over)

    def send(self, *, count: int, spacing: int, start: int) -> "asyncio.Future[None]":
        """The first half of `run`."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._finishing = False
        self._begin(count, spacing, start, partial(_settle, sent))
        return sent

    def finish(self) -> "asyncio.Future[None]":
        """The second half of `run`."""
        finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._to_send, self._over = 0, partial(_settle, finished)
        self._look()
        return finished

    async def break_off(self) -> None:
        """Wait no longer than answers usually take.

        Packets awaited then are lost if their timeout has passed; what became of the others is not known, and
        they are forgotten.
        """
        timeout, self._timeout = self._timeout, min(self._timeout, self._usual)
        self._most_closing = 0
        if self._outstanding:
            await self.finish()
        else:
            self._session.drain()
        timed_out = time.monotonic_ns() - timeout
        self.packets = [
            packet for packet in self.packets if not packet.awaited or packet.sent_at <= timed_out
        ]

    def stop(self) -> None:
        """Send no more, and wait for nothing."""
        self._to_send, self._over = 0, None

    def told(self, packet: Packet) -> None:
        """See Observer."""
        rtt = packet.rtt
        if rtt is not None and rtt > self._largest_rtt:
            if not self._largest_rtt:
                self._looks = 0  # only from now on it is known what is usual
            self._largest_rtt = rtt
        if not packet.left and packet.failed_here:
            self.invalid = Invalidity.LOCAL_SEND_FAILED
        if packet.awaited and packet.settled:
            packet.awaited = False
            self._outstanding -= 1
        if self._observer is not None:
            self._observer(packet)

    def _begin(self, count: int, spacing: int, start: int, over: Over) -> None:
        self._to_send, self._due, self._spacing, self._over = count, start, spacing, over
        self._slack = min(spacing // 20, SLACK)
        self._send_due()

    def _send_due(self) -> None:
        if not self._to_send:  # stopped
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
            self._to_send = 0
            self._end(error)
            return
        if self._finishing:
            self._look()
        else:
            self._end(None)

    def _send_one(self) -> None:
        packet = self._session.send(self)
        self.packets.append(packet)
        if not packet.settled:
            packet.awaited = True
            self._outstanding += 1
        if self._sent is not None:
            self._sent(packet)

    def _look(self) -> None:
        """End the round, or look again when it may be over."""
        if self._over is None:  # stopped
            return
        try:
            again = self._next_look(time.monotonic_ns())
            if again is not None:
                self._timers.call_at(again, self._look, slack=LEISURE)
                return
            drained = self._session.drain()
            if not drained and self._behind < MOST_BEHIND:
                self._behind += 1
                self._timers.call_at(time.monotonic_ns() + SLACK, self._look, slack=SLACK)
                return
            if self.invalid is None and (self._session.overflowed() or not drained):
                self.invalid = Invalidity.RECEIVE_QUEUE_DROPS
        except Exception as error:
            self._end(error)
        else:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(error)

    def _next_look(self, now: int) -> int | None:
        """When the round may be over; None: it is.

        What answers usually take, and twice as long each time, is waited before one looks again or sends a
        closing packet. What is usual is learnt from the answers that come; without one, the timeout is.
        """
        if not self.packets:
            return None
        while self._outstanding:
            patience = min(self._timeout, self._usual << self._looks)
            again = self.packets[-1].sent_at + patience
            if now < again:
                return again
            self._looks += 1
            timed_out = patience == self._timeout
            if (timed_out or self._largest_rtt) and self._may_close():
                self._closing += 1
                self._looks = self._closing
                self._send_one()
            elif timed_out:
                return None
        rest = self._largest_rtt + min(self._timeout, self._usual)
        again = self.packets[-1].sent_at + rest
        return again if now < again else None

    def _may_close(self) -> bool:
        """Whether one more packet would tell something; once it does not, none will be sent."""
        if self._closing >= self._most_closing or len(self.packets) >= MAX_COUNT:
            return False
        if not self._session.ledger.would_closing_tell(self.packets, closing=self._closing):
            self._most_closing = 0
        return self._most_closing > 0

    @property
    def _usual(self) -> int:
        """Within so long, answers and their duplicates have come as a rule."""
        return max(PATIENCE, 2 * self._largest_rtt)


def _settle(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
