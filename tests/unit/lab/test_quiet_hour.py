"""The hour in which nothing is broken: what is injected, and what of all that is told is wrong."""

from typing import Any

import pytest

from ipsecping.diagnosis.cause import Cause
from ipsecping_lab.ipsec.faults import transition
from ipsecping_lab.ipsec.faults.model import read as read_fault
from ipsecping_lab.ipsec.faults.resources import Kill, Start
from ipsecping_lab.ipsec.faults.types import TYPES
from ipsecping_lab.ipsec.topology import PATHS

from ...catalogue.cases import CASES, HEALTHY, NO_FAULT, Case
from ...catalogue.quiet_hour import CALM, REKEYS, RESTARTS, TURN, note_of_evidence, notes_of, summary, turns
from ...catalogue.sight import Sight, read
from ..diagnosis import catalogue as worlds
from ..diagnosis.worlds import healthy

SEEN = {case.name: case.evidence for case in worlds.cases()}
START = "2026-11-29T00:30:00Z"


def status(healthy: str, reason: str, *outages: str, **diagnosis: Any) -> dict[str, Any]:
    conditions = [{"type": "Healthy", "status": healthy, "reason": reason, "message": "as it is"}]
    told = {"diagnosis": diagnosis} if diagnosis else {}
    return {"conditions": conditions, "outages": [{"start": start} for start in outages], **told}


def finding(reason: str, *causes: str) -> dict[str, Any]:
    told = {"causes": list(causes)} if causes else {}
    return {"reason": reason, "direction": "Forward", "confidence": "OneOf", **told}


WELL = read(status("True", "WithinThresholds"))


def told(now: Sight, case: str = "nothing", before: Sight = WELL) -> list[tuple[str, bool]]:
    case_of = {**CASES, RESTARTS.name: RESTARTS}
    return [(note.kind, note.wrong) for note in notes_of(0, "a", case_of[case], before, now)]


def test_in_an_hour_each_path_has_each_case_and_the_restarts_at_last() -> None:
    plan = list(turns(3600, "abc"))
    assert len(plan) * TURN == 3600
    assert plan[-1] == dict.fromkeys("abc", RESTARTS)
    for path in "abc":
        assert {turn[path].name for turn in plan[:-1]} == {case.name for case in CALM}
    assert {case.name for case in NO_FAULT if not case.alone} < {case.name for case in CALM}


@pytest.mark.parametrize("case", [*CALM, REKEYS, RESTARTS], ids=lambda case: case.name)
def test_what_is_injected_can_be_set_on_every_path(case: Case) -> None:
    for path in PATHS:
        for words in case.faults:
            first, *rest = words.format(path=path).split()
            assert transition.steps([], read_fault(TYPES, first, rest, now=0))
        for _, words in case.meanwhile:
            first, *rest = words.format(path=path).split()
            assert TYPES[first].momentary
            assert [
                step for fault in read_fault(TYPES, first, rest, now=0) for step in TYPES[first].once(fault)
            ]


def test_a_responder_is_started_anew() -> None:
    (fault,) = read_fault(TYPES, "responder-restart", ["b", "stamp"], now=0)
    assert TYPES["responder-restart"].once(fault) == (Kill("stamp-b"), Start("stamp-b"))


def test_a_short_hour_has_the_restarts_alone() -> None:
    assert list(turns(60, "a")) == [{"a": RESTARTS}]


@pytest.mark.parametrize(
    ("case", "wrong"), [("nothing", True), ("icmp-filtered", True), (RESTARTS.name, False)]
)
def test_an_outage_is_wrong_but_for_what_loses_packets(case: str, wrong: bool) -> None:
    down = read(status("False", "LossHigh", START))
    assert told(down, case) == [("Unhealthy", wrong), ("Outage", wrong)]


def test_unknown_and_healthy_again_are_noted_and_blame_nobody() -> None:
    unknown = read(status("Unknown", "MeasurementInvalid"))
    assert told(unknown) == [("Unknown", False)]
    assert told(WELL, before=unknown) == [("Healthy", False)]
    assert told(WELL) == []


@pytest.mark.parametrize(
    ("outcome", "findings", "wrong"),
    [
        ("NoFault", [], False),
        ("Fault", [finding("Congested")], True),
        ("Fault", [finding("PacketsLost", "UnderlayLoss", "EspAuthFailed")], True),
        ("NotMeasured", [finding("MeasurementInvalid")], False),
    ],
)
def test_a_finding_of_the_agent_is_wrong(outcome: str, findings: list[dict[str, Any]], wrong: bool) -> None:
    now = read(status("True", "WithinThresholds", outcome=outcome, findings=findings, time=START))
    assert told(now) == [("Diagnosed", wrong)]


def test_what_is_so_may_be_found() -> None:
    found = [finding("MethodSilent", Cause.PROTOCOL_FILTERED, Cause.RESPONDER_DOWN)]
    now = read(status("True", "WithinThresholds", outcome="NoFault", findings=found))
    assert told(now, "icmp-filtered") == [("Diagnosed", False)]
    assert told(now, RESTARTS.name) == [("Diagnosed", False)]
    assert told(now) == [("Diagnosed", True)]


def test_a_diagnosis_is_told_once_though_its_outage_is_over() -> None:
    now = read(status("True", "WithinThresholds", outcome="NoFault", time=START, outage=START))
    later = read(status("True", "WithinThresholds", outcome="NoFault", time=START))
    assert told(later, before=now) == []


def test_a_pod_that_finds_something_is_wrong() -> None:
    assert not note_of_evidence(0, "a", HEALTHY, healthy()).wrong
    assert note_of_evidence(0, "a", HEALTHY, SEEN["loss"]).wrong


def test_the_summary_counts_what_was_told_of_each_case() -> None:
    notes = [note_of_evidence(0, "a", HEALTHY, healthy())] * 2
    notes += notes_of(0, "a", HEALTHY, WELL, read(status("False", "LossHigh")))
    lines = list(summary(notes))
    assert "| nothing | Diagnosed: from a pod: NoFault | 2 |  |" in lines
    assert "| nothing | Unhealthy: LossHigh | 1 | 1 |" in lines
    assert lines[-1] == "3 notes, 1 of them wrong."
