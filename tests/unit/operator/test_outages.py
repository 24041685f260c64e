"""The history of outages, from sequences of verdicts."""

import itertools
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.api.status import CheckStatus
from ipsecping_operator.report.events import event, of_run_now
from ipsecping_operator.status.build import build_status
from ipsecping_operator.status.run_now import RunNowOutcome
from ipsecping_operator.verdict.finding import Finding
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.outage import Outage, follow

from .builders import NOON, SECOND

Reason = HealthyReason


def verdict(reason: HealthyReason, *, since: int | None = None, message: str | None = None) -> Verdict:
    return Verdict(
        finding=Finding(reason=reason, message=message or f"because {reason}"),
        paths=(),
        since=since,
        last_result=None,
        next_change=None,
    )


def history(*reasons: HealthyReason) -> tuple[Outage, ...]:
    """One verdict a second from noon."""
    outages: tuple[Outage, ...] = ()
    for index, reason in enumerate(reasons):
        since = NOON + (index - 2) * SECOND if reason is Reason.DOWN and index >= 2 else None
        outages = follow(outages, verdict(reason, since=since), now=NOON + index * SECOND)
    return outages


def test_an_outage_lasts_from_the_first_false_verdict_to_the_next_true_one() -> None:
    (outage,) = history(
        Reason.WITHIN_THRESHOLDS, Reason.LOSS_HIGH, Reason.LOSS_HIGH, Reason.WITHIN_THRESHOLDS
    )
    assert outage == Outage(
        start=NOON + SECOND, end=NOON + 3 * SECOND, reason="LossHigh", message="because LossHigh"
    )


def test_one_incident_is_one_outage_under_its_gravest_reason() -> None:
    (outage,) = history(Reason.LATENCY_HIGH, Reason.LOSS_HIGH, Reason.DOWN, Reason.LOSS_HIGH)
    assert outage.reason == "Down"
    assert outage.start == NOON
    assert outage.end is None


def test_loss_left_in_the_window_after_an_outage_tells_since_when_answers_come() -> None:
    outages = history(Reason.DOWN, Reason.LOSS_HIGH, Reason.LOSS_HIGH, Reason.WITHIN_THRESHOLDS)
    assert outages[0].message == "because Down; answers again since 2026-11-23T12:00:01Z"


def test_going_down_again_in_the_same_outage_is_told_anew() -> None:
    outages = history(Reason.DOWN, Reason.LOSS_HIGH, Reason.DOWN)
    assert outages[0].message == "because Down"


def test_down_began_with_the_first_unanswered_round_not_with_the_verdict() -> None:
    (outage,) = follow((), verdict(Reason.DOWN, since=NOON - 90 * SECOND), now=NOON)
    assert outage.start == NOON - 90 * SECOND


def test_unknown_neither_ends_nor_begins_an_outage() -> None:
    assert history(Reason.STALE_RESULTS) == ()
    (outage,) = history(Reason.DOWN, Reason.STALE_RESULTS, Reason.STALE_RESULTS)
    assert outage.end is None


def test_an_outage_told_by_a_clock_that_was_ahead_ends_no_sooner_than_it_began() -> None:
    """Agents refuse such a history, and the time spent in outages never shrinks."""
    (told,) = history(Reason.DOWN)
    (ended,) = follow((told,), verdict(Reason.WITHIN_THRESHOLDS), now=NOON - 3600 * SECOND)
    assert ended.end == ended.start


def test_suspending_a_check_ends_its_outage() -> None:
    (outage,) = history(Reason.DOWN, Reason.SUSPENDED)
    assert outage.end == NOON + SECOND


@given(st.lists(st.sampled_from(list(Reason)), max_size=60))
def test_outages_are_few_ordered_and_never_overlap(reasons: list[HealthyReason]) -> None:
    outages = history(*reasons)
    assert len(outages) <= 10
    for newer, older in itertools.pairwise(outages):
        assert older.end is not None
        assert older.start <= older.end <= newer.start
    decided = [r for r in reasons if r.status is not ConditionStatus.UNKNOWN or r is Reason.SUSPENDED]
    running = bool(outages) and outages[0].end is None
    assert running == (bool(decided) and decided[-1].status is ConditionStatus.FALSE)


def test_an_outage_of_which_there_is_much_to_say_does_not_keep_the_status_from_being_written() -> None:
    long = Outage(start=NOON, end=None, reason="Down", message="x" * 5000)
    outcome = RunNowOutcome(value="v", started=False, at=NOON, message="y" * 5000)
    status = build_status(generation=1, verdict=None, conditions={}, outages=[long], run_now=outcome)
    CheckStatus.model_validate(status)
    assert status["outages"][0]["message"].endswith("x…")
    check = {"namespace": "network", "name": "hq", "uid": "u"}
    assert len(event(of_run_now(outcome), check, name="hq.1", at=datetime.now(UTC))["note"].encode()) <= 1024
