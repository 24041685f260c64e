"""Bursts after pauses, in one session: what a pause breaks, its first packets show."""

import asyncio
import time

from ..contract import METHODS
from ..host.throttling import own_throttling
from ..net.clocks import Clock
from ..net.timers import running_timers
from ..probes.flows import open_sessions
from ..rounds.host_fitness import HostFitness
from ..rounds.round_driver import RoundDriver
from ..rounds.round_machine import RoundMachine
from .convert import Sample
from .packets import directions_of, probe_of, told
from .steps import SECOND, PausesStep

_MS = 1_000_000


class PausesRun:
    """All bursts of one session, whose reflector counts on: so the direction of a loss is known.

    Belongs to one event loop; see TrainRun.
    """

    def __init__(self, step: PausesStep, clock: Clock) -> None:
        """Open the socket. Raises OSError, PingForbidden, RoundInvalid."""
        self._step = step
        self._probe = probe_of(step.train)
        (self._session,) = open_sessions(self._probe, step.train.address, clock, None)
        self._fitness = HostFitness(clock, own_throttling())
        self._driver: RoundDriver | None = None
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send no more, and wait no longer than answers usually take."""
        self._stopped.set()
        if self._driver is not None:
            self._driver.machine.break_off()
            self._driver.advance()

    async def run(self) -> list[Sample]:
        """Pause, send and wait; one sample of each burst. Raises what ended it, with the socket closed."""
        samples: list[Sample] = []
        try:
            for pause in self._step.pauses:
                if pause:
                    await self._pause(pause)
                if self._stopped.is_set():
                    break
                samples.append(await self._burst(pause))
        finally:
            if self._driver is not None:
                self._driver.stop()
            self._session.close()
        return [sample for sample in samples if sample.packets]

    async def _pause(self, pause: int) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), pause / SECOND)
        except TimeoutError:
            return

    async def _burst(self, pause: int) -> Sample:
        session, probe = self._session, self._probe
        fitness = self._fitness.check(now=time.monotonic_ns())
        at, start = time.time_ns(), time.monotonic_ns()
        machine = RoundMachine(
            session.ledger,
            count=probe.count,
            spacing=probe.spacing_ms * _MS,
            start=start,
            timeout=probe.timeout_ms * _MS,
        )
        over: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._driver = RoundDriver(session, machine, running_timers())
        self._driver.run(told(over))
        error = await over
        if error is not None:
            raise error
        return Sample(
            train=self._step.train,
            at=at,
            packets=machine.packets,
            directions=directions_of(probe.type, session, machine),
            idle=pause or None,
            invalid=fitness.verdict(
                machine.packets,
                now=time.monotonic_ns(),
                found=machine.invalid,
                on_time=machine.on_time,
                queued=METHODS[probe.type].sized,
            ),
        )
