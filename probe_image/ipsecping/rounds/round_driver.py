"""Runs a round in real time: asks its machine what is to be done, and does it with session and timers."""

import time
from collections.abc import Callable

from ..net.timers import Timers
from ..probes.base import Session
from .round_machine import DRAIN, OVER, SEND, RoundMachine

Over = Callable[[Exception | None], None]
"""Told once that all is over, and of the error that ended it."""


class RoundDriver:
    """Drives one machine in one session. Belongs to one event loop.

    There is a deadline for each packet instead of a task that sleeps, and one look for what has come instead
    of a wake-up by each answer: that is what makes it cheap.
    """

    __slots__ = ("_all_sent", "_drops", "_over", "_session", "_timers", "machine")

    def __init__(self, session: Session, machine: RoundMachine, timers: Timers) -> None:
        self.machine = machine
        self._session = session
        self._timers = timers
        self._drops = 0
        self._over: Over | None = None
        self._all_sent: Callable[[], None] | None = None

    def run(self, over: Over, *, all_sent: Callable[[], None] | None = None) -> None:
        """Send the packets and wait for their answers; `over` is called at the end, perhaps at once.

        `all_sent` is called when the last planned packet has been sent.
        """
        self._over, self._all_sent = over, all_sent
        self._drops = self._session.drops()
        self.advance()

    def stop(self) -> None:
        """Send no more, wait for nothing, and call nobody."""
        self._over = None

    def advance(self) -> None:
        """Do what is to be done by now; may be called at any time."""
        if self._over is None:
            return
        machine = self.machine
        try:
            while True:
                step = machine.next(time.monotonic_ns())
                if step is SEND:
                    machine.sent(self._session.send(machine))
                    continue
                if self._all_sent is not None and not machine.sending:
                    self._last_sent()
                if step is DRAIN:
                    self._drain()
                elif step is OVER:
                    break
                else:
                    self._timers.call_at(
                        machine.due, self.advance, slack=machine.slack, packet=machine.sending
                    )
                    return
        except Exception as error:
            self._end(error)
        else:
            self._end(None)

    def _drain(self) -> None:
        machine, session = self.machine, self._session
        complete = session.drain(machine.due)
        machine.drained(time.monotonic_ns(), complete=complete, dropped=session.dropped_since(self._drops))

    def _last_sent(self) -> None:
        all_sent, self._all_sent = self._all_sent, None
        if all_sent is not None:
            all_sent()

    def _end(self, error: Exception | None) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(error)
