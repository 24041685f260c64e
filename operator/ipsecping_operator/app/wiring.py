"""Build every part of the operator, whole, in the order in which they need each other."""

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ipsecping_operator.attention import Attention
from ipsecping_operator.cache.store import Store
from ipsecping_operator.cache.sweep import Sweeper
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import CHILD_SELECTOR, ChildSettings
from ipsecping_operator.clock import WallClock
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.collect.lineage import Lineage
from ipsecping_operator.diagnosis.diagnoses import Diagnoses
from ipsecping_operator.diagnosis.job import JobDiagnosis
from ipsecping_operator.endpoints.sources import Sources
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube import access
from ipsecping_operator.kube.api_server import api_server_addresses
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError
from ipsecping_operator.kube.watch import Follower
from ipsecping_operator.leadership.candidacy import Candidacy
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.health import Health
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.notify.notifier import Notifier
from ipsecping_operator.observe.kinds import CHECK, WATCHED
from ipsecping_operator.permission import Permissions
from ipsecping_operator.reconcile.reapplier import Reapplier
from ipsecping_operator.reconcile.reconciler import Reconciler
from ipsecping_operator.reconcile.result_rules import ResultRules
from ipsecping_operator.reconcile.work_queue import Outcome, WorkQueue
from ipsecping_operator.report.events import EventPoster
from ipsecping_operator.report.reporter import Reporter
from ipsecping_operator.settings import Settings
from ipsecping_operator.tokens.keys import TokenKeys
from ipsecping_operator.tokens.store import load

from .clock_steps import ClockSteps
from .endless_tasks import EndlessTasks
from .filing import Filing
from .intake import Intake
from .notifications import build_notifier
from .self_report import SelfReport
from .sweep_loop import SweepLoop
from .timed_reconciler import TimedReconciler
from .watchdog import Watchdog

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What there is from the start of the process, also while another operator leads."""

    settings: Settings
    clock: WallClock
    metrics: OperatorMetrics
    health: Health
    attention: Attention
    self_report: SelfReport
    faults: Faults
    store: Store
    exporter: CheckCollector
    candidacy: Candidacy
    tasks: EndlessTasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What works once the operator leads."""

    client: KubeClient
    queue: WorkQueue
    reporter: Reporter
    collector: Collector
    diagnoses: Diagnoses
    notifier: Notifier
    sources: Sources
    reapplier: Reapplier
    intake: Intake
    sweeper: Sweeper
    sweep_loop: SweepLoop
    watchdog: Watchdog
    clock_steps: ClockSteps
    tasks: EndlessTasks


async def credentials(settings: Settings) -> access.Access:
    """Read what the API is asked with, anew each time: a token in a file changes. Raises AccessError."""
    return await access.load(settings.kubeconfig, settings.context, tls_strict=settings.api_tls_strict)


def build_base(settings: Settings) -> Base:
    """Build what needs neither the API nor the Lease."""
    clock, health = WallClock(), Health(ticked=time.monotonic())
    metrics = OperatorMetrics(lease=_lease(settings))
    self_report = SelfReport(metrics, health)
    faults = Faults(count=metrics.fault, steady=time.monotonic)
    store = Store(dropped=self_report.dropped)
    exporter = CheckCollector(
        store.checks,
        failed=lambda state, error: faults.note(Where.METRICS, error, state),
        exported=lambda state: faults.over(state, Where.METRICS),
        clock=clock,
    )
    metrics.registry.register(exporter)
    return Base(
        settings=settings,
        clock=clock,
        metrics=metrics,
        health=health,
        attention=Attention(),
        self_report=self_report,
        faults=faults,
        store=store,
        exporter=exporter,
        candidacy=Candidacy(
            settings,
            credentials=lambda: credentials(settings),
            health=health,
            observe=metrics.request,
        ),
        tasks=EndlessTasks(metrics=metrics, health=health),
    )


def _lease(settings: Settings) -> str:
    namespace = settings.lease_namespace or access.own_namespace()
    return f"{namespace}/{settings.lease_name}" if namespace else ""


async def build_parts(base: Base) -> Parts:
    """Ask the API for what the parts need to know from the start, and build them. Raises ApiError."""
    settings = base.settings
    found = await credentials(settings)
    client = KubeClient(found, observe=base.metrics.request, may_write=lambda: base.candidacy.may_write)
    try:
        tokens = await _tokens(settings, client)
        api_server = await api_server_addresses(
            client, found.configuration.host, clusterwide=not settings.namespaces
        )
        lineage = await _lineage(settings, client)
    except BaseException:
        await client.close()
        raise
    permissions = replace(settings.permissions, api_server=api_server)
    return wire(base, client, tokens=tokens, permissions=permissions, lineage=lineage)


def wire(
    base: Base, client: KubeClient, *, tokens: TokenKeys, permissions: Permissions, lineage: Lineage
) -> Parts:
    """Build the parts, each with those that it calls."""
    settings, store, faults, clock = base.settings, base.store, base.faults, base.clock

    async def reconcile(uid: str) -> Outcome:
        # The one knot: to reconcile asks for more of the same (readers that end, what is postponed).
        return await reconciler.reconcile(uid)

    def diagnose(state: CheckState) -> int | None:
        # The other knot: what a diagnosis has come to is reported.
        return diagnoses.consider(state)

    def remember(uid: str) -> None:
        # And a third: the status says what the webhook has been told of the status.
        reporter.report_soon(uid)

    queue = WorkQueue(
        reconcile,
        failed=lambda uid, error: faults.note(Where.RECONCILE, error, store.checks.get(uid)),
        namespace=store.namespace_of,
    )
    notifier = build_notifier(
        settings.notifications,
        metrics=base.metrics,
        may_send=lambda: base.candidacy.may_write,
        remember=remember,
        clock=clock,
    )
    reporter = Reporter(
        store=store,
        client=client,
        events=EventPoster(client),
        faults=faults,
        interval=settings.status_interval,
        calm=queue.calm,
        count=base.metrics.write,
        look=queue.request,
        diagnose=diagnose,
        listener=notifier,
        attention=base.attention,
        clock=clock,
        steady=time.monotonic,
    )
    child_settings = ChildSettings(
        probe_image=settings.probe_image,
        image_pull_policy=settings.image_pull_policy,
        defaults=settings.probe_defaults,
        tokens=tokens,
    )
    diagnoses = Diagnoses(
        checks=store.checks,
        jobs=JobDiagnosis(client=client, settings=child_settings),
        tokens=tokens,
        enabled=settings.diagnosis,
        refusal=permissions.no_diagnosis,
        faults=faults,
        count=base.metrics.diagnosis,
        report=reporter.report_soon,
        clock=clock,
    )
    sources = Sources(client, changed=queue.request)
    collector = Collector(
        lineage=lineage,
        handler=ResultRules(metrics=base.metrics, reporter=reporter, queue=queue),
        tokens=tokens,
        faults=faults,
        clock=clock,
    )
    reapplier = Reapplier(checks=store.checks, queue=queue, reporter=reporter)
    reconciler = TimedReconciler(
        Reconciler(
            store=store,
            client=client,
            collector=collector,
            sources=sources,
            settings=child_settings,
            permissions=permissions,
            faults=faults,
            report=reporter.report_soon,
            postpone=reapplier.postpone,
            clock=clock,
        ),
        store=store,
        metrics=base.metrics,
        faults=faults,
    )
    filing = Filing(store=store, reporter=reporter, faults=faults, clock=clock)
    sweeper = Sweeper(store, client, settings.namespaces or (None,))
    relisted = asyncio.Event()
    intake = Intake(
        store=store,
        filing=filing,
        reporter=reporter,
        queue=queue,
        collector=collector,
        metrics=base.metrics,
        relisted=relisted,
    )
    sweep_loop = SweepLoop(
        sweeper=sweeper,
        filing=filing,
        faults=faults,
        interval=settings.resync_interval,
        relisted=relisted,
        gone=intake.gone,
        unseen=base.self_report.unseen,
    )
    watchdog = Watchdog(
        checks=store.checks,
        reporter=reporter,
        faults=faults,
        export=base.exporter.export,
        revive=intake.revive,
        found=base.self_report.watched,
        awake=lambda: base.attention.awake(time.monotonic()),
    )
    return Parts(
        client=client,
        queue=queue,
        reporter=reporter,
        collector=collector,
        diagnoses=diagnoses,
        notifier=notifier,
        sources=sources,
        reapplier=reapplier,
        intake=intake,
        sweeper=sweeper,
        sweep_loop=sweep_loop,
        watchdog=watchdog,
        clock_steps=ClockSteps(
            store=store,
            collector=collector,
            diagnoses=diagnoses,
            notifier=notifier,
            reporter=reporter,
            faults=faults,
        ),
        tasks=EndlessTasks(metrics=base.metrics, health=base.health),
    )


def followers(base: Base, parts: Parts) -> Iterator[tuple[str, Follower]]:
    """Build who follows the children and pods, each with the plural of its kind; Kopf follows the checks."""
    for kind in WATCHED:
        for namespace in base.settings.namespaces or (None,):
            if kind is not CHECK:
                yield (
                    kind.plural,
                    Follower(
                        kind, namespace, selector=CHILD_SELECTOR, client=parts.client, show=parts.intake.see
                    ),
                )


async def _tokens(settings: Settings, client: KubeClient) -> TokenKeys:
    namespace, name = settings.key_secret or (None, None)
    namespace = namespace or settings.lease_namespace or access.own_namespace()
    return await load(client, namespace, name)


async def _lineage(settings: Settings, client: KubeClient) -> Lineage:
    lineage = Lineage(client)
    try:
        await lineage.prepare(settings.namespaces or (None,))
    except ApiError as error:
        _log.warning("cannot list what controls the pods, will ask for each: %s", error)
    return lineage
