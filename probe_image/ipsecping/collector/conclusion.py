"""A diagnosis that somebody else asked for: its report and its evidence, as they are kept and logged."""

import json
import logging
from typing import NamedTuple

from ..contract import CheckRef
from ..contract.diagnosis_report import DiagnosisReport
from ..contract.diagnosis_report_json import report_to_text
from ..diagnosis import Evidence, diagnose, evidence_to_json
from ..diagnosis.short_report import nothing_to_diagnose, short_report

log = logging.getLogger(__name__)


class Conclusion(NamedTuple):
    """What a diagnosis has come to."""

    report: DiagnosisReport
    evidence: str | None
    """The evidence as JSON, one line; None: there was nothing to measure."""

    @property
    def text(self) -> str:
        """The report as JSON, one line."""
        return report_to_text(self.report)


def conclude(evidence: Evidence, *, check: CheckRef, request: str, duration: int, packets: int) -> Conclusion:
    """Judge the evidence. Raises ContractError where the check's own names leave no room for a report."""
    report = short_report(
        evidence, diagnose(evidence), check=check, request=request, duration=duration, packets=packets
    )
    return Conclusion(report, json.dumps(evidence_to_json(evidence), separators=(",", ":")))


def refuse(*, check: CheckRef, request: str, at: int, why: str) -> Conclusion:
    """Conclude that there is nothing to measure. Raises ContractError as `conclude`."""
    return Conclusion(nothing_to_diagnose(check=check, request=request, at=at, why=why), None)


def log_conclusion(conclusion: Conclusion) -> None:
    """Log the report, then the evidence, which `ipsecping diagnose --from` reads: one line each."""
    report = conclusion.report
    check = report.check
    log.info("%s/%s path %s: diagnosis: %s", check.namespace, check.name, check.path, conclusion.text)
    if conclusion.evidence is not None:
        log.info(
            "%s/%s path %s: evidence %s: %s",
            check.namespace, check.name, check.path, report.evidence_digest, conclusion.evidence,
        )  # fmt: skip
