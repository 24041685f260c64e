"""The agent as a service: plan file in, results over HTTP out, until SIGTERM."""

import asyncio
import gc
import logging
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from ..contract import ContractError, Plan, PlannedCheck, RoundResult
from ..contract.stream import RESULTS_PATH, Cursor
from ..net.file_watch import FileWatch
from ..net.http_server import BadRequest, Request, Response, Server
from ..net.service_manager import ServiceManager
from ..outputs.figures import Measured
from ..outputs.logline import log_result
from ..outputs.series import SeriesBook
from .agent import Agent
from .metrics import AgentCollector, registry_of
from .plan_file import read_plan
from .ring import DEFAULT_CAPACITY, Ring
from .runner import Prober
from .stretches import written

log = logging.getLogger(__name__)

RELOAD_SECONDS = 1.0
ROUND_GRACE_SECONDS = 5.0
"""After SIGTERM a running round has this long to end ..."""
READER_GRACE_SECONDS = 2.0
"""... and readers this long to take its result. Together below the pod's grace period of 10 s."""

GC_THRESHOLD = 20_000
"""The collector is run for so many new objects, or for as many as a plan has made, if those are more."""


class Service:
    """One agent with its plan file, its ring and its server."""

    def __init__(
        self,
        plan: Path,
        make_prober: Callable[[PlannedCheck], Prober],
        *,
        pod_uid: str | None,
        capacity: int = DEFAULT_CAPACITY,
        export_results: bool = False,
        log_results: bool = False,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises ContractError when the plan cannot be executed.

        `export_results`: /metrics shows what was measured, beside the agent's own health.
        `log_results`: one log line for each result.
        `settled` is called whenever a plan has been taken over.
        """
        self._settled = settled
        self._file = FileWatch(plan)
        self._file.changed()
        self._first = read_plan(plan)
        self._plan_error: str | None = None
        self.ring = Ring(boot_id=secrets.token_hex(8), pod_uid=pod_uid, capacity=capacity)
        self._series = SeriesBook() if export_results else None
        observers: list[Callable[[PlannedCheck, RoundResult], None]] = []
        if self._series is not None:
            observers.append(self._series.add)
        if log_results:
            observers.append(lambda check, result: log_result(Measured(check, result)))
        self.agent = Agent(self.ring, make_prober, observers=observers)
        self.server = Server(
            {RESULTS_PATH: self._results, "/healthz": self._healthz, "/metrics": self._metrics}
        )
        collector = AgentCollector(
            self.agent, self.ring, self.server, plan_valid=lambda: self._plan_error is None
        )
        self._health = registry_of(collector)
        self._scraping = asyncio.Lock()

    async def run(self, host: str | None, port: int, *, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then finish the running rounds and hand them out. Raises OSError."""
        bound = await self.server.start(host, port)
        log.info("listening on port %d: %s /healthz /metrics", bound, RESULTS_PATH)
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
        await self.agent.stop(grace=ROUND_GRACE_SECONDS)
        await self.server.stop(grace=READER_GRACE_SECONDS)

    def _status(self) -> str:
        paths = "1 path" if self.agent.paths == 1 else f"{self.agent.paths} paths"
        trouble = f"; the plan as it is now was not taken: {self._plan_error}" if self._plan_error else ""
        return f"measuring {paths}{trouble}"

    async def _reload(self) -> None:
        try:
            # In a thread: thousands of checks take longer to read than a packet may wait.
            plan = await asyncio.to_thread(read_plan, self._file.path)
        except ContractError as error:
            # The old plan goes on: a broken edit must not stop the measuring.
            self._plan_error = str(error)
            log.error("new plan not taken, the old one goes on: %s", error)
            return
        self._plan_error = None
        await self._apply(plan)

    async def _apply(self, plan: Plan) -> None:
        await self.agent.apply(plan)
        if self._series is not None:
            self._series.retain(plan)
        self._settled()

    async def _results(self, request: Request) -> Response:
        try:
            after = Cursor.parse(request.query["after"]) if request.query.get("after") else None
        except ContractError as error:
            raise BadRequest(HTTPStatus.BAD_REQUEST, str(error)) from None
        lines = self.ring.follow(after)
        return Response(content_type="application/x-ndjson", body=lines)

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
        yield generate_latest(self._health).decode()
        if self._series is not None:
            yield from self._series.lines()


async def run_agent(
    plan: Path,
    make_prober: Callable[[PlannedCheck], Prober],
    *,
    host: str | None,
    port: int,
    pod_uid: str | None,
    export_results: bool = False,
    log_results: bool = False,
) -> None:
    """Run a service until SIGTERM or SIGINT. Raises ContractError (plan) and OSError (port)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gc.set_threshold(GC_THRESHOLD)
    service = Service(
        plan,
        make_prober,
        pod_uid=pod_uid,
        export_results=export_results,
        log_results=log_results,
        settled=_spare_collector,
    )
    await service.run(host, port, stop=stop)


def _spare_collector() -> None:
    """Rounds come and go without cycles, and while they run there are some objects more or fewer.

    So the collector is not to look for garbage before there is as much as the plan itself takes; and what was
    made for the plan stays, and is not looked through at all.
    """
    gc.freeze()
    gc.set_threshold(max(GC_THRESHOLD, gc.get_freeze_count()))
