"""Log the transitions of checks: one line for each, and a warning where a person is needed."""

import logging
from collections.abc import Sequence

from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, ReadyReason
from ipsecping_operator.logs import Log
from ipsecping_operator.status.conditions import Condition, Conditions
from ipsecping_operator.status.silence import is_silenced
from ipsecping_operator.trouble import Trouble


class TransitionLog:
    """Remembers which checks wait for a workload, and since when.

    At first the pods of a new check, a rollout or a resumed check are not there: a warning once that lasts.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Trouble] = {}

    def tell(
        self, uid: str, changed: Sequence[Condition], conditions: Conditions, *, log: Log, now: float
    ) -> float | None:
        """Log what has changed or lasted too long. Returns the seconds until a next call, or None.

        `now` in seconds of a steady clock.
        """
        for condition in changed:
            needed = condition.status is ConditionStatus.FALSE and not (
                _is_workload_missing(condition)
                or condition.type is ConditionType.MAINTENANCE
                or is_silenced(condition, conditions)
            )
            _say(condition, logging.WARNING if needed else logging.INFO, log)
        ready = conditions.get(ConditionType.READY)
        if ready is None or not _is_workload_missing(ready):
            self.forget(uid)
            return None
        trouble = self._waiting.setdefault(uid, Trouble())
        # Once for each wait: what it is about changes with each attempt of the kubelet.
        if trouble.met(ready.reason, now=now) == logging.WARNING:
            _say(ready, logging.WARNING, log)
        return trouble.left(now=now)

    def forget(self, uid: str) -> None:
        """Forget a check that has gone, or waits no longer."""
        self._waiting.pop(uid, None)


def _is_workload_missing(condition: Condition) -> bool:
    return condition.reason == ReadyReason.WORKLOAD_UNAVAILABLE.value


def _say(condition: Condition, level: int, log: Log) -> None:
    log.log(level, "%s=%s %s: %s", condition.type, condition.status, condition.reason, condition.message)
