"""Sends a train of packets without end, counted in parts so that memory stays bounded."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ..contract import CheckRef, PlannedProbe
from ..contract.bounds import MAX_COUNT
from ..measure.packet import Observer, Packet
from ..measure.summary import summarise
from ..measure.totals import Totals
from ..net.timers import running_timers
from ..probes.base import Session
from .flow_order import FlowOrder
from .round_driver import RoundDriver
from .round_machine import Place, RoundMachine

_MS = 1_000_000
_NOBODY = CheckRef(uid="-", namespace="-", name="-", generation=0, nonce="-", path="-")


class TrainFlow(NamedTuple):
    """One of several trains side by side."""

    number: int
    """From 0 on."""
    order: FlowOrder
    together: Totals
    """What all of them measure is added up here as well."""

    def place(self, *, turn: int) -> tuple[int, Place]:
        """See FlowOrder."""
        return self.order.place(self.number, turn=turn)


class PacketTrain:
    """Sends packets of `probe` (its count is not looked at) until `count` are sent or `stop` is called."""

    def __init__(
        self,
        session: Session,
        probe: PlannedProbe,
        *,
        observer: Callable[[Packet], None] | None = None,
        sent: Callable[[Packet], None] | None = None,
        settled: Callable[[list[Packet]], None] | None = None,
        flow: "TrainFlow | None" = None,
    ) -> None:
        """`observer` is told whenever a packet was answered or refused, `sent` of each packet sent, and
        `settled` of the packets of a part that is over. `flow`: it is one of several side by side."""
        self.totals = Totals()
        self._flow = flow
        self._observer, self._sent = observer, sent
        self._session = self._watched(session)
        self._probe = probe
        self._settled = settled
        self._stop, self._moved = asyncio.Event(), asyncio.Event()

    def stop(self) -> None:
        """Send no more; `run` ends when the answers under way have had their usual time."""
        self._stop.set()

    def go_on_in(self, session: Session) -> None:
        """Send what follows in another session; the one before is closed when its answers had their time."""
        self._session = self._watched(session)
        self._moved.set()

    def _watched(self, session: Session) -> "Session | _Watched":
        watched = self._observer or self._sent
        return _Watched(session, self._observer, self._sent) if watched else session

    async def run(self, count: int | None) -> None:
        """Send `count` packets, or packets until `stop`."""
        spacing, start, sent = self._probe.spacing_ms * _MS, time.monotonic_ns(), 0
        closed: asyncio.Task[None] | None = None
        while not self._stop.is_set() and (count is None or sent < count):
            self._moved.clear()
            planned = MAX_COUNT if count is None else min(count - sent, MAX_COUNT)
            delay, place = (0, None) if self._flow is None else self._flow.place(turn=sent)
            part = _Part(
                self._session,
                RoundMachine(
                    self._session.ledger,
                    count=planned,
                    spacing=spacing,
                    start=start + sent * spacing + delay,
                    timeout=self._probe.timeout_ms * _MS,
                    closing=False,
                    place=place,
                ),
            )
            try:
                await _either(part.all_sent, self._stop, self._moved)
                part.raise_error()
            except BaseException:
                part.abandon()
                raise
            moved = part.session is not self._session
            if moved and not self._stop.is_set():
                planned = len(part.packets)
                part.break_off()
            sent += planned
            closed = asyncio.create_task(self._close(part, closed, last=moved))
        if closed is not None:
            await closed
            if not moved and part.session is not self._session:
                part.session.close()

    async def _close(self, part: "_Part", before: asyncio.Task[None] | None, *, last: bool) -> None:
        """Wait for a part's answers and add it up; in order, as the ledger wants it.

        `last`: of its session, which nobody uses any more.
        """
        try:
            await _either(part.over, self._stop)
            if not part.over.done():
                part.break_off()
                await part.over
            part.raise_error()
        finally:
            part.abandon()
        if before is not None:
            await before
        try:
            self._add_up(part)
        finally:
            if last:
                part.session.close()

    def _add_up(self, part: "_Part") -> None:
        packets, session = part.packets, part.session
        if not packets:
            return
        lost = session.ledger.attribute(packets)
        # There is no round here that could be invalid: what this host did not send is no loss.
        left = [packet for packet in packets if not packet.failed_here]
        result = summarise(
            check=_NOBODY,
            probe=self._probe,
            packets=left,
            started_at=0,
            duration=0,
            directions=lost,
            figures=session.figures(left),
        )
        for totals in (self.totals, *(() if self._flow is None else (self._flow.together,))):
            totals.add(result)
            totals.not_sent += len(packets) - len(left)
        if self._settled is not None:
            self._settled(packets)


class _Part:
    """One part of a train, begun when it is made."""

    def __init__(self, session: "Session | _Watched", machine: RoundMachine) -> None:
        loop = asyncio.get_running_loop()
        self.all_sent: asyncio.Future[None] = loop.create_future()
        """Done once no further packet is to be sent."""
        self.over: asyncio.Future[Exception | None] = loop.create_future()
        """Done once nothing more is awaited, with the error that ended it."""
        self.packets = machine.packets
        """Those of which it is known what became of them, once it is over."""
        self.session = session
        self._driver = RoundDriver(session, machine, running_timers())
        self._driver.run(self._end, all_sent=self._last_sent)

    def break_off(self) -> None:
        """Send no more, and wait for answers no longer than they usually take."""
        self._driver.machine.break_off()
        self._driver.advance()

    def abandon(self) -> None:
        """Send no more, and wait for nothing."""
        self._driver.stop()

    def raise_error(self) -> None:
        """Raise the error that ended it, if there was one."""
        if self.over.done() and (error := self.over.result()) is not None:
            raise error

    def _last_sent(self) -> None:
        self.all_sent.set_result(None)

    def _end(self, error: Exception | None) -> None:
        if not self.all_sent.done():
            self.all_sent.set_result(None)
        self.packets = self._driver.machine.decided(time.monotonic_ns())
        self.over.set_result(error)


class _Watched:
    """A session whose packets are followed by somebody beside the round; see Session."""

    def __init__(
        self,
        session: Session,
        observer: Callable[[Packet], None] | None,
        sent: Callable[[Packet], None] | None,
    ) -> None:
        self.address = session.address
        self.ledger = session.ledger
        self.drain = session.drain
        self.figures = session.figures
        self.drops = session.drops
        self.dropped_since = session.dropped_since
        self.close = session.close
        self._session = session
        self._observer = observer
        self._sent = sent

    def send(self, observer: Observer | None = None) -> Packet:
        """Send one packet now, and tell of it."""
        if observer is not None and self._observer is not None:
            observer = _Both(observer, self._observer)
        packet = self._session.send(observer)
        if self._sent is not None:
            self._sent(packet)
        return packet


class _Both:
    """Tells two who follow a packet; see Observer."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Observer, second: Callable[[Packet], None]) -> None:
        self._first = first
        self._second = second

    def updated(self, packet: Packet) -> None:
        """Tell both."""
        self._first.updated(packet)
        self._second(packet)


async def _either(done: "asyncio.Future[Any]", *events: asyncio.Event) -> None:
    """Wait until one of them has come."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait((done, *waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
