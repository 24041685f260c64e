"""The rounds of one path of one check, for as long as its plan holds."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from ..contract import Invalidity, PlannedCheck, PlannedProbe, RoundResult, per_address
from ..net.timers import LEISURE, Deadline, running_timers
from .ticks import Ticks, phase

log = logging.getLogger(__name__)

_MS = 1_000_000
APART = 1_000_000_000
"""Nanoseconds between an extra round and the others: permitted rates are counted in a second."""


class Prober(Protocol):
    """What measures one path: sockets and sessions that live from round to round."""

    def round(self, check: PlannedCheck, *, start: int) -> Awaitable[Sequence[RoundResult]]:
        """Begin one round of every probe; `check` names the check's current generation.

        `start` is when the first packets are due (monotonic nanoseconds), perhaps a little later than now.
        """

    def close(self) -> None:
        """Give the sockets back."""


class Runner:
    """Starts a round at each tick and hands each result to `deliver`. Belongs to one event loop."""

    __slots__ = (
        "_asked",
        "_deliver",
        "_ended",
        "_extra_at",
        "_longest",
        "_most_at_once",
        "_over_at",
        "_prober",
        "_ran",
        "_rounds",
        "_stopping",
        "_tick_at",
        "_ticks",
        "_timers",
        "check",
        "failures",
    )

    def __init__(
        self,
        check: PlannedCheck,
        prober: Prober,
        deliver: Callable[[RoundResult], None],
        ended: Callable[["Runner"], None],
        *,
        together: bool = True,
    ) -> None:
        """`ended` is called once, after `stop` and when the last round is over and the prober closed.

        `together`: rounds begin when those of the check's other paths do.
        """
        if check.interval_ms is None:
            raise ValueError(f"{check.namespace}/{check.name}: a check without interval has no ticks")
        self.check = check
        self._prober = prober
        self._deliver = deliver
        self._ended = ended
        interval = check.interval_ms * _MS
        self._ticks = Ticks(
            interval=interval,
            phase=phase(uid=check.uid, interval=interval, path=None if together else check.path),
            wall=time.time_ns(),
            monotonic=time.monotonic_ns(),
        )
        longest = max(_longest_ms(check, probe) for probe in check.probes)
        self._longest = longest * _MS
        self._over_at: int | None = None
        """When a round was over last."""
        # A round's time-outs may reach into the next rounds; more than that at once is a prober gone astray.
        self._most_at_once = longest // check.interval_ms + 2
        self._rounds: dict[asyncio.Future[Sequence[RoundResult]], _Begun] = {}
        self._timers = running_timers()
        self._stopping = False
        self._tick_at: Deadline | None = None
        self._extra_at: Deadline | None = None
        self._asked = check.run_now
        """Asks for an extra round that has not begun."""
        self._ran: str | None = None
        """What the newest extra round was asked for by."""
        self.failures = 0
        """Rounds that ended in an error of the prober itself."""

    @property
    def skipped(self) -> int:
        """Rounds left out because the prober was late."""
        return self._ticks.skipped

    def overdue(self, *, monotonic: int) -> int:
        """How long ago (nanoseconds) a round should have started that did not; 0 when all is well."""
        return 0 if self._stopping else max(monotonic - self._ticks.next, 0)

    def update(self, check: PlannedCheck) -> None:
        """Take over a new generation of the same plan (equal nonce), or the extra round that it asks for."""
        self.check = check
        self._asked = check.run_now if check.run_now != self._ran else None
        self._start_extra()

    def start(self) -> None:
        """Run rounds from now on, until `stop`."""
        self._start_extra()
        self._await_tick()

    def stop(self) -> None:
        """Start no more rounds; those that run go on to their end."""
        if not self._stopping:
            self._stopping = True
            for deadline in (self._tick_at, self._extra_at):
                if deadline is not None:
                    deadline.cancel()
            self._end_when_idle()

    def cancel(self) -> None:
        """Break off the rounds that still run: their results are lost."""
        self.stop()
        for round_ in self._rounds:
            round_.cancel()

    @property
    def _name(self) -> str:
        return f"{self.check.namespace}/{self.check.name} path {self.check.path}"

    def _await_tick(self) -> None:
        """Rounds are begun ahead of their tick, many in one go; the packets have their own deadlines."""
        self._tick_at = self._timers.at(self._ticks.next - LEISURE, self._tick, slack=LEISURE)

    def _tick(self) -> None:
        start = self._ticks.next
        missed = self._ticks.advance(wall=time.time_ns(), monotonic=time.monotonic_ns())
        self._await_tick()
        if missed:
            log.warning("%s: %d rounds left out, the prober was late", self._name, missed)
        self._start_round(start)

    def _end_when_idle(self) -> None:
        if self._stopping and not self._rounds:
            self._prober.close()
            self._ended(self)

    def _start_round(self, start: int) -> None:
        if len(self._rounds) >= self._most_at_once:
            log.warning("%s: %d rounds still run, none started", self._name, len(self._rounds))
            return
        asked, self._asked = self._asked, None
        self._ran = asked or self._ran
        round_: asyncio.Future[Sequence[RoundResult]]
        try:
            round_ = asyncio.ensure_future(self._prober.round(self.check, start=start))
        except Exception as error:
            round_ = asyncio.get_running_loop().create_future()
            round_.set_exception(error)
        self._rounds[round_] = _Begun(self.check, start, asked)
        round_.add_done_callback(self._round_over)

    def _start_extra(self) -> None:
        """Begin the round asked for where it is alone; elsewhere the next tick's round is the one.

        It is alone when the last one was over a second ago, and the next tick comes a second after its end at
        the latest. So run-now sends no more in any second than the schedule may.
        """
        if self._extra_at is not None:
            self._extra_at.cancel()
        if self._asked is None or self._rounds or self._stopping:
            return
        now = time.monotonic_ns()
        start = now if self._over_at is None else max(now, self._over_at + APART)
        if start + self._longest + APART > self._ticks.next:
            return
        if start > now:
            self._extra_at = self._timers.at(start, self._start_extra)
            return
        log.info("%s: an extra round, asked for by %r", self._name, self._asked)
        self._start_round(start)

    def _round_over(self, round_: "asyncio.Future[Sequence[RoundResult]]") -> None:
        check, start, asked = self._rounds.pop(round_)
        if not round_.cancelled():
            error = round_.exception()
            if error is None:
                results = round_.result()
            else:
                # What goes wrong in here is the prober's fault: say so in a result, never as a lost packet.
                log.error("%s: round failed", self._name, exc_info=error)
                self.failures += 1
                duration = max(time.monotonic_ns() - start, 0)
                results = failed_round(check, started_at=time.time_ns() - duration, duration=duration)
            for result in results:
                self._deliver(result if asked is None else replace(result, run_now=asked))
        self._over_at = time.monotonic_ns()
        self._start_extra()
        self._end_when_idle()


class _Begun(NamedTuple):
    """A round that runs."""

    check: PlannedCheck
    start: int
    """When its first packets are due, monotonic nanoseconds."""
    asked: str | None
    """What it was asked for by, of an extra round."""


def _longest_ms(check: PlannedCheck, probe: PlannedProbe) -> int:
    """The longest that a round of the probe takes; several addresses have their packets in turn."""
    in_turn = probe.spacing_ms if per_address(check, probe) else 0
    return probe.round_ms + in_turn


def failed_round(check: PlannedCheck, *, started_at: int, duration: int) -> list[RoundResult]:
    """Results that say of every probe that the prober itself failed."""
    return [
        RoundResult(
            check=check.ref,
            probe=probe.name,
            type=probe.type,
            started_at=started_at,
            duration=duration,
            sent=0,
            received=0,
            invalid=Invalidity.INTERNAL_ERROR,
        )
        for probe in check.probes
    ]
