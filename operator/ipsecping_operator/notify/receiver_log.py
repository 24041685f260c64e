"""How one receiver of notifications does: in metrics, and in a line of the log when that changes."""

import logging
import time
from collections.abc import Callable, Mapping

from ipsecping_operator.metrics.operator import DELIVERED, DROPPED, FAILED, REFUSED, OperatorMetrics
from ipsecping_operator.trouble import GRACE

from .post import NotTaken

WARN_AGAIN = 300.0
"""Seconds from one warning to the next of its kind: a receiver may take and refuse by turns."""
MOST_NAMED = 3
"""Namespaces that a warning names: those with the most."""

_log = logging.getLogger(__name__)


class ReceiverLog:
    """Counts everything, and warns once of a trouble that lasts: what a receiver answers fills no log."""

    def __init__(
        self, receiver: str, metrics: OperatorMetrics, *, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._receiver = receiver
        self._metrics = metrics
        self._steady = steady
        self._since: float | None = None
        """Since when it has taken nothing."""
        self._warned = False
        self._next_warning = self._next_of_drops = float("-inf")
        self._left_out = False
        metrics.notifies(receiver)

    def delivered(self, count: int) -> None:
        """Note that so many were taken."""
        self._metrics.notification(self._receiver, DELIVERED, count)
        if self._warned:
            _log.info("%s takes notifications again", self._receiver)
        self._since, self._warned = None, False

    def not_taken(self, error: NotTaken, count: int) -> None:
        """Note that so many were not, and why."""
        self._metrics.notification(self._receiver, REFUSED if error.refused else FAILED, count)
        now = self._steady()
        if self._since is None:
            self._since = now
        lasts = error.refused or now - self._since >= GRACE
        warns = lasts and not self._warned and now >= self._next_warning
        if warns:
            self._warned, self._next_warning = True, now + WARN_AGAIN
        level = logging.WARNING if warns else logging.DEBUG
        _log.log(level, "%s does not take notifications: %s", self._receiver, error)

    def unready(self, error: NotTaken) -> None:
        """Warn that nothing could be sent, before there is anything to send."""
        _log.warning("%s would not get notifications: %s", self._receiver, error)

    def dropped(self, count: int) -> None:
        """Note that so many were given up."""
        if not count:
            return
        self._metrics.notification(self._receiver, DROPPED, count)
        now = self._steady()
        warns = now >= self._next_of_drops
        if warns:
            self._next_of_drops = now + WARN_AGAIN
        level = logging.WARNING if warns else logging.DEBUG
        _log.log(
            level, "%s: %d notifications were given up: it has not taken them in time", self._receiver, count
        )

    def left_out(self, by_namespace: Mapping[str, int]) -> None:
        """Note that of these namespaces so many are too many to be told at all, for now."""
        count = sum(by_namespace.values())
        self._metrics.notifications_left_out(self._receiver, count)
        if bool(count) is self._left_out:
            return
        self._left_out = bool(count)
        if count:
            most = sorted(by_namespace.items(), key=lambda each: (-each[1], each[0]))[:MOST_NAMED]
            named = ", ".join(f"{namespace} ({number})" for namespace, number in most)
            _log.warning(
                "%s: %d alerts more fire than it is told of, beyond the share of their namespace: %s%s",
                *(self._receiver, count, named, ", ..." if len(by_namespace) > MOST_NAMED else ""),
            )
        else:
            _log.info("%s is told of all alerts again", self._receiver)

    def waiting(self, count: int) -> None:
        """Set how many it has still to be told of."""
        self._metrics.notifications_wait(self._receiver, count)
