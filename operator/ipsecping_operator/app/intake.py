"""Events of the watches in: file each, and have the check reconciled that it is about."""

import asyncio
from collections.abc import Mapping
from typing import Any

from ipsecping_operator.cache.store import Store
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.reconcile.work_queue import WorkQueue
from ipsecping_operator.report.reporter import Reporter

from .filing import Filing


class Intake:
    """Takes events in, and news that no watch has told of. `relisted` is set when a watch begins anew."""

    def __init__(
        self,
        *,
        store: Store,
        filing: Filing,
        reporter: Reporter,
        queue: WorkQueue,
        collector: Collector,
        metrics: OperatorMetrics,
        relisted: asyncio.Event,
    ) -> None:
        self._store = store
        self._filing = filing
        self._reporter = reporter
        self._queue = queue
        self._collector = collector
        self._metrics = metrics
        self._relisted = relisted

    def see(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        """Take in what a watch shows: ADDED, MODIFIED, DELETED, or None for an object of its first list."""
        self._metrics.saw(kind.name)
        if event is None:
            self._relisted.set()
        uid = self._filing.file(kind, event, body)
        if uid is not None:
            self._queue.request(uid)

    def gone(self, uid: str) -> None:
        """Take in that the check, or something of it, has gone without a watch telling."""
        state = self._store.checks.get(uid)
        if state is None or state.metadata is None:
            self._reporter.forget(uid)
        self._queue.request(uid)

    def revive(self) -> None:
        """Do again what no event will bring about: objects not filed, readers and reconciles lost."""
        for uid in (*self._filing.retry(), *self._collector.lost()):
            self._queue.request(uid)
        self._queue.revive()
