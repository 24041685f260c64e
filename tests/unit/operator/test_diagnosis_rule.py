"""When a diagnosis runs, of which path, under which name; and what it comes to."""

from typing import Any

import pytest

from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiled import Cron, DiagnosisRule
from ipsecping_operator.diagnosis.rule import obstacle, request_id
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.report.assessment import assess
from ipsecping_operator.status.diagnosis import Trigger

from .assessments import assessed, at, seen, take
from .builders import NOON, SECOND, check
from .outages import DOWN, due, outage, recover, settle
from .reports import clean, report
from .states import body, shown, take_up


def ruled(**rule: Any) -> CompiledCheck:
    made = check()
    object.__setattr__(made, "diagnosis", DiagnosisRule(**rule))
    return made


def due_at(state: CheckState) -> float | None:
    """Seconds after noon."""
    want = due(state)
    return None if want is None else (want.at - NOON) / SECOND


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
