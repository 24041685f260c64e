"""The annotation run-now: what is asked for, and by which identifier."""

from typing import Any

import pytest

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.check.unreadable import Unreadable
from ipsecping_operator.compile.compiled import Cron
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.reconcile.run_now import measured, obstacle, request_id, request_ids, requested
from ipsecping_operator.status.run_now import RunNowOutcome, from_json

from .builders import NOON, SECOND, check, plan, result
from .objects import pod
from .states import body, shown, take_up


def state(value: str = "", *, done: RunNowOutcome | None = None, **of: Any) -> CheckState:
    made = shown(body(run_now=value))
    take_up(made, check(**of))
    if done is not None:
        made.applied.settle_run_now(done)
    return made


def done(value: str, *, at: int = NOON) -> RunNowOutcome:
    return RunNowOutcome(value=value, started=True, at=at, message="started")


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
def test_only_a_new_value_asks(value: str, before: RunNowOutcome | None, expected: str | None) -> None:
    assert requested(state(value, done=before)) == expected


def test_a_request_has_the_same_identifier_after_a_restart_and_another_the_next_time() -> None:
    first = request_id(state("1"), "1")
    assert request_id(state("1"), "1") == first
    after = done("2", at=NOON + 5 * SECOND)
    again = request_id(state("1", done=after), "1")
    assert again != first
    # What the status tells of it, in whole seconds, leads to the same.
    assert request_id(state("1", done=from_json(after.to_json())), "1") == again


def test_each_agent_keeps_its_request_until_a_result_names_it() -> None:
    two = {"a": plan(path="a"), "b": plan(path="b")}
    made = shown(body(run_now="1"))
    take_up(made, check(*two.values()))
    mine = request_id(made, "1")
    assert request_ids(made, "1") == {"a": mine, "b": mine}
    made.measured.accept(result(of=two["a"], run_now=mine), start=NOON, now=NOON)
    assert request_ids(made, "1") == {"b": mine}
    assert measured(made, "1") is None
    made.measured.accept(result(of=two["b"], run_now="another"), start=NOON, now=NOON)
    assert measured(made, "1") is None
    made.measured.accept(result(of=two["b"], run_now=mine), start=NOON, now=NOON)
    assert measured(made, "1") == "an extra round was measured on a, b"


def test_every_node_whose_agent_answers_runs_the_extra_round() -> None:
    def agent(node: str, *, ready: str = "True", **values: Any) -> Pod:
        status: dict[str, Any] = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
        uid = f"p-{node}"
        return pod(uid, uid=uid, owner_kind="DaemonSet", spec={"nodeName": node}, **status, **values)

    going = agent("w5", deleting=True)
    made = shown(body(run_now="1"), *map(agent, ("w1", "w2", "w3")), agent("w4", ready="False"), going)
    take_up(made, check(every_node=True))
    mine = request_id(made, "1")
    made.measured.agent_unreadable("p-w3", Unreadable(pod="p-w3", text="no route to host"))
    for node in ("w1", "w2"):
        assert request_ids(made, "1") == {"default": mine}
        assert measured(made, "1") is None
        assert made.measured.accept(result(run_now=mine), start=NOON, now=NOON, node=node) is None
    assert request_ids(made, "1") == {}
    assert measured(made, "1") == "an extra round was measured on default (nodes: 2 of 4)"
    made.measured.accept(result(run_now="next"), start=NOON, now=NOON, node="w1")
    assert made.measured.requests["default"].nodes == {"w1"}


def test_a_plan_of_a_cron_job_asks_for_no_extra_round() -> None:
    cron = state("1", schedule=Cron(line="@hourly", time_zone=None))
    assert request_ids(cron, "1") == {}
    assert measured(cron, "1") is None


def test_what_cannot_run_says_why() -> None:
    assert obstacle(state("1")) is None
    assert obstacle(state("1", suspend=True)) == "spec.suspend is true; set it to false first"
    refused = state("1")
    take_up(refused, refused="placement.hostNetwork")
    assert obstacle(refused) == "not permitted: placement.hostNetwork"


@pytest.mark.parametrize(
    "value", [None, [], {}, {"value": "1", "outcome": "Started", "time": "no", "message": ""}]
)
def test_a_status_that_is_not_ours_tells_nothing(value: object) -> None:
    assert from_json(value) is None
