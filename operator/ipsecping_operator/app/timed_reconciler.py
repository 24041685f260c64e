"""Measure how long each reconcile takes, and count those that fail."""

import time

from ipsecping_operator.cache.store import Store
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.reconcile.reconciler import Reconciler
from ipsecping_operator.reconcile.work_queue import Outcome


class TimedReconciler:
    """A reconciler that tells the operator's metrics of its work; the work queue calls it."""

    def __init__(
        self, reconciler: Reconciler, *, store: Store, metrics: OperatorMetrics, faults: Faults
    ) -> None:
        self._reconciler = reconciler
        self._store = store
        self._metrics = metrics
        self._faults = faults

    async def reconcile(self, uid: str) -> Outcome:
        """Reconcile the check; returns what that returns and raises what it raises."""
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
