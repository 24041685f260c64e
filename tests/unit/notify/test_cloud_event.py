"""What an event says, and that it stays small."""

import json
from dataclasses import replace

from ipsecping.contract.diagnosis_report import ReportedFinding
from ipsecping.contract.diagnosis_terms import Confidence, Direction
from ipsecping_operator.api.conditions import ConditionType
from ipsecping_operator.check.reported import Report
from ipsecping_operator.compile.compiled import Alerting
from ipsecping_operator.notify.cloud_event import (
    MAX_FINDINGS,
    Origin,
    of_diagnosis,
    of_transition,
    transition,
)
from ipsecping_operator.status.diagnosis import DiagnosisOutcome, Trigger

from ..operator.assessments import assessed, at, seen, take
from ..operator.builders import NOON, check, plan

ORIGIN = Origin(source="ipsecping-operator", check=check())
HEALTHY = ConditionType.HEALTHY


def reports() -> tuple[Report, Report, Report]:
    """Of a new check, once it is healthy, and once it is down."""
    state = seen()
    found = [assessed(state, at=0).report]
    take(state, at(0))
    found.append(assessed(state, at=5).report)
    take(state, *(at(30 * n, received=0) for n in range(1, 4)))
    found.append(assessed(state, at=100).report)
    return found[0], found[1], found[2]


def test_a_transition_says_what_was_what_is_and_how_the_tunnel_does() -> None:
    new, healthy, down = reports()
    event = of_transition(ORIGIN, healthy.conditions[HEALTHY], down, behind="aa", now=NOON)
    data = json.loads(event.body)["data"]
    assert data["previous"] == {"status": "True", "reason": "WithinThresholds"}
    assert (data["healthy"]["status"], data["healthy"]["reason"]) == ("False", "Down")
    assert data["lossPercent"] == "75.00"
    assert data["rtt"]["p50"].endswith("ms")
    assert data["check"]["tunnelName"] == "hq-dc1"
    assert not transition(Report(), new), "that nothing was measured yet is no news"
    assert transition(new, healthy)
    assert not transition(down, down)


def test_the_same_is_told_under_the_same_id_and_each_repetition_under_another() -> None:
    _, healthy, down = reports()
    then = healthy.conditions[HEALTHY]
    told = [of_transition(ORIGIN, then, down, behind="aa", now=NOON + later) for later in (0, 1)]
    told += [
        of_transition(ORIGIN, then, down, behind=told[0].id, now=NOON),
        of_transition(ORIGIN, None, healthy, behind="aa", now=NOON),
    ]
    assert told[0].id == told[1].id
    assert len({each.id for each in told}) == 3


def test_a_diagnosis_is_told_with_its_next_step() -> None:
    _, _, down = reports()
    finding = ReportedFinding(
        reason="NoSA",
        causes=(),
        layer="IKE",
        direction=Direction.BOTH,
        confidence=Confidence.PROVEN,
        message="no SA is up",
        next_step="ask the gateway",
    )
    outcome = DiagnosisOutcome(
        outcome="Fault",
        trigger=Trigger.OUTAGE,
        at=NOON,
        summary="no SA is up",
        findings=(finding,) * 16,
        outage=down.outages[0].start,
    )
    event = of_diagnosis(ORIGIN, down, outcome, now=NOON)
    data = json.loads(event.body)["data"]
    assert event.type == "dev.ipsecping.check.diagnosed"
    assert data["duringOutage"] is True
    assert data["diagnosis"]["findings"][0]["nextStep"] == "ask the gateway"
    assert len(data["diagnosis"]["findings"]) == MAX_FINDINGS


def test_an_event_of_the_largest_check_is_some_kilobytes() -> None:
    paths = [plan(path=f"path-{number}" * 8, target=f"203.0.113.{number}") for number in range(8)]
    labels = {f"label_{number}" * 8: "v" * 63 for number in range(8)}
    of = replace(check(*paths), alerting=Alerting(labels=labels), tunnel_name="ü" * 253)
    state = seen(of=of)
    report = assessed(state, at=0).report
    long = {kind: replace(each, message="ü" * 1024) for kind, each in report.conditions.items()}
    report = replace(report, conditions=long)
    event = of_transition(replace(ORIGIN, check=of), None, report, behind="aa", now=NOON)
    assert len(event.body) < 16_384
