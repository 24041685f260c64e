"""A diagnosis in short: the report that crosses to the operator. Pure.

Texts are cut until the whole fits (`MAX_REPORT_BYTES`); the gravest finding comes first and stays.
"""

from dataclasses import replace

from ..contract import CheckRef, ContractError
from ..contract.diagnosis_report import (
    MAX_CAUSES,
    MAX_FINDINGS,
    MAX_LAYER,
    MAX_MESSAGE,
    MAX_SENT,
    DiagnosisReport,
    ReportedFinding,
)
from ..contract.diagnosis_report_json import report_to_text
from ..contract.diagnosis_terms import Outcome
from .evidence import Evidence
from .evidence_text import evidence_digest
from .finding import Diagnosis, Finding
from .report import command, cut, look, machine, summary, title

_LENGTHS = MAX_MESSAGE, 200, 120, 60
"""Characters that texts are cut to, one after the other, until the report fits."""


def short_report(
    evidence: Evidence, diagnosis: Diagnosis, *, check: CheckRef, request: str, duration: int, packets: int
) -> DiagnosisReport:
    """Return the report. Raises ContractError where the check's own names leave no room for it."""
    report = DiagnosisReport(
        check=check,
        request=request,
        started_at=evidence.at,
        duration=duration,
        outcome=diagnosis.outcome,
        summary=summary(evidence, diagnosis),
        findings=tuple(_finding(evidence, finding) for finding in diagnosis.findings[:MAX_FINDINGS]),
        not_tested=tuple(part.value for part in diagnosis.not_tested),
        packets=min(packets, MAX_SENT),
        evidence_digest=evidence_digest(evidence),
    )
    return _fitted(report)


def nothing_to_diagnose(*, check: CheckRef, request: str, at: int, why: str) -> DiagnosisReport:
    """Return the report of a path that there is nothing to measure of."""
    evidence = Evidence(at=at, path=check.path, target=check.name, address=None)
    return _fitted(
        DiagnosisReport(
            check=check,
            request=request,
            started_at=at,
            duration=0,
            outcome=Outcome.NOT_MEASURED,
            summary=cut(f"Nothing was measured: {why}.", MAX_MESSAGE),
            packets=0,
            evidence_digest=evidence_digest(evidence),
        )
    )


def _finding(evidence: Evidence, finding: Finding) -> ReportedFinding:
    seen = finding.proof or finding.symptoms[0].text
    step = f"On {machine(finding)}: {command(evidence, finding)}"
    return ReportedFinding(
        reason=finding.reason.value,
        causes=_names(finding),
        direction=finding.direction,
        confidence=finding.confidence,
        layer=cut(finding.layer, MAX_LAYER),
        message=cut(f"{title(finding)}: {seen}", MAX_MESSAGE),
        next_step=cut(f"{step} - {look(evidence, finding)}", MAX_MESSAGE),
        warning=finding.warning,
    )


def _names(finding: Finding) -> tuple[str, ...]:
    """The suspects, if there are few enough."""
    suspects = finding.suspects
    return tuple(suspect.value for suspect in suspects) if len(suspects) <= MAX_CAUSES else ()


def _fitted(report: DiagnosisReport) -> DiagnosisReport:
    fits = ContractError("diagnosis: no length was tried")
    for length in _LENGTHS:
        shorter = replace(report, findings=tuple(_shortened(each, length) for each in report.findings))
        try:
            report_to_text(shorter)
        except ContractError as error:
            fits = error
        else:
            return shorter
    raise fits


def _shortened(finding: ReportedFinding, length: int) -> ReportedFinding:
    return replace(finding, message=cut(finding.message, length), next_step=cut(finding.next_step, length))
