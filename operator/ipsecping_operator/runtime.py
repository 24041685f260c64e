"""The running operator: every part made once, wired, started and stopped."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from typing import Any

import aiohttp
import kopf
from aiohttp import web

from ipsecping_operator import handlers, logs
from ipsecping_operator.children import ChildSettings
from ipsecping_operator.kube import access
from ipsecping_operator.kube.client import ApiError, KubeClient
from ipsecping_operator.kube.kinds import CHECK, POD, Kind
from ipsecping_operator.kube.observed import read_child, read_meta, read_pod
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.health import TICK_SECONDS, Health
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.metrics.server import serve_health, serve_metrics
from ipsecping_operator.permission import Permissions
from ipsecping_operator.reconcile.reconciler import Reconciler
from ipsecping_operator.reconcile.reporting import Reporter
from ipsecping_operator.reconcile.serial import SerialQueue
from ipsecping_operator.reconcile.store import Store
from ipsecping_operator.reconcile.sweep import Sweeper
from ipsecping_operator.results.collector import Collector
from ipsecping_operator.results.rejection import Rejection
from ipsecping_operator.settings import Settings
from ipsecping_operator.state import CheckState
from ipsecping_operator.status.events import EventPoster

SWEEP_AFTER_LIST = 10.0
"""Seconds from a watch's list to the sweep that finds what has gone meanwhile."""
SWEEP_AGAIN = 60.0
"""Seconds to the sweep that judges what this one found unseen."""
LAST_WRITES = 3.0
"""Seconds that statuses and events have to be written when the operator stops."""

_log = logging.getLogger(__name__)


class Operator:
    """Implements `handlers.Watcher`: Kopf starts it, tells it of events, stops it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store()
        self._metrics = OperatorMetrics()
        self._metrics.registry.register(CheckCollector(self._store.checks))
        self._health = Health(ticked=time.monotonic())
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[web.AppRunner] = []
        self._sweep_soon = asyncio.Event()

    async def login(self) -> kopf.ConnectionInfo:
        """Kopf's credentials."""
        return access.for_kopf(await access.load(self._settings.kubeconfig, self._settings.context))

    async def start(self) -> None:
        """Make and start everything but the watches, which follow."""
        settings = self._settings
        configuration = await access.load(settings.kubeconfig, settings.context)
        self._client = KubeClient(configuration, observe=self._metrics.request)
        # Agents send plain JSON; what pretends to be compressed could be a bomb.
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._events = EventPoster(self._client)
        self._reporter = Reporter(
            store=self._store,
            client=self._client,
            events=self._events,
            interval=settings.status_interval,
            count=self._metrics.write,
        )
        self._collector = Collector(client=self._client, session=self._session, counted=self._counted)
        self._reconciler = Reconciler(
            store=self._store,
            client=self._client,
            collector=self._collector,
            settings=ChildSettings(
                probe_image=settings.probe_image, image_pull_policy=settings.image_pull_policy
            ),
            permissions=Permissions(host_network=settings.host_network),
            report=self._reporter.report,
        )
        self._queue = SerialQueue(self._reconcile)
        self._sweeper = Sweeper(self._store, self._client, settings.namespaces or (None,))
        self._servers = [
            await serve_health(self._health, address=settings.healthz_address),
            await serve_metrics(self._metrics.registry, address=settings.metrics_address, before=self._gauge),
        ]
        self._spawn(self._events.run(), "events")
        self._spawn(self._tick(), "tick")
        self._spawn(self._sweep(), "sweep")

    async def stop(self) -> None:
        """Write what waits, then end everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._collector.close()
        await self._queue.close()
        await self._reporter.close(seconds=LAST_WRITES)
        for server in self._servers:
            await server.cleanup()
        await self._session.close()
        await self._client.close()

    def see(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        """File what a watch shows and reconcile the check it is about."""
        self._metrics.saw(kind.name)
        if event is None:
            self._sweep_soon.set()
        uid = self._file(kind, body, gone=event == "DELETED")
        if uid is not None:
            self._queue.request(uid)

    def _file(self, kind: Kind, body: Mapping[str, Any], *, gone: bool) -> str | None:
        store = self._store
        if kind is CHECK:
            uid = body["metadata"]["uid"]
            if gone:
                self._reporter.forget(uid)
                return store.remove_check(uid)
            if uid not in store.checks or store.checks[uid].body is None:
                self._reporter.known(uid, body.get("status"))
            return store.put_check(body, now=time.time_ns())
        if gone:
            remove = store.remove_pod if kind is POD else store.remove_child
            return remove(read_meta(kind.name, body["metadata"]))
        return store.put_pod(read_pod(body)) if kind is POD else store.put_child(read_child(kind.name, body))

    async def _reconcile(self, uid: str) -> bool:
        started = time.monotonic()
        done = False
        try:
            done = await self._reconciler.reconcile(uid)
        except Exception:
            _log.exception("reconciling check %s: a fault of the operator", uid)
        self._metrics.reconciles.observe(time.monotonic() - started)
        if not done:
            self._metrics.reconcile_errors.inc()
        return done

    def _counted(self, state: CheckState, rejection: Rejection | None, count: int) -> None:
        self._metrics.result(rejection, count)
        if rejection is None:
            self._reporter.report_soon(state.uid)
        elif state.body is not None:
            log = logs.for_check(__name__, state.body["metadata"])
            log.debug("dropped %d results: %s", count, rejection)

    def _gauge(self) -> None:
        self._metrics.streams.set(self._collector.reading)
        self._metrics.checks.set(sum(state.body is not None for state in self._store.checks.values()))

    async def _tick(self) -> None:
        while True:
            self._health.tick(time.monotonic())
            await asyncio.sleep(TICK_SECONDS)

    async def _sweep(self) -> None:
        pause = SWEEP_AFTER_LIST
        while True:
            await self._pause_before_sweep(pause)
            try:
                touched, never = await self._sweeper.sweep()
            except ApiError as error:
                _log.warning("cannot compare with the API, will retry: %s", error)
                continue
            self._health.unseen = tuple(never)
            pause = SWEEP_AGAIN if self._sweeper.behind else self._settings.resync_interval
            for uid in touched:
                if uid not in self._store.checks or self._store.checks[uid].body is None:
                    self._reporter.forget(uid)
                self._queue.request(uid)

    async def _pause_before_sweep(self, pause: float) -> None:
        """Wait so long, or until shortly after a watch began anew."""
        self._sweep_soon.clear()
        try:
            await asyncio.wait_for(self._sweep_soon.wait(), pause)
        except TimeoutError:
            return
        await asyncio.sleep(SWEEP_AFTER_LIST)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises what makes it impossible."""
    operator = Operator(settings)
    await _wait_for_crd(settings)
    await kopf.operator(
        registry=handlers.registry(operator),
        settings=handlers.settings(),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


async def _wait_for_crd(settings: Settings) -> None:
    """Kopf looks for its resources once, when it starts: until then both API and CRD have to be there."""
    client = KubeClient(await access.load(settings.kubeconfig, settings.context))
    said = None
    try:
        while True:
            try:
                if await client.exists(CHECK):
                    return
                fault = f"the CustomResourceDefinition of {CHECK.name} ({CHECK.api_version}) is not installed"
            except ApiError as error:
                fault = str(error)
            if fault != said:
                _log.warning("waiting: %s", fault)
                said = fault
            await asyncio.sleep(1)
    finally:
        await client.close()
