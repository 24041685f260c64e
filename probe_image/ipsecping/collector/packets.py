"""Sends the trains of a diagnosis, through the sessions that every probe measures with."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from ..contract import METHODS, Options, PlannedProbe, ProbeType, StampOptions
from ..diagnosis.evidence import Part
from ..host.throttling import own_throttling
from ..measure.direction import NOT_KNOWN, Attribution
from ..net.clocks import Clock
from ..net.timers import running_timers
from ..probes.base import Session
from ..probes.flows import FlowPorts, open_sessions
from ..rounds.flow_order import places_of_round
from ..rounds.host_fitness import HostFitness
from ..rounds.round_driver import RoundDriver
from ..rounds.round_machine import RoundMachine, gravest
from .convert import Sample, mixed
from .steps import Method, Train

SEED = "diagnose"
"""Of the source ports of flows."""
_MS = 1_000_000


class TrainRun:
    """One train: run it, then take its samples. Belongs to one event loop."""

    def __init__(self, train: Train, clock: Clock) -> None:
        """Open the sockets. Raises OSError, PingForbidden, RoundInvalid."""
        self._train = train
        self._clock = clock
        self._probe = probe_of(train)
        # One flow is the same in both windows, for another port may go another way; ICMP has none.
        fixed = METHODS[train.method.type].fixes_port and train.part is Part.METHODS
        self._ports = FlowPorts(f"{SEED} {train.part} {train.dscp}") if fixed or train.flows > 1 else None
        self._sessions = open_sessions(self._probe, train.address, clock, self._ports)
        self._drivers: list[RoundDriver] = []

    def stop(self) -> None:
        """Send no more, and wait no longer than answers usually take."""
        for driver in self._drivers:
            driver.machine.break_off()
            driver.advance()

    async def run(self) -> list[Sample]:
        """Send and wait; one sample of each flow. Raises what ended it, with all sockets closed."""
        try:
            return await self._run()
        finally:
            for driver in self._drivers:
                driver.stop()
            for session in self._sessions:
                session.close()

    async def _run(self) -> list[Sample]:
        loop, spacing = asyncio.get_running_loop(), self._train.spacing_ms * _MS
        fitness = HostFitness(self._clock, own_throttling()).check(now=time.monotonic_ns())
        at, start = time.time_ns(), time.monotonic_ns()
        over: list[asyncio.Future[Exception | None]] = []
        places = places_of_round(flows=self._train.flows, spacing=spacing)
        for session, (delay, place) in zip(self._sessions, places, strict=True):
            machine = RoundMachine(
                session.ledger,
                count=self._train.count,
                spacing=spacing,
                start=start + delay,
                timeout=self._train.timeout_ms * _MS,
                place=place,
            )
            done: asyncio.Future[Exception | None] = loop.create_future()
            over.append(done)
            self._drivers.append(RoundDriver(session, machine, running_timers()))
            self._drivers[-1].run(told(done))
        errors = await asyncio.gather(*over)
        error = next((each for each in errors if each is not None), None)
        if error is not None:
            raise error
        machines = [driver.machine for driver in self._drivers]
        packets = [packet for machine in machines for packet in machine.packets]
        invalid = fitness.verdict(
            packets,
            now=time.monotonic_ns(),
            found=gravest(machine.invalid for machine in machines),
            on_time=all(machine.on_time for machine in machines),
            queued=METHODS[self._probe.type].sized,
            stood_still=any(machine.stood_still for machine in machines),
            stalled=any(machine.stalled for machine in machines),
        )
        samples = [
            Sample(
                train=self._train,
                at=at,
                packets=machine.packets,
                directions=directions_of(self._probe.type, session, machine),
                source_port=None if self._ports is None else (self._ports.first or 0) + flow,
                invalid=invalid,
            )
            for flow, (session, machine) in enumerate(zip(self._sessions, machines, strict=True))
            if machine.packets
        ]
        return samples if self._train.part is Part.FLOWS or not samples else [mixed(samples)]


def directions_of(kind: ProbeType, session: Session, machine: RoundMachine) -> Attribution:
    """Return in which directions the packets of a train were lost, once it is over."""
    lost = session.ledger.attribute(machine.packets)
    return lost if METHODS[kind].directed else NOT_KNOWN


def probe_of(train: Train) -> PlannedProbe:
    """Return the probe that sends the packets of a train."""
    return PlannedProbe(
        name="diagnose",
        type=train.method.type,
        count=train.count,
        spacing_ms=train.spacing_ms,
        timeout_ms=train.timeout_ms,
        size=train.payload,
        port=train.method.port,
        dscp=train.dscp,
        source=train.method.source,
        flows=train.flows,
        options=_options(train.method),
    )


def _options(method: Method) -> Options | None:
    if method.type == ProbeType.STAMP:
        given = method.options if isinstance(method.options, StampOptions) else StampOptions()
        return replace(given, ask_source=True, ask_dscp=True, ask_hops=True)
    return method.options or METHODS[method.type].read_options(None, "options")


def told(done: "asyncio.Future[Exception | None]") -> Callable[[Exception | None], None]:
    """Return what tells a future that a train is over, once."""

    def over(error: Exception | None) -> None:
        if not done.done():
            done.set_result(error)

    return over
