"""What the log says of a receiver, which may answer whatever it likes."""

import logging

import pytest

from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.notify.post import NotTaken
from ipsecping_operator.notify.receiver_log import WARN_AGAIN, ReceiverLog


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(caplog: pytest.LogCaptureFixture) -> Clock:
    caplog.set_level(logging.INFO)
    return Clock()


def test_a_receiver_that_takes_and_refuses_by_turns_fills_no_log(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = ReceiverLog("webhook", OperatorMetrics(), steady=clock)
    for number in range(1000):
        clock.now = number * WARN_AGAIN / 999
        log.not_taken(NotTaken(f"answered 400: {number}", refused=True), 1)
        log.dropped(1)
        log.delivered(1)
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warned) == 4, "once at first, and once after five minutes, of each kind"
    assert len(caplog.records) == 6


def test_a_receiver_that_goes_on_refusing_after_such_turns_is_warned_of_then(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = ReceiverLog("webhook", OperatorMetrics(), steady=clock)
    log.not_taken(NotTaken("answered 400", refused=True), 1)
    log.delivered(1)
    caplog.clear()
    for clock.now in (1.0, 100.0, WARN_AGAIN - 1):
        log.not_taken(NotTaken("answered 503"), 1)
    assert not caplog.records
    clock.now = WARN_AGAIN
    log.not_taken(NotTaken("answered 503"), 1)
    assert "answered 503" in caplog.text


def test_whose_alerts_are_left_out_is_said_in_log_and_metric(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = OperatorMetrics()
    log = ReceiverLog("alertmanager", metrics, steady=clock)
    log.left_out({"lab": 3, "test": 300, "dev": 20, "qa": 1})
    log.left_out({"lab": 4})
    assert [each.getMessage() for each in caplog.records] == [
        "alertmanager: 324 alerts more fire than it is told of, beyond the share of their namespace: "
        "test (300), dev (20), lab (3), ..."
    ]
    name, labels = "ipsecping_operator_notifications_left_out", {"receiver": "alertmanager"}
    assert metrics.registry.get_sample_value(name, labels) == 4


@pytest.mark.parametrize(("taken", "told"), [(True, True), (False, False)])
def test_the_time_of_the_last_success_is_that_of_what_was_taken(
    clock: Clock, taken: bool, told: bool
) -> None:
    metrics = OperatorMetrics()
    log = ReceiverLog("webhook", metrics, steady=clock)
    if taken:
        log.delivered(1)
    log.not_taken(NotTaken("answered 503"), 1)
    name = "ipsecping_operator_notification_success_timestamp_seconds"
    at = metrics.registry.get_sample_value(name, {"receiver": "webhook"})
    assert at is not None
    assert (at > 0) is told
