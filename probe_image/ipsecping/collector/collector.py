"""Collects the evidence of one path: asks the plan what is to be measured, and has it measured."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Any, Protocol

from ..addresses import without_zone
from ..contract import Invalidity, ProbeType
from ..contract.trace import Trace
from ..diagnosis.evidence import (
    Batch,
    Evidence,
    Expected,
    HostFound,
    IkeFound,
    NamesFound,
    Part,
    PathMtuFound,
)
from ..diagnosis.evidence_rules import check_evidence
from ..diagnosis.too_big import OversizedFound
from ..net.clocks import Clock
from ..net.errors import PingForbidden
from ..net.resolve import Resolver
from ..net.timestamp_warmup import await_timestamps
from ..probes.base import RoundInvalid
from .convert import Sample, batch_of, hops_of
from .lookup import look_up
from .oversized import OversizedRun
from .packets import TrainRun
from .pauses import PausesRun
from .plan import next_stage, why_left_out
from .searches import MtuSearchRun, TraceRun, ask_ike
from .steps import (
    SECOND,
    Asked,
    IkeStep,
    MtuStep,
    OversizedStep,
    PausesStep,
    Stage,
    StageName,
    Step,
    TraceStep,
    Train,
)

log = logging.getLogger(__name__)

_NOT_HERE = "a single diagnosis does not measure it"
_NOT_KNOWN = "nobody has told it to this diagnosis"
_ELSEWHERE = {
    **dict.fromkeys((Part.FRAGMENTS, Part.BULK, Part.REFLECTOR), _NOT_HERE),
    **dict.fromkeys((Part.PATHS, Part.HISTORY, Part.BASELINE), _NOT_KNOWN),
}
LEAD = 0.1
"""Seconds that traces are ahead of all else. Hosts limit ICMP errors, Linux to two at once or six and one a
second for each address: those that are sent must go to the traces, which tell who says what."""

Progress = Callable[[Stage, Evidence, int], None]
"""Told of each stage when it begins, of what is known by then, and of the nanoseconds that have passed."""


class _Running(Protocol):
    """What can be told to come to its end."""

    def stop(self) -> None:
        """Send no more, and wait for what usually comes."""


class Collector:
    """Collects once. Belongs to one event loop."""

    def __init__(self, asked: Asked, *, progress: Progress, resolver: Resolver | None = None) -> None:
        self._asked = asked
        self._progress = progress
        self._resolver = resolver or Resolver()
        self._clock = Clock()
        self._begin, self._at = time.monotonic_ns(), time.time_ns()
        self._stopped = asyncio.Event()
        self._running: set[_Running] = set()
        self._done: list[StageName] = []
        self._sent = 0
        self._address: str | None = None
        self._names: NamesFound | None = None
        self._samples: list[Sample] = []
        self._traces: dict[tuple[ProbeType, str], Trace] = {}
        self._source: str | None = None
        self._path_mtus: dict[ProbeType, PathMtuFound] = {}
        self._oversized: OversizedFound | None = None
        self._ike: IkeFound | None = None
        self._trains, self._invalid = 0, Counter[Invalidity]()
        self._failed: dict[Part, str] = {}

    @property
    def elapsed(self) -> int:
        """Nanoseconds since the beginning."""
        return time.monotonic_ns() - self._begin

    @property
    def sent(self) -> int:
        """Packets so far."""
        return self._sent

    @property
    def hindered(self) -> str | None:
        """Why the target could not be asked by all of the methods."""
        return self._failed.get(Part.METHODS) if self.evidence().has(Part.METHODS) else None

    def stop(self) -> None:
        """End as soon as may be; `collect` returns what there is."""
        self._stopped.set()
        for running in list(self._running):
            running.stop()

    async def collect(self) -> Evidence:
        """Measure, in 30 s at most; returns all that was found."""
        await self._or_stopped(self._find())
        await_timestamps()
        while not self._stopped.is_set():
            known = self.evidence()
            stage = next_stage(self._asked, known, self._done, sent=self._sent, elapsed=self.elapsed)
            if stage is None:
                break
            self._progress(stage, known, self.elapsed)
            await self._or_stopped(asyncio.sleep(max(stage.not_before - self.elapsed, 0) / SECOND))
            if not self._stopped.is_set():
                await self._do(stage)
        found = self.evidence()
        check_evidence(found)
        return found

    def evidence(self) -> Evidence:
        """What is known by now."""
        batches = tuple(self._batches())
        hops = [
            hop
            for (kind, address), trace in self._traces.items()
            if address == self._address
            for hop in hops_of(kind, trace)
        ]
        asked = self._asked
        holds = self._source is not None and _any_holds(asked.inside, self._source)
        found = Evidence(
            at=self._at,
            path=asked.path,
            target=asked.host,
            address=self._address,
            expected=Expected(
                sources=asked.inside if holds else (),
                inside=asked.inside,
                underlay=asked.underlay,
                controls=asked.controls,
            ),
            batches=batches,
            hops=tuple(hops) if hops else None,
            path_mtu=self._path_mtu(),
            oversized=self._oversized,
            ike=self._ike,
            names=self._names,
            host=self._host(),
            paths=asked.known.paths,
            rounds=asked.known.rounds,
            outages=asked.known.outages,
            baseline=asked.known.baseline,
        )
        left_out = {**_ELSEWHERE, **why_left_out(found)}
        left_out[Part.IDLE] = (
            "the target is silent" if asked.long else "it takes 4 minutes: --long measures it"
        )
        for part in (Part.FAR_INSIDE, Part.NEAR_INSIDE, Part.GATEWAY, Part.IKE):
            named = Part.GATEWAY if part is Part.IKE else part
            if named not in asked.controls:
                left_out[part] = f"{asked.control_names[named]} was not given"
        if (unheard := self._unheard()) is not None:
            left_out[Part.METHODS] = unheard
        left_out |= self._failed
        absent = {part: why for part, why in left_out.items() if not found.has(part)}
        return replace(found, not_tested=MappingProxyType(absent))

    def _batches(self) -> list[Batch]:
        """Those of methods that nobody named and that are not answered say nothing."""
        unheard = self._unheard()
        answered = {sample.train.method.type for sample in self._samples if _answered(sample)}
        return [
            batch_of(sample, self._traces.get((sample.train.method.type, sample.train.address)))
            for sample in self._samples
            if not sample.train.method.assumed or (unheard is None and sample.train.method.type in answered)
        ]

    def _unheard(self) -> str | None:
        """Why silence and other answers say nothing of what rounds measure; None: they do.

        Where all that rounds ask is answered from the port that they hold alone, if at all, the path is not
        known to work because the target answers to something else.
        """
        methods = self._asked.methods
        to_target = (sample for sample in self._samples if sample.train.part not in self._asked.controls)
        answered = {sample.train.method.type for sample in to_target if _answered(sample)}
        fixed = [each for each in methods if each.rounds_port is not None and each.type not in answered]
        if not fixed or not self._samples or not all(each.assumed for each in methods):
            return None
        said = ", ".join(f"{each.type} from port {each.rounds_port}" for each in fixed)
        others = f"; {', '.join(sorted(answered))} is answered" if answered else ""
        return f"rounds ask by {said} alone, and hold it; from other ports there is no answer{others}"

    def _host(self) -> HostFound:
        return HostFound(
            source=self._source,
            rounds=self._trains,
            invalid=MappingProxyType({str(reason): count for reason, count in self._invalid.items()}),
        )

    async def _find(self) -> None:
        """Look up what is to be looked up, and leave out what packets may not be sent to."""
        asked = self._asked
        found = await look_up(asked, self._resolver)
        self._names, self._failed = found.names, dict(found.refused)
        self._address = found.address
        self._asked = replace(asked, controls=found.controls)

    async def _do(self, stage: Stage) -> None:
        left = self._asked.time - self.elapsed
        traces = [step for step in stage.steps if isinstance(step, TraceStep)]
        tasks = [asyncio.create_task(self._step(step)) for step in traces]
        try:
            async with asyncio.timeout(min(left, stage.time + SECOND) / SECOND):
                await asyncio.sleep(LEAD if traces else 0)
                others = [step for step in stage.steps if step not in traces]
                tasks += [asyncio.create_task(self._step(step)) for step in others]
                await asyncio.gather(*tasks)
        except TimeoutError:
            log.debug("%s: not everything was measured in time", stage.name)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._done.append(stage.name)

    async def _step(self, step: Step) -> None:
        part = _part_of(step)
        try:
            match step:
                case Train():
                    await self._train(TrainRun(step, self._clock), step)
                case PausesStep():
                    await self._train(PausesRun(step, self._clock), step.train)
                case TraceStep():
                    await self._trace(step)
                case MtuStep():
                    await self._search(step)
                case OversizedStep():
                    await self._or_stopped(self._send_oversized(step))
                case IkeStep():
                    self._sent += step.packets
                    await self._or_stopped(self._ask(step))
        except RoundInvalid as error:
            self._trains += 1
            self._invalid[error.invalidity] += 1
            self._failed[part] = str(error)
        except PingForbidden as error:
            self._failed[part] = str(error)
        except OSError as error:
            self._failed[part] = f"this host does not send: {error.strerror or error}"

    async def _train(self, run: TrainRun | PausesRun, train: Train) -> None:
        self._trains += 1
        self._running.add(run)
        try:
            samples = await run.run()
        finally:
            self._running.discard(run)
        self._sent += sum(len(sample.packets) for sample in samples) * train.method.packets
        self._samples += samples
        invalid = next((sample.invalid for sample in samples if sample.invalid), None)
        if invalid is not None:
            self._invalid[invalid] += 1

    async def _trace(self, step: TraceStep) -> None:
        run = TraceRun(step, self._asked.host)
        if step.address == self._address:
            self._source = self._source or run.source
        self._running.add(run)
        try:
            self._traces[step.method.type, step.address] = await run.run()
        finally:
            self._running.discard(run)
            self._sent += run.packets_sent

    async def _search(self, step: MtuStep) -> None:
        run = MtuSearchRun(step)
        try:
            await self._or_stopped(self._find_mtu(step, run))
        finally:
            self._sent += run.packets_sent
        if run.reached:
            self._failed[Part.PATH_MTU] = (
                "the search did not end: the path loses too much, or answers too late"
            )

    async def _find_mtu(self, step: MtuStep, run: MtuSearchRun) -> None:
        found = await run.run()
        if found is not None:
            self._path_mtus[step.method.type] = found

    def _path_mtu(self) -> PathMtuFound | None:
        """By the method that tells most."""
        kinds = (method.type for method in self._asked.methods)
        return next((self._path_mtus[kind] for kind in kinds if kind in self._path_mtus), None)

    async def _send_oversized(self, step: OversizedStep) -> None:
        run = OversizedRun(step)
        try:
            self._oversized = await run.run()
        finally:
            self._sent += run.packets_sent

    async def _ask(self, step: IkeStep) -> None:
        self._ike = await ask_ike(step)

    async def _or_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it, or as much of it as there is time for until `stop`."""
        doing = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
        finally:
            for task in (doing, stopping):
                task.cancel()
            await asyncio.gather(doing, stopping, return_exceptions=True)


def _answered(sample: Sample) -> bool:
    return any(packet.answered for packet in sample.packets)


def _any_holds(networks: Sequence[str], address: str) -> bool:
    return any(ip_address(without_zone(address)) in ip_network(each) for each in networks)


def _part_of(step: Step) -> Part:
    match step:
        case Train():
            return step.part
        case PausesStep():
            return step.train.part
        case TraceStep():
            return Part.HOPS
        case MtuStep():
            return Part.PATH_MTU
        case OversizedStep():
            return Part.OVERSIZED
        case IkeStep():
            return Part.IKE
