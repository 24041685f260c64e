"""What an audit's findings do to verdict, status and metrics."""

from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract import Audit, AuditFinding, AuditOptions, PlannedProbe, ProbeType
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.status.conditions import MAX_MESSAGE

from .assessments import assessed, at, seen, take
from .builders import check, plan, probe
from .scraping import scraped, value
from .windows import filled, verdict

SHUT = Audit(closed=tuple(AuditFinding))
OPEN = Audit(found=(AuditFinding.UNSIGNED, AuditFinding.SHORT), closed=(AuditFinding.AMPLIFIES,))
BLIND = Audit(not_tested=tuple(AuditFinding))


def audit_probe() -> PlannedProbe:
    return probe(type=ProbeType.AUDIT, size=0, port=862, options=AuditOptions())


def judged(*audits: Audit, accepted: tuple[AuditFinding, ...] = ()) -> Any:
    of = plan(audit_probe())
    rounds = [
        {"of": of, "audit": audit, "rtt_ms": (), "received": 0 if audit is BLIND else 10} for audit in audits
    ]
    return verdict(filled(*rounds), accepting(check(of), *accepted)).finding


def accepting(of: CompiledCheck, *findings: AuditFinding) -> CompiledCheck:
    return replace(of, thresholds=replace(of.thresholds, accepted={"ping": findings}))


def test_nothing_open_is_healthy() -> None:
    assert judged(SHUT).reason is HealthyReason.WITHIN_THRESHOLDS


def test_each_finding_is_named_with_the_option_that_closes_it() -> None:
    finding = judged(OPEN)
    assert finding.reason is HealthyReason.AUDIT_FAILED
    assert finding.message == (
        "the reflector on default/ping answers packets without a signature (AnswersUnsigned; ipsecping "
        "reflect: --key-file F, without --keys-for-tlvs); answers packets that are too short for its answer "
        "(AnswersShort; ipsecping reflect: none is needed: its present version drops them)"
    )


def test_what_is_accepted_is_told_and_healthy() -> None:
    assert judged(OPEN, accepted=(AuditFinding.UNSIGNED,)).message.count("ipsecping reflect") == 1
    both = (AuditFinding.UNSIGNED, AuditFinding.SHORT)
    assert judged(OPEN, accepted=both).reason is HealthyReason.WITHIN_THRESHOLDS


def test_the_newest_audit_that_could_test_it_counts() -> None:
    assert judged(OPEN, SHUT).reason is HealthyReason.WITHIN_THRESHOLDS
    assert judged(SHUT, OPEN).reason is HealthyReason.AUDIT_FAILED
    assert judged(OPEN, Audit(not_tested=OPEN.found)).reason is HealthyReason.AUDIT_FAILED


def test_all_findings_together_fit_into_a_message() -> None:
    finding = judged(Audit(found=tuple(AuditFinding)))
    assert len(finding.message) <= MAX_MESSAGE
    assert all(each in finding.message for each in AuditFinding)


@pytest.mark.parametrize(
    ("audit", "status"),
    [
        (SHUT, {"auditFindings": []}),
        (OPEN, {"auditFindings": ["AnswersUnsigned", "AnswersShort"]}),
        (
            Audit(closed=(AuditFinding.AMPLIFIES,), not_tested=(AuditFinding.SHORT,)),
            {"auditFindings": [], "auditNotTested": ["AnswersShort"]},
        ),
    ],
)
def test_the_status_tells_what_is_open_and_what_could_not_be_tested(
    audit: Audit, status: dict[str, list[str]]
) -> None:
    state = measured(audit)
    (entry,) = assessed(state, at=10).status["probes"]
    assert {key: each for key, each in entry.items() if key.startswith("audit")} == status


def test_each_finding_is_a_series_that_is_absent_while_it_is_not_tested() -> None:
    state = measured(Audit(found=(AuditFinding.SHORT,), closed=(AuditFinding.AMPLIFIES,)))
    assessed(state, at=10)
    samples = scraped(state)
    labels = {
        "namespace": "network", "check": "hq", "tunnel_name": "hq-dc1", "path": "default", "probe": "ping",
        "type": "Audit", "target": "203.0.113.10",
    }  # fmt: skip
    assert value(samples, "ipsecping_audit_findings", **labels, finding="AnswersShort") == 1
    assert value(samples, "ipsecping_audit_findings", **labels, finding="Amplifies") == 0
    assert len([name for name, _ in samples if name == "ipsecping_audit_findings"]) == 2


def measured(audit: Audit) -> Any:
    of = plan(audit_probe())
    state = seen(of=audited_check(of))
    take(state, at(0, of=of, audit=audit, rtt_ms=()))
    return state


def audited_check(of: Any) -> CompiledCheck:
    return check(of)
