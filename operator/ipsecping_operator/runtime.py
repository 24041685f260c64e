"""The running operator: every part made once, wired, started and stopped."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import kopf

from ipsecping.serving.server import Server
from ipsecping_operator import logs, memory
from ipsecping_operator.children import CHILD_SELECTOR, ChildSettings
from ipsecping_operator.clock import WallClock
from ipsecping_operator.faults import Faults, Where
from ipsecping_operator.kube import access
from ipsecping_operator.kube.api_server import api_server_addresses
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.kube.kopf_session import KopfSession
from ipsecping_operator.kube.watch import Follower
from ipsecping_operator.leadership.candidacy import Candidacy
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.health import TICK_SECONDS, Health, Phase
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.metrics.server import ServerCollector, serve_health, serve_metrics
from ipsecping_operator.observe.belonging import Stray
from ipsecping_operator.observe.kinds import CHECK, WATCHED
from ipsecping_operator.observe.projection import Meta
from ipsecping_operator.reconcile import run_now, stepping
from ipsecping_operator.reconcile.applying import remind
from ipsecping_operator.reconcile.filing import Filing
from ipsecping_operator.reconcile.reconciler import Reconciler
from ipsecping_operator.reconcile.reporting import Reporter
from ipsecping_operator.reconcile.serial import CALM, Outcome, SerialQueue
from ipsecping_operator.reconcile.spare import SpareTime
from ipsecping_operator.reconcile.store import Store
from ipsecping_operator.reconcile.sweep import Listed, Sweeper
from ipsecping_operator.reconcile.sweeping import Sweeping
from ipsecping_operator.reconcile.watchdog import Findings, Watchdog
from ipsecping_operator.results.collector import Collector
from ipsecping_operator.results.lineage import Lineage
from ipsecping_operator.results.rejection import Rejection
from ipsecping_operator.settings import Settings
from ipsecping_operator.state import CheckState
from ipsecping_operator.status.events import EventPoster
from ipsecping_operator.tokens.keys import TokenKeys
from ipsecping_operator.tokens.store import load

LAST_WRITES = 3.0
"""Seconds that statuses and events have to be written when the operator stops."""

LAST_ANSWERS = 0.5
"""Seconds that an answer under way may still take then."""

_log = logging.getLogger(__name__)


class Operator:
    """Implements `handlers.Watcher`: Kopf starts it, tells it of events, stops it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(dropped=self._dropped)
        self._clock = WallClock()
        self._metrics = OperatorMetrics()
        self._faults = Faults(count=self._metrics.fault, steady=time.monotonic)
        self._exporter = CheckCollector(
            self._store.checks,
            failed=lambda state, error: self._faults.note(Where.METRICS, error, state),
            exported=lambda state: self._faults.over(state, Where.METRICS),
            clock=self._clock,
        )
        self._metrics.registry.register(self._exporter)
        self._health = Health(ticked=time.monotonic())
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: dict[str, Server] = {}
        self._stopping = False
        self._candidacy = Candidacy(
            settings, credentials=self._access, health=self._health, observe=self._metrics.request
        )

    async def serve(self) -> None:
        """Answer on both ports, also while the operator waits. Raises CannotListen."""
        settings = self._settings
        registry = self._metrics.registry
        registry.register(ServerCollector(self._servers))
        self._servers["health"] = await serve_health(self._health, address=settings.healthz_address)
        self._servers["metrics"] = await serve_metrics(
            registry, address=settings.metrics_address, before=self._gauge
        )
        self._spawn(self._tick(), "tick")
        self._spawn(memory.hand_back(), "memory")

    async def prepare(self) -> None:
        """Wait for what the operator needs before it may begin: the API with the CRD, and the Lease."""
        if await self._candidacy.win():
            self._spawn(self._candidacy.keep(), "lease")

    async def login(self) -> kopf.AiohttpSession:
        """Kopf's credentials."""
        return KopfSession(await self._access(), observe=self._metrics.request)

    async def _access(self) -> access.Access:
        settings = self._settings
        return await access.load(settings.kubeconfig, settings.context, tls_strict=settings.api_tls_strict)

    async def start(self) -> None:
        """Make and start everything but the watch for checks, which Kopf starts then."""
        settings = self._settings
        credentials = await self._access()
        self._client = KubeClient(
            credentials, observe=self._metrics.request, may_write=lambda: self._candidacy.may_write
        )
        self._events = EventPoster(self._client)
        self._queue = SerialQueue(
            self._reconcile,
            failed=lambda uid, error: self._faults.note(Where.RECONCILE, error, self._store.checks.get(uid)),
        )
        self._reporter = Reporter(
            store=self._store,
            client=self._client,
            events=self._events,
            faults=self._faults,
            interval=settings.status_interval,
            calm=self._queue.calm,
            count=self._metrics.write,
            clock=self._clock,
            steady=time.monotonic,
        )
        tokens = await self._load_tokens()
        self._lineage = Lineage(self._client)
        self._spare = SpareTime(self._verify, busy=self._busy)
        self._collector = Collector(
            lineage=self._lineage,
            counted=self._counted,
            troubled=self._troubled,
            tokens=tokens,
            faults=self._faults,
            ended=lambda state: self._queue.request(state.uid),
            clock=self._clock,
            held_back=self._metrics.held_back.inc,
        )
        self._reconciler = Reconciler(
            store=self._store,
            client=self._client,
            collector=self._collector,
            settings=ChildSettings(
                probe_image=settings.probe_image,
                image_pull_policy=settings.image_pull_policy,
                tokens=tokens,
            ),
            permissions=replace(
                settings.permissions,
                api_server=await api_server_addresses(
                    self._client,
                    credentials.configuration.host,
                    clusterwide=not settings.namespaces,
                ),
            ),
            faults=self._faults,
            report=self._reporter.report_soon,
            postpone=self._spare.request,
            clock=self._clock,
        )
        self._filing = Filing(
            store=self._store, reporter=self._reporter, faults=self._faults, clock=self._clock
        )
        self._sweeper = Sweeper(self._store, self._client, settings.namespaces or (None,))
        self._sweeping = Sweeping(
            sweeper=self._sweeper,
            filing=self._filing,
            faults=self._faults,
            interval=settings.resync_interval,
            touched=self._touched,
            unseen=self._tell_unseen,
        )
        self._watchdog = Watchdog(
            checks=self._store.checks,
            reporter=self._reporter,
            faults=self._faults,
            export=self._exporter.export,
            revive=self._revive,
            found=self._watched,
            steady=time.monotonic,
        )
        self._clock.stepped.append(self._stepped)
        await self._learn_lineage()
        self._work = [
            self._spawn(self._sweeping.run(), "sweep"),
            self._spawn(self._watchdog.run(), "watchdog"),
            *self._follow(),
        ]
        for kind in WATCHED:
            self._metrics.saw(kind.name)
            self._metrics.unseen(kind.name, 0)
        self._health.phase = Phase.LEADING
        self._metrics.leader.set(1)

    async def _load_tokens(self) -> TokenKeys:
        namespace, name = self._settings.key_secret or (None, None)
        namespace = namespace or self._settings.lease_namespace or access.own_namespace()
        return await load(self._client, namespace, name)

    async def _learn_lineage(self) -> None:
        try:
            await self._lineage.prepare(self._settings.namespaces or (None,))
        except ApiError as error:
            _log.warning("cannot list what controls the pods, will ask for each: %s", error)

    def _follow(self) -> Iterator[asyncio.Task[None]]:
        for kind in WATCHED:
            for namespace in self._settings.namespaces or (None,):
                if kind is not CHECK:
                    follower = Follower(
                        kind, namespace, selector=CHILD_SELECTOR, client=self._client, show=self.see
                    )
                    yield self._spawn(follower.run(), f"watch {kind.plural}")

    async def stop(self) -> None:
        """Write what waits, then end everything that works. The Lease is still held."""
        self._stopping = True
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._spare.close()
        # In this order: a reconcile under way may still begin to read an agent.
        await self._queue.close()
        await self._collector.close()
        await self._reporter.close(seconds=LAST_WRITES)
        await self._client.close()

    async def close(self) -> None:
        """Let go of the Lease, now that nothing is written any more, and of the ports."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._candidacy.close()
        for server in self._servers.values():
            await server.stop(grace=LAST_ANSWERS)

    def see(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        """File what a watch shows and reconcile the check it is about."""
        self._metrics.saw(kind.name)
        if event is None:
            self._sweeping.soon.set()
        uid = self._filing.file(kind, event, body)
        if uid is not None:
            self._queue.request(uid)

    def _dropped(self, meta: Meta, why: Stray) -> None:
        self._metrics.dropped(meta.kind, why)
        _log.debug(
            "%s %s/%s bears the label of check %s and is not the check's: %s",
            meta.kind,
            meta.namespace,
            meta.name,
            meta.check_uid,
            why,
        )

    async def _reconcile(self, uid: str) -> Outcome:
        started = time.monotonic()
        outcome = Outcome.REFUSED
        try:
            outcome = await self._reconciler.reconcile(uid)
        finally:
            self._metrics.reconciles.observe(time.monotonic() - started)
            if outcome not in (Outcome.DONE, Outcome.WAITING):
                self._metrics.reconcile_errors.inc()
        if uid in self._store.checks:
            self._faults.over(self._store.checks[uid], Where.RECONCILE)
        return outcome

    def _stepped(self, by: int) -> None:
        """How long ago something was measured does not change when somebody sets the clock."""
        _log.warning("the clock was set %s by %.1f s", "forward" if by > 0 else "back", abs(by) / 1e9)
        with self._faults.guard(Where.CLOCK):
            self._collector.move(by)
        for uid, state in list(self._store.checks.items()):
            try:
                stepping.move(state, by)
            except Exception as error:
                self._faults.note(Where.CLOCK, error, state)
                # Some of it was moved and some was not: better to measure anew.
                state.measurements.series.clear()
            else:
                self._faults.over(state, Where.CLOCK)
            self._reporter.report_soon(uid)

    def _revive(self) -> None:
        """What nothing else will bring about any more."""
        for uid in self._filing.retry():
            self._queue.request(uid)
        self._queue.revive()

    def _watched(self, seen: Findings) -> None:
        self._metrics.faulty.set(seen.faulty)
        self._metrics.overdue.set(len(seen.overdue))
        self._metrics.comparison_age.set(seen.oldest)
        self._metrics.unwritten.set(seen.unwritten)
        self._health.watched, self._health.unjudged = time.monotonic(), seen.lost

    def _busy(self) -> bool:
        """Whether there is work that people wait for, more than the steady trickle of a large fleet."""
        return not self._queue.calm.is_set() or self._reporter.writing > CALM

    def _verify(self, uid: str) -> None:
        if uid in self._store.checks:
            self._store.checks[uid].verify = True
            self._queue.request(uid)

    def _counted(self, state: CheckState, rejection: Rejection | None, count: int) -> None:
        self._metrics.result(rejection, count)
        if rejection is None:
            self._reporter.report_soon(state.uid)
            if state.body is not None and (value := run_now.asked(state)) and run_now.measured(state, value):
                self._queue.request(state.uid)
        elif state.body is not None:
            log = logs.for_check(__name__, state.body["metadata"])
            log.debug("dropped %d results: %s", count, rejection)
            if rejection is Rejection.OTHER_PLAN and remind(state):
                self._queue.request(state.uid)

    def _troubled(self, state: CheckState) -> None:
        """An agent cannot be read, or can be read again."""
        self._reporter.report_soon(state.uid)
        if any(trouble.unauthorized for trouble in state.unread.values()) and remind(state):
            self._queue.request(state.uid)

    def _gauge(self) -> None:
        if self._health.phase is not Phase.LEADING:
            return
        self._metrics.streams.set(self._collector.reading)
        self._metrics.unreadable.set(self._collector.unreadable)
        self._metrics.checks.set(sum(state.body is not None for state in self._store.checks.values()))

    async def _tick(self) -> None:
        while True:
            self._health.tick(time.monotonic())
            self._clock()  # notices a step though nothing happens
            await asyncio.sleep(TICK_SECONDS)

    def _touched(self, uid: str) -> None:
        """Something of this check had gone without a watch telling."""
        if uid not in self._store.checks or self._store.checks[uid].body is None:
            self._reporter.forget(uid)
        self._queue.request(uid)

    def _tell_unseen(self, never: Sequence[Listed]) -> None:
        unseen = {kind.name: [one.name for one in never if one.kind == kind.name] for kind in WATCHED}
        for kind, names in unseen.items():
            self._metrics.unseen(kind, len(names))
        self._health.unseen = {kind: names for kind, names in unseen.items() if names}
        if never:
            _log.error("%s", self._health.problem(time.monotonic()))

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def stray(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The event loop has met an exception that nobody caught: of a timer or a callback."""
        error = context.get("exception")
        if isinstance(error, Exception):
            self._faults.note(Where.LOOP, error)
        else:
            loop.default_exception_handler(context)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of these ends but by a fault: then only a restart brings it back."""
        if self._stopping:
            return
        error = None if task.cancelled() else task.exception()
        self._metrics.fault(Where.TASK)
        _log.error("the task %s ended: a fault of the operator", task.get_name(), exc_info=error)
        self._health.ended = task.get_name()
