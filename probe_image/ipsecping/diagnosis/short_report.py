"""A diagnosis in short: the report that crosses to the operator. Pure.

Words are cut until the whole fits (`MAX_REPORT_BYTES`), commands never; then findings are left out. The
gravest comes first and stays.
"""

from collections.abc import Iterable
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
from .report import cut, next_step, summary, title

_LENGTHS = MAX_MESSAGE, 200, 120, 60
"""Characters that texts are cut to, one after the other, until the report fits; commands may be longer."""


def short_report(
    evidence: Evidence, diagnosis: Diagnosis, *, check: CheckRef, request: str, duration: int, packets: int
) -> DiagnosisReport:
    """Return the report. Raises ContractError where the check's own names leave no room for it."""
    findings = diagnosis.findings[:MAX_FINDINGS]
    report = DiagnosisReport(
        check=check,
        request=request,
        started_at=evidence.at,
        duration=duration,
        outcome=diagnosis.outcome,
        summary=summary(evidence, diagnosis),
        findings=_told(evidence, findings, MAX_MESSAGE),
        not_tested=tuple(part.value for part in diagnosis.not_tested),
        packets=min(packets, MAX_SENT),
        evidence_digest=evidence_digest(evidence),
    )
    shorter = (replace(report, findings=_told(evidence, findings, length)) for length in _LENGTHS[1:])
    fewer = (
        replace(report, findings=_told(evidence, findings[:count], _LENGTHS[-1]))
        for count in range(len(findings) - 1, 0, -1)
    )
    return _first_that_fits(report, *shorter, *fewer)


def nothing_to_diagnose(*, check: CheckRef, request: str, at: int, why: str) -> DiagnosisReport:
    """Return the report of a path that there is nothing to measure of."""
    evidence = Evidence(at=at, path=check.path, target=check.name, address=None)
    return _first_that_fits(
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


def _told(evidence: Evidence, findings: Iterable[Finding], length: int) -> tuple[ReportedFinding, ...]:
    return tuple(_finding(evidence, finding, length) for finding in findings)


def _finding(evidence: Evidence, finding: Finding, length: int) -> ReportedFinding:
    """What is said of a finding, in words of at most so many characters."""
    seen = finding.proof or finding.symptoms[0].text
    return ReportedFinding(
        reason=finding.reason.value,
        causes=_names(finding),
        direction=finding.direction,
        confidence=finding.confidence,
        layer=cut(finding.layer, MAX_LAYER),
        message=cut(f"{title(finding)}: {seen}", length),
        next_step=next_step(evidence, finding, most=MAX_MESSAGE, words=length),
        warning=finding.warning,
    )


def _names(finding: Finding) -> tuple[str, ...]:
    """The suspects, if there are few enough."""
    suspects = finding.suspects
    return tuple(suspect.value for suspect in suspects) if len(suspects) <= MAX_CAUSES else ()


def _first_that_fits(*reports: DiagnosisReport) -> DiagnosisReport:
    """Return the first that fits. Raises ContractError where none does."""
    *before, last = reports
    for report in before:
        try:
            report_to_text(report)
        except ContractError:
            continue
        return report
    report_to_text(last)
    return last
