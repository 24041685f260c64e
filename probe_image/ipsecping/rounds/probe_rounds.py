"""The rounds of one probe: its session lives from round to round, and rounds may overlap.

A round is no task of the event loop, only deadlines and one future: tasks and what they hold would be most of
an agent's memory, and with thousands of paths reading memory anew is most of the work.
"""

import asyncio
import time

from ..contract import PlannedCheck, PlannedProbe, RoundResult
from ..host.throttling import own_throttling
from ..measure.summary import summarise
from ..net.clocks import Clock
from ..net.resolve import is_address
from ..net.timers import running_timers
from ..probes.base import Session
from ..probes.registry import packet_method
from .host_fitness import FitnessCheck, HostFitness
from .log_once import LogOnce
from .round_driver import RoundDriver
from .round_machine import RoundMachine
from .unmeasured import failed

MAX_IDLE = 300_000_000_000
"""A session unused for longer (nanoseconds) gives way to a new one, before the reflector forgets it and
starts counting anew: TWAMP's REFWAIT is 900 s (RFC 5357 section 3.1)."""
_MS = 1_000_000

RoundFuture = asyncio.Future[list[RoundResult]]
"""Of one round of one probe: one result, never an exception."""


class ProbeRounds:
    """All rounds of one probe that sends at the pace of its plan. Belongs to one event loop."""

    __slots__ = ("_clock", "_fitness", "_log", "_session", "host", "literal", "probe", "timers")

    def __init__(self, probe: PlannedProbe, host: str, clock: Clock, log: LogOnce) -> None:
        self.probe = probe
        self.host = host
        """The probe's destination."""
        self.literal = is_address(host)
        """It is an address, and need not be looked up."""
        self._clock = clock
        self._log = log
        self.timers = running_timers()
        """Looked up once: it costs as much as a packet."""
        self._fitness = HostFitness(clock, own_throttling())
        self._session: _SharedSession | None = None

    def begin(self, check: PlannedCheck, address: str, *, start: int) -> RoundFuture:
        """Begin a round with an IP address, the first packet at `start` or now (monotonic nanoseconds)."""
        now = time.monotonic_ns()
        start = max(start, now)
        started_at = time.time_ns() + start - now
        result: RoundFuture = asyncio.get_running_loop().create_future()
        try:
            session = self._session_with(address, now=now)
        except Exception as error:
            result.set_result([self.failed(check, started_at, address, error)])
        else:
            fitness = self._fitness.check(now=now)
            session.begin(_ProbeRound(self, check, session, fitness, start, started_at, result))
        return result

    def failed(self, check: PlannedCheck, started_at: int, address: str, error: Exception) -> RoundResult:
        """Log the error that a round ended in; returns the round's result."""
        result, trouble = failed(check, self.probe, started_at, address, error)
        if trouble is not None:
            self._log.error(check, trouble, probe=self.probe.name)
        return result

    def went_well(self, check: PlannedCheck) -> None:
        """Note that a round ended in no error."""
        self._log.error(check, None, probe=self.probe.name)

    def close(self) -> None:
        """Close the session once no round uses it; those whose future was cancelled are broken off."""
        if self._session is not None:
            self._session.break_off()

    def _session_with(self, address: str, *, now: int) -> "_SharedSession":
        """The session so far, or a new one where that is no longer fit."""
        shared = self._session
        if shared is not None:
            if shared.session.address == address and shared.fit(now=now):
                return shared
            shared.retire()
        session = packet_method(self.probe.type).open(self.probe, address, self._clock)
        shared = self._session = _SharedSession(session, now=now)
        return shared


class _SharedSession:
    """A session and the rounds that use it; closed when it is retired and unused."""

    __slots__ = ("_retired", "_rounds", "_used_at", "session")

    def __init__(self, session: Session, *, now: int) -> None:
        self.session = session
        self._rounds: list[_ProbeRound] = []
        """In the order in which they began."""
        self._used_at = now
        self._retired = False

    def fit(self, *, now: int) -> bool:
        """Whether another round may begin."""
        idle = 0 if self._rounds else now - self._used_at
        return not (self._retired or self.session.ledger.exhausted or idle > MAX_IDLE)

    def begin(self, round_: "_ProbeRound") -> None:
        """Run a round."""
        self._rounds.append(round_)
        round_.run()

    def close_books(self, *, now: int) -> None:
        """Of the rounds that are over, in the order of sending: each attribution builds on the one before."""
        while self._rounds and self._rounds[0].over:
            self._rounds.pop(0).close_book(now=now)
        self._used_at = now
        self._close_unused()

    def retire(self) -> None:
        """No round to come may use it."""
        self._retired = True
        self._close_unused()

    def break_off(self) -> None:
        """Stop the rounds whose result nobody waits for any more, and retire."""
        self._rounds = [round_ for round_ in self._rounds if not round_.stopped()]
        self.retire()

    def _close_unused(self) -> None:
        if self._retired and not self._rounds:
            self.session.close()


class _ProbeRound:
    """One round of one probe."""

    __slots__ = (
        "_check",
        "_driver",
        "_error",
        "_fitness",
        "_result",
        "_rounds",
        "_shared",
        "_start",
        "_started_at",
        "over",
    )

    def __init__(
        self,
        rounds: ProbeRounds,
        check: PlannedCheck,
        shared: _SharedSession,
        fitness: FitnessCheck,
        start: int,
        started_at: int,
        result: RoundFuture,
    ) -> None:
        """It starts at `start` on the monotonic clock, at `started_at` on the wall clock."""
        self._rounds = rounds
        self._check = check
        self._shared = shared
        self._fitness = fitness
        self._start = start
        self._started_at = started_at
        self._result = result
        probe, session = rounds.probe, shared.session
        self._driver = RoundDriver(
            session,
            RoundMachine(
                session.ledger,
                count=probe.count,
                spacing=probe.spacing_ms * _MS,
                start=start,
                timeout=probe.timeout_ms * _MS,
            ),
            rounds.timers,
        )
        self._error: Exception | None = None
        self.over = False
        """Nothing more is awaited."""

    def run(self) -> None:
        """Send the packets and wait for the answers."""
        self._driver.run(self._is_over)

    def stopped(self) -> bool:
        """Send no more and wait for nothing if the result is not wanted any more."""
        if unwanted := self._result.done():
            self._driver.stop()
        return unwanted

    def close_book(self, *, now: int) -> None:
        """Attribute its losses, and hand out the result."""
        result = self._outcome(now)
        if not self._result.done():
            self._result.set_result([result])

    def _is_over(self, error: Exception | None) -> None:
        self.over, self._error = True, error
        self._shared.close_books(now=time.monotonic_ns())

    def _outcome(self, now: int) -> RoundResult:
        if self._error is not None:
            return self._failed(self._error)
        try:
            result = self._summary(now)
        except Exception as error:
            return self._failed(error)
        self._rounds.went_well(self._check)
        return result

    def _failed(self, error: Exception) -> RoundResult:
        self._shared.retire()  # what is left in its book would confuse the rounds to come
        return self._rounds.failed(self._check, self._started_at, self._shared.session.address, error)

    def _summary(self, now: int) -> RoundResult:
        session, machine = self._shared.session, self._driver.machine
        lost = session.ledger.attribute(machine.packets)
        return summarise(
            check=self._check.ref,
            probe=self._rounds.probe,
            packets=machine.packets,
            started_at=self._started_at,
            duration=now - self._start,
            directions=lost,
            remote_ip=session.address,
            invalid=self._fitness.verdict(machine.packets, now=now, found=machine.invalid),
            figures=session.figures(machine.packets),
        )
