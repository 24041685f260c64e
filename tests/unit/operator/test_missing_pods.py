"""A CronJob's round that is due and gets no pod is told, but not before it had time to."""

from dataclasses import replace
from typing import Any

import pytest

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import Cron
from ipsecping_operator.observe.projection import Child, Pod
from ipsecping_operator.report.assessment import Assessment

from .assessments import assessed
from .builders import NOON, SECOND, check, plan
from .objects import child, pod
from .states import shown, take_up

CRON = check(plan(interval_ms=None), schedule=Cron(line="0 * * * *", time_zone=None))
DUE = child("CronJob", lastScheduleTime="2026-11-23T12:00:00Z")
"""A round was due at noon."""


def seen(*objects: Child | Pod, **changes: Any) -> CheckState:
    state = shown(None, *objects)
    runs = Readiness(reason=ReadyReason.RECONCILED, message="CronJob hq runs a round")
    take_up(state, replace(CRON, **changes), ready=runs)
    return state


def ready(made: Assessment) -> tuple[str, str]:
    condition = made.status["conditions"][0]
    return condition["reason"], condition["message"]


def later(state: CheckState) -> str:
    """Ready's reason when there was time enough."""
    assessed(state, at=0)
    return ready(assessed(state, at=1000))[0]


def test_a_round_without_a_pod_is_told_fifteen_seconds_after_it_was_seen() -> None:
    state = seen(DUE)
    assert ready(assessed(state, at=300))[0] == "Reconciled", "whatever the operator's clock says"
    soon = assessed(state, at=314)
    assert (ready(soon)[0], soon.next_change) == ("Reconciled", NOON + 315 * SECOND)
    assert ready(assessed(state, at=315)) == (
        "WorkloadUnavailable",
        "CronJob hq: no pod was made for the round of 2026-11-23T12:00:00Z; why (a quota, an admission rule) "
        "is said by: kubectl describe job -n network -l ipsecping.dev/check=hq",
    )


def test_the_pod_of_a_diagnosis_is_not_the_round_s() -> None:
    full = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    diagnosis = pod(
        "hq-abcdef01-x",
        owner_kind="Job",
        phase="Pending",
        conditions=[full],
        spec={"containers": [{"name": "probe", "args": ["diagnose", "/etc/ipsecping/plan.json"]}]},
    )
    state = seen(DUE, diagnosis)
    assert later(state) == "WorkloadUnavailable"
    state.observed.pod_gone(diagnosis.meta.uid)
    assert "no pod was made for the round" in ready(assessed(state, at=1000))[1]


def test_setting_the_clock_changes_nothing_of_how_long_a_pod_is_missing() -> None:
    state = seen(DUE)
    assessed(state, at=0)
    state.shift(3600 * SECOND)
    assert ready(assessed(state, at=3614))[0] == "Reconciled"
    assert ready(assessed(state, at=3615))[0] == "WorkloadUnavailable"


@pytest.mark.parametrize("created", ["2026-11-23T12:00:03Z", "2026-11-23T11:59:58Z"], ids=["later", "skewed"])
def test_a_round_with_a_pod_is_not_told_of(created: str) -> None:
    assert later(seen(DUE, made_at(created))) == "Reconciled"


def test_the_pod_of_an_earlier_round_does_not_count() -> None:
    assert later(seen(DUE, made_at("2026-11-23T11:00:01Z"))) == "WorkloadUnavailable"


def made_at(created: str) -> Pod:
    return pod(owner_kind="Job", phase="Succeeded", created=created)


def test_no_pod_is_missed_before_the_first_round_nor_while_suspended() -> None:
    assert later(seen(child("CronJob"))) == "Reconciled"
    assert later(seen(DUE, suspend=True)) == "Reconciled"


def test_a_pod_that_never_had_a_node_is_told_with_why_and_what_helps() -> None:
    full = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    waits = pod(
        "hq-29-x", owner_kind="Job", phase="Pending", conditions=[full], created="2026-11-23T12:00:01Z"
    )
    state = seen(DUE, waits)
    # The Job's time is over: its controller deletes what has no node yet, and nothing is left to look at.
    state.observed.pod_gone(waits.meta.uid)
    assessed(state, at=0)
    assert ready(assessed(state, at=15)) == (
        "WorkloadUnavailable",
        "CronJob hq: the pod for the round of 2026-11-23T12:00:00Z waited 2m for a node and was given up: "
        "Unschedulable: 0/3 nodes; where nodes are added on demand, give it longer by "
        "spec.schedule.startTimeout",
    )


def test_a_pod_of_an_earlier_round_or_one_that_had_a_node_is_not_blamed() -> None:
    earlier = pod("hq-28-x", owner_kind="Job", phase="Pending", created="2026-11-23T11:00:01Z")
    placed = pod(
        "hq-29-x",
        uid="p-2",
        owner_kind="Job",
        phase="Pending",
        created="2026-11-23T12:00:01Z",
        spec={"nodeName": "n-1"},
    )
    state = seen(DUE, earlier, placed)
    for each in (earlier, placed):
        state.observed.pod_gone(each.meta.uid)
    assessed(state, at=0)
    assert "no pod was made for the round" in ready(assessed(state, at=15))[1]
