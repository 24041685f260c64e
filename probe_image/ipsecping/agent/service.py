"""The agent as a service: plan file in, results over HTTP out, until SIGTERM."""

import asyncio
import gc
import logging
import os
import secrets
import signal
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from http import HTTPStatus
from pathlib import Path

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from ..contract import ContractError, Plan, PlannedCheck, RoundResult, token
from ..contract.result_stream import RESULTS_PATH, Cursor
from ..host.file_watch import FileWatch
from ..host.service_manager import ServiceManager
from ..outputs.figures import Measured
from ..outputs.logline import log_result
from ..outputs.series import SeriesBook
from ..serving.cached import CachedText
from ..serving.messages import BadRequest, Request, Response
from ..serving.server import Limits, Server
from .agent import Agent
from .control_watch import ControlWatch
from .diagnoses import BELOW, DIAGNOSES_PATH, Diagnoses
from .lossy_rounds import LossyRounds
from .metrics import AgentCollector, registry_of
from .plan_file import read_plan
from .refused_rounds import RefusedRounds
from .ring import DEFAULT_CAPACITY, Ring
from .runner import Prober
from .timeslice import written

log = logging.getLogger(__name__)

RELOAD_SECONDS = 1.0
ROUND_GRACE_SECONDS = 5.0
"""After SIGTERM a running round has this long to end ..."""
READER_GRACE_SECONDS = 2.0
"""... and readers this long to take its result. Together below the pod's grace period of 10 s."""

HEALTH_PATH = "/healthz"
HEALTH_LIMITS = Limits(head_seconds=1.0, stall_seconds=1.0, linger_seconds=0.5)
WHO_MAY_READ = "results are for who shows a token of the plan (Authorization: Bearer TOKEN)"

GC_THRESHOLD = 20_000
"""The collector is run for so many new objects, or for as many as a plan has made, if those are more."""


Address = tuple[str, int]
"""An address, empty for all of both families, and a port."""


class CannotListen(Exception):
    """The system refuses an address or port; the message says which and why."""


class Service:
    """One agent with its plan file, its ring and its server."""

    def __init__(
        self,
        plan: Path,
        make_prober: Callable[[PlannedCheck], Prober],
        *,
        pod_uid: str | None,
        controls: ControlWatch | None = None,
        capacity: int = DEFAULT_CAPACITY,
        export_results: bool = False,
        log_results: bool = False,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises ContractError when the plan cannot be executed.

        `export_results`: /metrics shows what was measured, beside the agent's own health.
        `controls`: asks the plan's control addresses; None: nobody does.
        `log_results`: one log line for each result.
        `settled` is called whenever a plan has been taken over.
        """
        self._settled = settled
        self._file = FileWatch(plan)
        self._file.changed()
        self._first = read_plan(plan)
        self._verifiers = self._first.verifiers
        self._plan_error: str | None = None
        self.ring = Ring(boot_id=secrets.token_hex(8), pod_uid=pod_uid, capacity=capacity)
        self._series = SeriesBook() if export_results else None
        lossy, refused = LossyRounds(), RefusedRounds()
        observers: list[Callable[[PlannedCheck, RoundResult], None]] = [lossy, refused]
        if self._series is not None:
            observers.append(self._series.add)
        self.controls = controls
        if controls is not None:
            observers.append(controls.observe)
        if log_results:
            observers.append(lambda check, result: log_result(Measured(check, result)))
        self.agent = Agent(self.ring, make_prober, observers=observers)
        self._diagnoses = Diagnoses(self.agent, self.ring, lossy, refused, controls)
        self.server = Server(
            {
                RESULTS_PATH: self._results,
                HEALTH_PATH: self._healthz,
                "/metrics": self._metrics,
                BELOW: self._diagnosis,
            },
            posts={DIAGNOSES_PATH: self._diagnose},
        )
        self.health_server = Server({HEALTH_PATH: self._healthz}, limits=HEALTH_LIMITS)
        """Of its own, so that nothing that happens to the other one keeps the kubelet waiting."""
        collector = AgentCollector(
            self.agent,
            self.ring,
            {"results": self.server, "health": self.health_server},
            plan_valid=lambda: self._plan_error is None,
        )
        registry = registry_of(collector)
        # So that scrapes, however many, delay few packets.
        self._health = CachedText(lambda: generate_latest(registry))
        self._scraping = asyncio.Lock()

    async def run(self, listen: Address, *, health: Address | None = None, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then finish the running rounds and hand them out. Raises CannotListen.

        `health`: where to answer /healthz as well, whatever happens at `listen`.
        """
        bound = await _listening(self.server, listen)
        log.info("listening on port %d: %s %s /metrics", bound, RESULTS_PATH, HEALTH_PATH)
        if health is not None:
            log.info("listening on port %d: %s", await _listening(self.health_server, health), HEALTH_PATH)
        await self._apply(self._first)
        manager = ServiceManager()
        manager.ready(self._status())
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RELOAD_SECONDS)
            if self._file.changed():
                await self._reload()
                manager.status(self._status())
        ending = f"stopping: running rounds have {ROUND_GRACE_SECONDS:g} s to end"
        manager.stopping(ending)
        log.info(ending)
        if self.controls is not None:
            self.controls.close()
        await self._diagnoses.stop()
        await self.agent.stop(grace=ROUND_GRACE_SECONDS)
        await self.server.stop(grace=READER_GRACE_SECONDS)
        await self.health_server.stop(grace=0)

    def _status(self) -> str:
        paths = "1 path" if self.agent.paths == 1 else f"{self.agent.paths} paths"
        trouble = f"; the plan as it is now was not taken: {self._plan_error}" if self._plan_error else ""
        return f"measuring {paths}{trouble}"

    async def _reload(self) -> None:
        try:
            plan = await self._read_plan()
        except ContractError as error:
            # The old plan goes on: a broken edit must not stop the measuring.
            self._plan_error = str(error)
            log.error("new plan not taken, the old one goes on: %s", error)
            return
        self._plan_error = None
        await self._apply(plan)

    async def _read_plan(self) -> Plan:
        """Read it in a thread: with thousands of checks no packet may wait for it. Raises ContractError."""
        try:
            return await asyncio.to_thread(read_plan, self._file.path)
        except RuntimeError:  # the pod's limit of processes
            return read_plan(self._file.path)

    async def _apply(self, plan: Plan) -> None:
        self._verifiers = plan.verifiers
        await self.agent.apply(plan)
        if self.controls is not None:
            self.controls.follow(plan.checks)
        if self._series is not None:
            self._series.retain(plan)
        self._settled()

    async def _results(self, request: Request) -> Response:
        shown = token.admitted(request.authorization, self._verifiers)
        if self._verifiers and shown is None:
            raise BadRequest(HTTPStatus.UNAUTHORIZED, WHO_MAY_READ, headers={"WWW-Authenticate": "Bearer"})
        try:
            after = Cursor.parse(request.query["after"]) if request.query.get("after") else None
        except ContractError as error:
            raise BadRequest(HTTPStatus.BAD_REQUEST, str(error)) from None
        return Response(
            content_type="application/x-ndjson",
            body=self._while_admitted(shown, self.ring.follow(after)),
            seconds=None,
            trusted=shown is not None,
        )

    async def _diagnose(self, request: Request) -> Response:
        return await self._diagnoses.post(request, self._verifiers)

    async def _diagnosis(self, request: Request) -> Response:
        return self._diagnoses.get(request, self._verifiers)

    async def _while_admitted(
        self, shown: str | None, lines: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """The lines, until a new plan withdraws the token that was shown, or asks for one."""
        async with aclosing(lines):
            async for chunk in lines:
                if self._verifiers and shown not in self._verifiers:
                    return
                yield chunk

    async def _healthz(self, _: Request) -> Response:
        trouble = self.agent.trouble(monotonic=time.monotonic_ns())
        if trouble is not None:
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE, body=f"{trouble}\n".encode())
        said = (
            f"ok, but the plan as it is now was not taken: {self._plan_error}" if self._plan_error else "ok"
        )
        return Response(body=f"{said}\n".encode())

    async def _metrics(self, _: Request) -> Response:
        return Response(content_type=CONTENT_TYPE_LATEST, body=written(self._text(), self._scraping))

    def _text(self) -> Iterator[str]:
        yield self._health.text().decode()
        if self._series is not None:
            yield from self._series.lines()


async def _listening(server: Server, address: Address) -> int:
    host, port = address
    try:
        return await server.start(host, port)
    except OSError as error:
        # asyncio words it at length, and names the address.
        said = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(f"cannot listen on {host or '*'} port {port}: {said}") from error


async def run_agent(
    plan: Path,
    make_prober: Callable[[PlannedCheck], Prober],
    *,
    listen: Address,
    health: Address | None,
    pod_uid: str | None,
    controls: ControlWatch | None = None,
    export_results: bool = False,
    log_results: bool = False,
) -> None:
    """Run a service until SIGTERM or SIGINT. Raises ContractError (plan) and CannotListen."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gc.set_threshold(GC_THRESHOLD)
    service = Service(
        plan,
        make_prober,
        pod_uid=pod_uid,
        controls=controls,
        export_results=export_results,
        log_results=log_results,
        settled=_spare_collector,
    )
    await service.run(listen, health=health, stop=stop)


def _spare_collector() -> None:
    """Rounds come and go without cycles, and while they run there are some objects more or fewer.

    So the collector is not to look for garbage before there is as much as the plan itself takes; and what was
    made for the plan stays, and is not looked through at all.
    """
    gc.freeze()
    gc.set_threshold(max(GC_THRESHOLD, gc.get_freeze_count()))
