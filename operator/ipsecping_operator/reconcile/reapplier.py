"""Apply the children of an earlier run again, once there is time: until then they are taken as they are."""

from collections.abc import Mapping

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.report.reporter import Reporter

from .idle_queue import IdleQueue
from .work_queue import CALM, WorkQueue


class Reapplier:
    """Has the children of checks applied again, one check after another, while no other work waits."""

    def __init__(self, *, checks: Mapping[str, CheckState], queue: WorkQueue, reporter: Reporter) -> None:
        self._checks = checks
        self._queue = queue
        self._reporter = reporter
        self._idle = IdleQueue(self._reapply, busy=self._busy)

    def postpone(self, uid: str) -> None:
        """Apply the children of this check again later."""
        self._idle.request(uid)

    def close(self) -> None:
        """Apply nothing again any more."""
        self._idle.close()

    def _busy(self) -> bool:
        """Whether there is work that people wait for, more than the steady trickle of a large fleet."""
        return not self._queue.calm.is_set() or self._reporter.writing > CALM

    def _reapply(self, uid: str) -> None:
        if uid in self._checks:
            self._checks[uid].applied.request_reapply()
            self._queue.request(uid)
