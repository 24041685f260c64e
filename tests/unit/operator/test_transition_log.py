"""Which transitions are warnings in the log."""

import logging

import pytest

from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason
from ipsecping_operator.report.transition_log import TransitionLog
from ipsecping_operator.status.conditions import Condition
from ipsecping_operator.trouble import GRACE

LOG = logging.LoggerAdapter(logging.getLogger("test"), {})


def made(reason: ReadyReason | HealthyReason, message: str = "why") -> Condition:
    kind = ConditionType.READY if isinstance(reason, ReadyReason) else ConditionType.HEALTHY
    return Condition(
        type=kind, status=reason.status, reason=reason.value, message=message, since=0, generation=1
    )


def tell(said: TransitionLog, condition: Condition, *, now: float, changed: bool = False) -> float | None:
    given = [condition] if changed else []
    return said.tell("uid", given, {condition.type: condition}, log=LOG, now=now)


def levels(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize(
    ("reason", "level"),
    [
        (HealthyReason.DOWN, "WARNING"),
        (HealthyReason.WITHIN_THRESHOLDS, "INFO"),
        (HealthyReason.NO_RESULTS, "INFO"),
        (ReadyReason.INVALID_SPEC, "WARNING"),
        (ReadyReason.WORKLOAD_UNAVAILABLE, "INFO"),
    ],
)
def test_what_is_wrong_is_a_warning_but_not_what_is_on_its_way(
    reason: HealthyReason | ReadyReason, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tell(TransitionLog(), made(reason), now=0, changed=True)
    assert [name for name, _ in levels(caplog)] == [level]


def test_a_workload_that_stays_away_is_one_warning_with_its_newest_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    said, reason = TransitionLog(), ReadyReason.WORKLOAD_UNAVAILABLE
    assert tell(said, made(reason, "not available yet"), now=100, changed=True) == GRACE
    assert tell(said, made(reason, "ErrImagePull"), now=100 + GRACE - 10) == 10
    assert levels(caplog) == []
    assert tell(said, made(reason, "ImagePullBackOff"), now=100 + GRACE) is None
    tell(said, made(reason, "ErrImagePull"), now=101 + GRACE)
    assert levels(caplog) == [("WARNING", "Ready=False WorkloadUnavailable: ImagePullBackOff")]


def test_the_next_wait_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    said, reason = TransitionLog(), ReadyReason.WORKLOAD_UNAVAILABLE
    tell(said, made(reason), now=0)
    assert tell(said, made(ReadyReason.RECONCILED), now=10) is None
    assert tell(said, made(reason), now=1000) == GRACE
    assert levels(caplog) == []
