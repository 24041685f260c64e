"""Apply the children of an earlier run again, once there is time: until then they are taken as they are."""

from collections.abc import Mapping

from ipsecping_operator.state import CheckState

from .idle_queue import IdleQueue
from .reporting import Reporter
from .work_queue import CALM, WorkQueue


class Verification:
    """Has checks reconciled one after the other, with `verify` set, while nobody waits for other work."""

    def __init__(self, *, checks: Mapping[str, CheckState], queue: WorkQueue, reporter: Reporter) -> None:
        self._checks = checks
        self._queue = queue
        self._reporter = reporter
        self._idle = IdleQueue(self._verify, busy=self._busy)

    def postpone(self, uid: str) -> None:
        """Verify the children of this check later."""
        self._idle.request(uid)

    def close(self) -> None:
        """Verify nothing any more."""
        self._idle.close()

    def _busy(self) -> bool:
        """Whether there is work that people wait for, more than the steady trickle of a large fleet."""
        return not self._queue.calm.is_set() or self._reporter.writing > CALM

    def _verify(self, uid: str) -> None:
        if uid in self._checks:
            self._checks[uid].verify = True
            self._queue.request(uid)
