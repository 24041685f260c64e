"""When a diagnosis runs, of which path, under which name; and what it comes to."""

from itertools import pairwise
from typing import Any

import pytest

from ipsecping.contract import LossReason
from ipsecping.contract.diagnosis_report import DiagnosisReport
from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping.diagnosis.evidence_json import read_known
from ipsecping_operator.api.diagnosis import DiagnosisStatus
from ipsecping_operator.api.validation import read
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiled import Cron, DiagnosisRule
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.report.assessment import assess, with_diagnosis
from ipsecping_operator.runbook.choice import agent_of, choose
from ipsecping_operator.runbook.known import known_of
from ipsecping_operator.runbook.rule import Wanted, obstacle, request_id, wanted
from ipsecping_operator.runbook.telling import healed, not_run, told
from ipsecping_operator.status.diagnosis import DiagnosisOutcome, Trigger, from_json

from .assessments import assessed, at, healthy, seen, take
from .builders import NOON, SECOND, check, plan, result
from .objects import pod
from .reports import SUMMARY, clean, report
from .states import body, shown, take_up

DOWN = 95
"""Seconds after noon at which the check of `outage` turned Healthy=False."""


def ruled(**rule: Any) -> CompiledCheck:
    made = check()
    object.__setattr__(made, "diagnosis", DiagnosisRule(**rule))
    return made


def outage(of: CompiledCheck | None = None) -> CheckState:
    """Answered for a minute, then down for three rounds."""
    state = seen(of=of)
    take(state, at(0), *(at(second, received=0) for second in (30, 60, 90)))
    assessed(state, at=DOWN)
    return state


def due(state: CheckState, *, seconds: float = DOWN, enabled: bool = True) -> Wanted | None:
    return wanted(state, enabled=enabled, now=NOON + int(seconds * SECOND))


def due_at(state: CheckState) -> float | None:
    """Seconds after noon."""
    want = due(state)
    return None if want is None else (want.at - NOON) / SECOND


def settle(state: CheckState, given: DiagnosisReport | None, *, seconds: float) -> DiagnosisOutcome:
    """The diagnosis that is due comes to this; None: it could not run."""
    want, now = due(state, seconds=seconds), NOON + int(seconds * SECOND)
    assert want is not None
    if given is None:
        outcome = not_run(state, want, "nobody answers", now=now)
    else:
        outcome = told(state, want, given, pod="hq-1", now=now)
    state.diagnosed.settle(outcome)
    return outcome


def recover(state: CheckState, *, seconds: int) -> None:
    take(state, *(at(seconds + 30 * number) for number in range(12)))
    assert healthy(assessed(state, at=seconds + 12 * 30).status)["status"] == "True"


def test_a_healthy_check_is_not_diagnosed_by_itself() -> None:
    state = seen()
    assert due(state) is None
    take(state, at(0))
    assessed(state, at=5)
    assert due(state) is None


def test_an_outage_is_diagnosed_once() -> None:
    state = outage()
    want = due(state)
    assert want is not None
    assert (want.trigger, want.at) == (Trigger.OUTAGE, NOON + DOWN * SECOND)
    settle(state, report(), seconds=DOWN + 20)
    assert due(state, seconds=100_000) is None


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, DOWN),
        ({"delay_ns": 300 * SECOND}, DOWN + 300),
        ({"enabled": False}, None),
    ],
)
def test_when_it_runs_is_the_check_s_to_say(rule: Any, expected: float | None) -> None:
    assert due_at(outage(ruled(**rule))) == expected


def test_an_outage_that_an_earlier_run_told_of_by_a_clock_that_was_ahead_waits_for_no_other_delay() -> None:
    of = ruled(delay_ns=600 * SECOND)
    status = dict(assessed(outage(of), at=100).status)
    earlier = -3600
    state = seen(status, now=NOON + earlier * SECOND, of=of)
    want = due(state, seconds=earlier)
    assert want is not None
    assert want.at <= NOON + earlier * SECOND


def test_the_operator_s_setting_outweighs_the_check() -> None:
    assert due(outage(), enabled=False) is None


def test_the_next_outage_waits_for_the_cooldown() -> None:
    state = outage(ruled(cooldown_ns=3600 * SECOND))
    settle(state, report(), seconds=DOWN + 20)
    recover(state, seconds=120)
    take(state, *(at(480 + 30 * number, received=0) for number in range(3)))
    assessed(state, at=560)
    assert due_at(state) == DOWN + 20 + 3600
    # A restart forgets neither the cooldown nor that the outage before was diagnosed.
    left = dict(assessed(state, at=561).status)
    again = seen(left, of=ruled(cooldown_ns=3600 * SECOND), now=NOON + 562 * SECOND)
    assessed(again, at=563)
    assert due_at(again) == DOWN + 20 + 3600


def test_what_could_not_run_is_tried_again_soon_but_a_job_is_not() -> None:
    state = outage()
    settle(state, None, seconds=DOWN)
    assert due_at(state) == DOWN + 120
    cron = outage(check(schedule=Cron(line="0 * * * *", time_zone=None)))
    settle(cron, None, seconds=DOWN)
    assert due_at(cron) == DOWN + 600


def test_a_measurement_that_failed_is_no_diagnosis_of_the_outage() -> None:
    state = outage()
    spoilt = clean(outcome=Outcome.NOT_MEASURED, summary="No verdict on the tunnel.")
    settle(state, spoilt, seconds=DOWN)
    assert due_at(state) == DOWN + 600


def test_nothing_is_diagnosed_before_the_check_was_reconciled_or_once_it_is_deleted() -> None:
    state = shown(body(diagnose="1"))
    assert due(state) is None
    take_up(state)
    assert due(state) is not None
    gone = body(diagnose="1")
    gone["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    deleted = shown(gone)
    take_up(deleted)
    assert due(deleted) is None


def test_each_value_of_the_annotation_is_carried_out_once_whatever_comes_between() -> None:
    state = shown(body(diagnose="1"))
    take_up(state)
    assessed(state, at=1)
    want = due(state)
    assert want is not None
    assert (want.trigger, want.value, want.outage) == (Trigger.ANNOTATION, "1", None)
    assert settle(state, clean(), seconds=10).value == "1"
    assert due(state) is None
    take(state, *(at(second, received=0) for second in (30, 60, 90)))
    state.diagnosed.shift(-3600 * SECOND)
    status = assessed(state, at=DOWN).status
    settle(state, report(), seconds=DOWN)
    assert state.diagnosed.outcome is not None
    assert state.diagnosed.outcome.value == "1", "a diagnosis of an outage keeps it"
    left = dict(assessed(state, at=DOWN + 1).status)
    assert status != left
    again = shown(body(diagnose="1"), status=left, now=NOON + DOWN * SECOND)
    take_up(again)
    assert due(again) is None
    other = shown(body(diagnose="2"), status=left, now=NOON + DOWN * SECOND)
    take_up(other)
    assert due(other) is not None


def test_a_request_has_the_same_name_after_a_restart_and_another_the_next_time() -> None:
    state = outage()
    want = due(state)
    assert want is not None
    first = request_id(state, want, nonce="n")
    restarted = seen(dict(assessed(state, at=DOWN + 1).status), now=NOON + (DOWN + 2) * SECOND)
    assessed(restarted, at=DOWN + 3)
    again = due(restarted)
    assert again is not None
    assert request_id(restarted, again, nonce="n") == first
    assert request_id(restarted, again, nonce="of another plan") != first
    settle(state, None, seconds=DOWN)
    want = due(state)
    assert want is not None
    assert request_id(state, want, nonce="n") != first


@pytest.mark.parametrize("value", ["x" * 100, "\U0001f600", "\udcff", "a b/c"])
def test_any_value_makes_a_name_that_urls_and_jobs_take(value: str) -> None:
    state = shown(body(diagnose=value))
    take_up(state)
    want = due(state)
    assert want is not None
    assert len(request_id(state, want, nonce="n")) == 8
    assert request_id(state, want, nonce="n").isalnum()
    settle(state, clean(), seconds=1)
    assert due(state) is None


def test_an_outage_of_which_nothing_is_heard_says_why_it_is_not_diagnosed() -> None:
    state = outage()
    fault = Fault(Where.JUDGE, "KeyError", "verdict.judge:1")
    unknown = assess(state, now=NOON + 100 * SECOND, fault=fault)
    assert unknown is not None
    state.reported.judged(unknown.report)
    want = due(state, seconds=100)
    assert want is not None
    assert want.at == NOON + 160 * SECOND
    said = obstacle(state, want, enabled=True)
    assert said is not None
    assert "InternalError" in said


@pytest.mark.parametrize(
    ("changes", "enabled", "expected"),
    [
        ({"suspend": True}, True, "spec.suspend is true"),
        ({}, False, "--diagnosis=false"),
        ({}, True, None),
    ],
)
def test_what_cannot_run_says_why(changes: Any, enabled: bool, expected: str | None) -> None:
    state = shown(body(diagnose="1"))
    take_up(state, check(**changes))
    want = due(state)
    assert want is not None
    said = obstacle(state, want, enabled=enabled)
    assert said == expected if expected is None else expected in str(said)


def test_what_the_namespace_may_not_send_is_not_diagnosed() -> None:
    state = shown(body(diagnose="1"))
    take_up(state, check())
    want = due(state)
    assert want is not None
    assert obstacle(state, want, enabled=True, refused="too much") == "not permitted: too much"


def two_paths(*, a: int, b: int, reason: LossReason = LossReason.TIMEOUT) -> CheckState:
    """Paths a and b, with so many answers of ten."""
    plans = {"a": plan(path="a"), "b": plan(path="b")}
    state = seen(of=check(*plans.values()))
    for number in range(4):
        for name, received in (("a", a), ("b", b)):
            start = NOON + 30 * number * SECOND
            take(state, result(of=plans[name], at=start, received=received, reason=reason))
    assessed(state, at=100)
    return state


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(10, 0, "b"), (0, 10, "a"), (8, 0, "b"), (0, 8, "a"), (0, 0, "a"), (10, 10, "a")],
)
def test_the_gravest_path_is_diagnosed_of_equals_the_preferred_one(a: int, b: int, expected: str) -> None:
    assert choose(two_paths(a=a, b=b)).path.plan.path == expected


@pytest.mark.parametrize(("b", "expected"), [(0, (40, 0)), (8, (10, 8)), (10, (10, 10))])
def test_the_prober_is_told_how_the_other_paths_are_doing(b: int, expected: tuple[int, int]) -> None:
    state = two_paths(a=0, b=b)
    told_of = known_of(state, choose(state).path, now=NOON + 100 * SECOND)
    (other,) = read_known(told_of, "").paths or ()
    assert (other.name, (other.sent, other.answered), other.same_target) == ("b", expected, True)
    assert known_of(state, choose(state).path, now=NOON + 3600 * SECOND) == {}, "what is stale tells nothing"


def test_the_prober_is_told_of_outages_that_it_has_forgotten_once_they_may_have_a_period() -> None:
    state = seen()
    for number in range(4):
        start = 3600 * number
        take(state, at(start), *(at(start + second, received=0) for second in (30, 60, 90)))
        assessed(state, at=start + DOWN)
        known = read_known(known_of(state, choose(state).path, now=NOON + (start + DOWN) * SECOND), "")
        assert len(known.outages or ()) == (0 if number < 2 else number + 1)
        recover(state, seconds=start + 120)
    starts = [each.start for each in known.outages or ()]
    assert starts == sorted(starts)
    assert {later - sooner for sooner, later in pairwise(starts)} == {3600 * SECOND}


def test_after_a_restart_the_path_that_failed_is_diagnosed_before_a_round_was_read() -> None:
    left = dict(assessed(two_paths(a=10, b=0), at=101).status)
    of = check(plan(path="a"), plan(path="b"))
    restarted = seen(left, of=of, now=NOON + 102 * SECOND)
    assessed(restarted, at=103)
    assert choose(restarted).path.plan.path == "b"


def test_a_pod_that_ended_or_goes_is_not_asked() -> None:
    running: dict[str, Any] = {"phase": "Running", "podIP": "10.0.0.1"}
    state = shown(
        body(),
        pod("goes", uid="1", deleting=True, **running),
        pod("ended", uid="2", phase="Failed", podIP="10.0.0.2"),
        pod("round", uid="3", owner_kind="Job", **running),
        pod("new", uid="4", phase="Pending"),
    )
    take_up(state)
    assert agent_of(state, choose(state)) is None


def test_of_an_outage_without_a_fault_is_said_what_was_seen_of_it() -> None:
    state = outage()
    still = settle(state, clean(), seconds=DOWN)
    assert still.outcome == Outcome.NOT_REPRODUCED
    assert still.summary.startswith("No fault found in what was tested. The check is still Down")
    state = outage()
    want = due(state)
    assert want is not None
    recover(state, seconds=120)
    past = told(state, want, clean(), pod="hq-1", now=NOON + 500 * SECOND)
    assert past.summary.startswith("No fault found in what was tested. It was Down from 2026-11-23T12:00:3")
    assert healed(state, want, now=NOON).summary.startswith("Not reproduced: healthy again before")


def test_what_was_asked_for_on_a_healthy_check_is_no_fault_as_it_is() -> None:
    state = shown(body(diagnose="1"))
    take_up(state)
    assert settle(state, clean(), seconds=1).outcome == Outcome.NO_FAULT


def test_the_message_of_an_unhealthy_check_ends_in_its_diagnosis_until_it_is_healthy() -> None:
    state = outage()
    before = healthy(assessed(state, at=DOWN + 1).status)["message"]
    settle(state, report(), seconds=DOWN + 20)
    news = assessed(state, at=DOWN + 21)
    assert news.diagnosis is not None
    assert news.urgent
    said = healthy(news.status)
    made = news.status["diagnosis"]["time"]
    assert said["message"] == f"{before}; diagnosed at {made}: {SUMMARY}"
    assert news.changed == ()
    assert assessed(state, at=DOWN + 22).diagnosis is None, "told once"
    recover(state, seconds=120)
    after = assessed(state, at=500).status
    assert "diagnosed" not in healthy(after)["message"]
    assert after["diagnosis"]["summary"] == SUMMARY
    # The next outage is another one.
    take(state, *(at(510 + 30 * number, received=0) for number in range(3)))
    assert "diagnosed" not in healthy(assessed(state, at=600).status)["message"]


def test_a_long_message_makes_room_for_the_diagnosis() -> None:
    state = outage()
    outcome = settle(state, report(summary="s" * 300), seconds=DOWN)
    message = with_diagnosis("m" * 1024, outcome, state.reported.last.outages)
    assert len(message) == 1024
    assert message.endswith("Z: " + "s" * 300)
    assert "m…; diagnosed at " in message


def test_what_did_not_run_is_in_the_status_and_not_in_the_message() -> None:
    state = outage()
    settle(state, None, seconds=DOWN)
    status = assessed(state, at=DOWN + 1).status
    assert status["diagnosis"]["outcome"] == "NotRun"
    assert status["diagnosis"]["summary"] == "not run: nobody answers"
    assert "nobody answers" not in healthy(status)["message"]


def test_a_status_reads_back_as_it_was_written() -> None:
    outcome = settle(outage(), report(), seconds=DOWN + 20)
    written = outcome.to_json()
    read(DiagnosisStatus, written, path="status.diagnosis")
    back = from_json(written, now=outcome.at)
    assert back is not None
    assert back.to_json() == written
    assert from_json(written, now=outcome.at - 3600 * SECOND).at == outcome.at - 3600 * SECOND  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"outcome": "Fault"},
        {"outcome": "Great", "trigger": "Outage", "time": "2026-11-23T12:00:00Z", "summary": ""},
        {"outcome": "Fault", "trigger": "Whim", "time": "2026-11-23T12:00:00Z", "summary": ""},
        {"outcome": "Fault", "trigger": "Outage", "time": "noon", "summary": ""},
        {
            "outcome": "Fault",
            "trigger": "Outage",
            "time": "2026-11-23T12:00:00Z",
            "summary": "",
            "findings": 1,
        },
        {
            "outcome": "Fault",
            "trigger": "Outage",
            "time": "2026-11-23T12:00:00Z",
            "summary": "",
            "findings": [1],
        },
    ],
)
def test_a_status_that_is_not_ours_tells_nothing(value: object) -> None:
    assert from_json(value, now=NOON) is None
