"""The annotation run-now: what is asked for, and by which ticket."""

from typing import Any

import pytest

from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import Cron
from ipsecping_operator.reconcile.run_now import asked, measured, obstacle, ticket, tickets
from ipsecping_operator.status.extra import ExtraRound, from_json

from .builders import NOON, SECOND, UID, check, plan, result


def state(value: str = "", *, done: ExtraRound | None = None, **of: Any) -> CheckState:
    made = CheckState(uid=UID, extra=done)
    made.body = {"metadata": {"annotations": {RUN_NOW_ANNOTATION: value}}, "spec": {}}
    made.compiled = check(**of)
    made.measurements.follow(made.compiled)
    return made


def done(value: str, *, at: int = NOON) -> ExtraRound:
    return ExtraRound(value=value, started=True, at=at, message="started")


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        ("", None, None),
        ("1", None, "1"),
        ("1", done("1"), None),
        ("2", done("1"), "2"),
        ("x" * 100, None, "x" * 64),
        ("x" * 100, done("x" * 64), None),
    ],
)
def test_only_a_new_value_asks(value: str, before: ExtraRound | None, expected: str | None) -> None:
    assert asked(state(value, done=before)) == expected


def test_a_ticket_is_the_same_after_a_restart_and_another_the_next_time() -> None:
    first = ticket(state("1"), "1")
    assert ticket(state("1"), "1") == first
    after = done("2", at=NOON + 5 * SECOND)
    again = ticket(state("1", done=after), "1")
    assert again != first
    # What the status tells of it, in whole seconds, leads to the same.
    assert ticket(state("1", done=from_json(after.to_json())), "1") == again


def test_each_agent_keeps_its_ticket_until_it_was_heard_of() -> None:
    two = {"a": plan(path="a"), "b": plan(path="b")}
    made = CheckState(uid=UID)
    made.body = {"metadata": {"annotations": {RUN_NOW_ANNOTATION: "1"}}, "spec": {}}
    made.compiled = check(*two.values())
    made.measurements.follow(made.compiled)
    mine = ticket(made, "1")
    assert tickets(made, "1") == {"a": mine, "b": mine}
    made.measurements.accept(result(of=two["a"], run_now=mine), start=NOON, now=NOON)
    assert tickets(made, "1") == {"b": mine}
    assert measured(made, "1") is None
    made.measurements.accept(result(of=two["b"], run_now="another"), start=NOON, now=NOON)
    assert measured(made, "1") is None
    made.measurements.accept(result(of=two["b"], run_now=mine), start=NOON, now=NOON)
    assert measured(made, "1") == "an extra round was measured on a, b"


def test_a_plan_of_a_cron_job_has_no_ticket() -> None:
    cron = state("1", schedule=Cron(line="@hourly", time_zone=None))
    assert tickets(cron, "1") == {}
    assert measured(cron, "1") is None


def test_what_cannot_run_says_why() -> None:
    assert obstacle(state("1")) is None
    assert obstacle(state("1", suspend=True)) == "spec.suspend is true; set it to false first"
    refused = state("1")
    refused.refused = "placement.hostNetwork"
    assert obstacle(refused) == "not permitted: placement.hostNetwork"


@pytest.mark.parametrize(
    "value", [None, [], {}, {"value": "1", "outcome": "Started", "time": "no", "message": ""}]
)
def test_a_status_that_is_not_ours_tells_nothing(value: object) -> None:
    assert from_json(value) is None
