"""What follows from a result that counts, from one that does not, and from an agent that cannot be read."""

from ipsecping_operator import logs
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.report.reporter import Reporter

from . import run_now
from .applying import note_late_pods
from .work_queue import WorkQueue


class ResultRules:
    """Implements `collect.handler.ResultHandler`: has checks reported and reconciled, and counts."""

    def __init__(self, *, metrics: OperatorMetrics, reporter: Reporter, queue: WorkQueue) -> None:
        self._metrics = metrics
        self._reporter = reporter
        self._queue = queue

    def accepted(self, state: CheckState) -> None:
        """Report the check; reconcile it once every agent has run the extra round that was asked for."""
        self._metrics.result(None, 1)
        self._reporter.report_soon(state.uid)
        if (
            state.metadata is not None
            and (value := run_now.requested(state))
            and run_now.measured(state, value)
        ):
            self._queue.request(state.uid)

    def rejected(self, state: CheckState, reason: Rejection, count: int) -> None:
        """Count it; where an agent measures under another plan, have its pod told of the present one."""
        self._metrics.result(reason, count)
        if state.metadata is None:
            return
        logs.for_check(__name__, state.metadata).debug("dropped %d results: %s", count, reason)
        if reason is Rejection.OTHER_PLAN and note_late_pods(state):
            self._queue.request(state.uid)

    def held_back(self, seconds: float) -> None:
        """Count the time."""
        self._metrics.held_back.inc(seconds)

    def readability_changed(self, state: CheckState) -> None:
        """Report the check; where an agent does not know our token, have its pod told of the present plan."""
        self._reporter.report_soon(state.uid)
        unauthorized = any(each.unauthorized for each in state.measured.unreadable.values())
        if unauthorized and note_late_pods(state):
            self._queue.request(state.uid)
