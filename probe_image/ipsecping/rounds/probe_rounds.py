"""The rounds of one probe: its sessions, one a flow, live from round to round, and rounds may overlap.

A round is no task of the event loop, only deadlines and one future: tasks and what they hold would be most of
an agent's memory, and with thousands of paths reading memory anew is most of the work.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from ..addresses import is_address
from ..contract import METHODS, Invalidity, PlannedCheck, PlannedProbe, RoundResult
from ..host.throttling import own_throttling
from ..measure.flows import side_by_side
from ..measure.packet import Packet
from ..measure.summary import summarise
from ..net.clocks import Clock
from ..net.sender import SourceUnavailable, interface_index
from ..net.socket_pool import running_pool
from ..net.timers import LEISURE, Deadline, Timers, running_timers
from ..probes.base import Session
from ..probes.datagram import DatagramSession
from ..probes.flows import FlowPorts, open_sessions
from .flow_order import places_of_round
from .host_fitness import FitnessCheck, HostFitness
from .keepalive import Keepalive
from .log_once import LogOnce
from .round_driver import RoundDriver
from .round_machine import RoundMachine, gravest
from .unmeasured import failed

MAX_IDLE = 300_000_000_000
"""A session unused for longer (nanoseconds) gives way to a new one, before the reflector forgets it and
starts counting anew: TWAMP's REFWAIT is 900 s (RFC 5357 section 3.1)."""
_MS = 1_000_000
SILENT_ROUNDS = 3
"""After so many rounds in succession without any answer, the next ones come from other ports ..."""
RENEWED_EVERY = 30_000_000_000
"""... but no more often than this (nanoseconds): where answers alone are lost, each is a session more in the
reflector's table, and some have room for few.

A firewall or NAT on the way that took in the first packets while the tunnel was down keeps what it made of
that flow as long as packets come: translated past the tunnel, or dropped. Every other flow passes once the
tunnel is up; this one never would.
"""

RoundFuture = asyncio.Future[list[RoundResult]]
"""Of one round of one probe: one result, never an exception."""


class ProbeRounds:
    """All rounds of one probe that sends at the pace of its plan. Belongs to one event loop."""

    __slots__ = ("_clock", "_fitness", "_log", "_ports", "_session", "host", "literal", "probe", "timers")

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
        self._ports: FlowPorts | None = None
        """Of several flows."""

    def begin(self, check: PlannedCheck, address: str, *, start: int) -> RoundFuture:
        """Begin a round with an IP address, the first packet at `start` or now (monotonic nanoseconds)."""
        now = time.monotonic_ns()
        start = max(start, now)
        started_at = time.time_ns() + start - now
        result: RoundFuture = asyncio.get_running_loop().create_future()
        try:
            session = self._session_with(check, address, now=now)
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

    def _session_with(self, check: PlannedCheck, address: str, *, now: int) -> "_SharedSession":
        """The session so far, or a new one where that is no longer fit."""
        shared, source = self._session, self.probe.source
        interface = 0 if source is None else running_pool().interface_index(source, now=now)
        if shared is not None:
            same = (shared.address, shared.interface) == (address, interface)
            stuck = same and shared.stuck(now=now)
            if same and not stuck and shared.fit(now=now):
                return shared
            shared.retire()
            if stuck and self._ports is not None:
                self._ports.move_on()
        if self._ports is None and self.probe.flows > 1:
            self._ports = FlowPorts(running_pool().seed(f"{check.uid}/{check.path}"))
        sessions = open_sessions(self.probe, address, self._clock, self._ports)
        made = self._session = _SharedSession(sessions, self.probe, self.timers, interface=interface, now=now)
        if self._ports is not None and self._ports.first is not None:
            made.first_port = self._ports.first
        if shared is not None:
            made.silent = min(shared.silent, SILENT_ROUNDS - 1)  # it has to be silent itself once
        return made


class _SharedSession:
    """The session of each flow, and the rounds that use them; closed when retired and unused."""

    __slots__ = (
        "_began_at", "_foreign", "_keep_at", "_probe", "_retired", "_rounds", "_timers", "_used_at",
        "first_port", "interface", "sessions", "silent",
    )  # fmt: skip

    def __init__(
        self, sessions: Sequence[Session], probe: PlannedProbe, timers: Timers, *, interface: int, now: int
    ) -> None:
        self.sessions = sessions
        self.interface = interface
        """That its packets leave by, as of `interface_index`."""
        self.first_port = 0
        """Source port of the first of several flows."""
        self.silent = 0
        """Rounds in succession in which nothing was heard, those of the sessions before it included."""
        self._probe = probe
        self._timers = timers
        self._rounds: list[_ProbeRound | Keepalive] = []
        """In the order in which they began."""
        self._keep_at: Deadline | None = None
        self._began_at = self._used_at = now
        self._foreign = 0
        self._retired = False

    @property
    def address(self) -> str:
        """What they all send to."""
        return self.sessions[0].address

    def fit(self, *, now: int) -> bool:
        """Whether another round may begin."""
        if self._retired or (not self._rounds and now - self._used_at > MAX_IDLE):
            return False
        return not any(session.ledger.exhausted for session in self.sessions)

    def listened(self, packets: Sequence[Packet]) -> None:
        """Note whether a round of these packets heard anything: answers, be they late or refused."""
        foreign = sum(session.ledger.foreign for session in self.sessions)
        before, self._foreign = self._foreign, foreign
        heard = (
            foreign != before
            or any(session.ledger.refuses for session in self.sessions)
            or any(packet.arrivals or (packet.reason and packet.reason.reached) for packet in packets)
        )
        self.silent = 0 if heard else self.silent + 1

    def stuck(self, *, now: int) -> bool:
        """Whether nothing is heard on the ports that it has kept for a while, and others could be had."""
        kept = self._probe.flows > 1 or isinstance(self.sessions[0], DatagramSession)
        return (
            self.silent >= SILENT_ROUNDS
            and kept
            and self._probe.source_port is None
            and now - self._began_at >= RENEWED_EVERY
        )

    def has_source(self) -> bool:
        """Whether this host has the source at this moment, as it was when this began."""
        try:
            return interface_index(self._probe.source) == self.interface
        except SourceUnavailable:
            return False

    def begin(self, round_: "_ProbeRound") -> None:
        """Run a round."""
        self._keep_no_more()
        self._rounds.append(round_)
        round_.run()

    def close_books(self, *, now: int) -> None:
        """Of the rounds that are over, in the order of sending: each attribution builds on the one before."""
        closed: _ProbeRound | Keepalive | None = None
        while self._rounds and self._rounds[0].over:
            closed = self._rounds.pop(0)
            closed.close_book(now=now)
        self._used_at = now
        self._close_unused()
        keepalive = self._probe.keepalive_ms
        if keepalive is not None and closed is not None and not (self._rounds or self._retired):
            self._keep_no_more()
            due = (closed.sent_at or now) + keepalive * _MS
            self._keep_at = self._timers.at(due, self._keep_alive, slack=LEISURE)

    def retire(self) -> None:
        """No round to come may use it."""
        self._retired = True
        self._keep_no_more()
        self._close_unused()

    def break_off(self) -> None:
        """Stop the rounds whose result nobody waits for any more, and retire."""
        self._rounds = [round_ for round_ in self._rounds if not round_.stopped()]
        self.retire()

    def _keep_alive(self) -> None:
        if not (self._rounds or self._retired):
            keepalive = Keepalive(
                self.sessions,
                timeout=self._probe.timeout_ms * _MS,
                timers=self._timers,
                ended=lambda: self.close_books(now=time.monotonic_ns()),
            )
            self._rounds.append(keepalive)
            keepalive.run()

    def _keep_no_more(self) -> None:
        if self._keep_at is not None:
            self._keep_at.cancel()
            self._keep_at = None

    def _close_unused(self) -> None:
        if self._retired and not self._rounds:
            for session in self.sessions:
                session.close()


class _ProbeRound:
    """One round of one probe."""

    __slots__ = (
        "_check",
        "_drivers",
        "_error",
        "_fitness",
        "_result",
        "_rounds",
        "_shared",
        "_start",
        "_started_at",
        "_under_way",
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
        probe, spacing = rounds.probe, rounds.probe.spacing_ms * _MS
        places = places_of_round(flows=probe.flows, spacing=spacing)
        self._drivers = tuple(
            [
                RoundDriver(
                    session,
                    RoundMachine(
                        session.ledger,
                        count=probe.count,
                        spacing=spacing,
                        start=start + delay,
                        timeout=probe.timeout_ms * _MS,
                        place=place,
                    ),
                    rounds.timers,
                )
                for session, (delay, place) in zip(shared.sessions, places, strict=True)
            ]
        )
        self._under_way = len(self._drivers)
        self._error: Exception | None = None
        self.over = False
        """Nothing more is awaited."""

    def run(self) -> None:
        """Send the packets and wait for the answers."""
        for driver in self._drivers:
            if not self.over:  # by an error of a flow before it
                driver.run(self._is_over)

    @property
    def sent_at(self) -> int:
        """When its last packet left, monotonic nanoseconds; 0: none did."""
        sent = (driver.machine.packets for driver in self._drivers)
        return max((packets[-1].sent_at for packets in sent if packets), default=0)

    def stopped(self) -> bool:
        """Send no more and wait for nothing if the result is not wanted any more."""
        if unwanted := self._result.done():
            self._stop()
        return unwanted

    def _stop(self) -> None:
        for driver in self._drivers:
            driver.stop()

    def close_book(self, *, now: int) -> None:
        """Attribute its losses, and hand out the result."""
        result = self._outcome(now)
        if not self._result.done():
            self._result.set_result([result])

    def _is_over(self, error: Exception | None) -> None:
        """One flow has nothing more to await; an error of one ends them all."""
        self._under_way -= 1
        if self.over or (self._under_way and error is None):
            return
        if error is not None:
            self._stop()
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
        return self._rounds.failed(self._check, self._started_at, self._shared.address, error)

    def _summary(self, now: int) -> RoundResult:
        sessions, machines = self._shared.sessions, [driver.machine for driver in self._drivers]
        packets = [packet for machine in machines for packet in machine.packets]
        self._shared.listened(packets)
        flows = [
            self._of_flow(session, machine.packets, now)
            for session, machine in zip(sessions, machines, strict=True)
        ]
        first, *others = machines
        if not others:
            invalid = self._verdict(first.packets, now)
            return replace(flows[0], invalid=invalid) if invalid else flows[0]
        invalid = self._verdict(packets, now)
        return side_by_side(flows, first_port=self._shared.first_port, invalid=invalid)

    def _verdict(self, packets: Sequence[Packet], now: int) -> Invalidity | None:
        if not (all(packet.answered for packet in packets) or self._shared.has_source()):
            return Invalidity.SOURCE_UNAVAILABLE
        return self._fitness.verdict(
            packets,
            now=now,
            found=gravest(driver.machine.invalid for driver in self._drivers),
            on_time=all(driver.machine.on_time for driver in self._drivers),
            queued=METHODS[self._rounds.probe.type].sized,
            stood_still=any(driver.machine.stood_still for driver in self._drivers),
            stalled=any(driver.machine.stalled for driver in self._drivers),
        )

    def _of_flow(self, session: Session, packets: Sequence[Packet], now: int) -> RoundResult:
        lost = session.ledger.attribute(packets)
        return summarise(
            check=self._check.ref,
            probe=self._rounds.probe,
            packets=packets,
            started_at=self._started_at,
            duration=now - self._start,
            directions=lost,
            remote_ip=session.address,
            figures=session.figures(packets),
        )
