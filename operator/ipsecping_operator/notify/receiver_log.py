"""How one receiver of notifications does: in metrics, and in a line of the log when that changes."""

import logging
import time
from collections.abc import Callable

from ipsecping_operator.metrics.operator import DELIVERED, DROPPED, FAILED, REFUSED, OperatorMetrics
from ipsecping_operator.trouble import Trouble

from .post import NotTaken

_log = logging.getLogger(__name__)


class ReceiverLog:
    """Counts everything, and warns once of each trouble that lasts: what a receiver answers fills no log."""

    def __init__(
        self, receiver: str, metrics: OperatorMetrics, *, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._receiver = receiver
        self._metrics = metrics
        self._steady = steady
        self._trouble = Trouble()
        self._warned = False
        self._warned_of_drops = False
        metrics.notifies(receiver)

    def delivered(self, count: int) -> None:
        """Note that so many were taken."""
        self._metrics.notification(self._receiver, DELIVERED, count)
        self._trouble.over()
        if self._warned:
            _log.info("%s takes notifications again", self._receiver)
        self._warned = self._warned_of_drops = False

    def not_taken(self, error: NotTaken, count: int) -> None:
        """Note that so many were not, and why."""
        self._metrics.notification(self._receiver, REFUSED if error.refused else FAILED, count)
        level = self._trouble.met(str(error), now=self._steady(), passing=not error.refused)
        if level == logging.WARNING and self._warned:
            level = logging.DEBUG
        if level is not None:
            _log.log(level, "%s does not take notifications: %s", self._receiver, error)
            self._warned = self._warned or level == logging.WARNING

    def unready(self, error: NotTaken) -> None:
        """Warn that nothing could be sent, before there is anything to send."""
        _log.warning("%s would not get notifications: %s", self._receiver, error)

    def dropped(self, count: int) -> None:
        """Note that so many were given up."""
        if not count:
            return
        self._metrics.notification(self._receiver, DROPPED, count)
        level = logging.DEBUG if self._warned_of_drops else logging.WARNING
        _log.log(
            level, "%s: %d notifications were given up: it has not taken them in time", self._receiver, count
        )
        self._warned_of_drops = True

    def waiting(self, count: int) -> None:
        """Set how many it has still to be told of."""
        self._metrics.notifications_wait(self._receiver, count)
