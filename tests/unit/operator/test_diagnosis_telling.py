"""What a diagnosis comes to: in the status, in the message of Healthy, and read back."""

import pytest

from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping_operator.api.diagnosis import DiagnosisStatus
from ipsecping_operator.api.validation import read
from ipsecping_operator.diagnosis.telling import healed, told
from ipsecping_operator.report.assessment import with_diagnosis
from ipsecping_operator.status.diagnosis import from_json

from .assessments import assessed, at, healthy, take
from .builders import NOON, SECOND
from .outages import DOWN, due, outage, recover, settle
from .reports import SUMMARY, clean, report
from .states import body, shown, take_up


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
