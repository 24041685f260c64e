"""The JSON form of a report of a diagnosis: an agent's answer, a log line, a Job's termination message.

Reading is strict: no unknown fields, none twice, nothing that cannot be printed, `MAX_REPORT_BYTES` in all.
"""

import json
from typing import Any

from . import fields
from .check_json import check_from_json, check_to_json
from .diagnosis_report import (
    MAX_CAUSES,
    MAX_FINDINGS,
    MAX_NOT_TESTED,
    MAX_REPORT_BYTES,
    VERSION,
    DiagnosisReport,
    ReportedFinding,
    check_report,
)
from .diagnosis_terms import Confidence, Direction, Outcome
from .fields import ContractError
from .json_text import decode
from .unread import unread


def report_to_json(report: DiagnosisReport) -> dict[str, Any]:
    """Return the JSON object; its keys are always there."""
    return {
        "version": VERSION,
        **check_to_json(report.check),
        "request": report.request,
        "startedAt": report.started_at,
        "duration": report.duration,
        "outcome": report.outcome.value,
        "summary": report.summary,
        "findings": [_finding_to_json(finding) for finding in report.findings],
        "notTested": list(report.not_tested),
        "packets": report.packets,
        "evidenceDigest": report.evidence_digest,
    }


def report_to_text(report: DiagnosisReport) -> str:
    """Return the JSON text, one line; raises ContractError for what breaks the rules or is too long."""
    check_report(report)
    text = json.dumps(report_to_json(report), separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode())
    if size > MAX_REPORT_BYTES:
        raise ContractError(f"diagnosis: {size} bytes, at most {MAX_REPORT_BYTES} are allowed")
    return text


def report_from_text(text: bytes | str, path: str = "diagnosis") -> DiagnosisReport:
    """Read the JSON text; raises ContractError, which names the field and its mistake."""
    size = len(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    if size > MAX_REPORT_BYTES:
        raise ContractError(f"{path}: {size} bytes, at most {MAX_REPORT_BYTES} are allowed")
    return report_from_json(decode(text, path), path)


def report_from_json(value: object, path: str = "diagnosis") -> DiagnosisReport:
    """Read one report; raises ContractError for a wrong or unknown field, or what contradicts itself."""
    report = _read(value, path)
    unknown = unread(lambda source: _read(source, path), value, path)
    if unknown:
        raise ContractError(f"{unknown[0]} is not a field of it")
    check_report(report, path)
    return report


def is_report(message: str) -> bool:
    """Whether a termination message is a report, and not results (termination.py)."""
    return message.lstrip().startswith("{")


def _read(value: object, path: str) -> DiagnosisReport:
    source = fields.mapping(value, path)
    version = fields.integer(source, "version", path)
    if version != VERSION:
        raise ContractError(
            f"{path}.version: {fields.shown(version)} is not {VERSION}: another release made it"
        )
    findings = fields.sequence(source.get("findings"), f"{path}.findings", at_most=MAX_FINDINGS)
    return DiagnosisReport(
        check=check_from_json(source, path),
        request=fields.text(source, "request", path),
        started_at=fields.integer(source, "startedAt", path),
        duration=fields.integer(source, "duration", path),
        outcome=fields.member(source, "outcome", path, Outcome),
        summary=fields.text(source, "summary", path),
        findings=tuple(_finding(each, f"{path}.findings[{number}]") for number, each in enumerate(findings)),
        not_tested=_texts(source.get("notTested"), f"{path}.notTested", MAX_NOT_TESTED),
        packets=fields.integer(source, "packets", path),
        evidence_digest=fields.text(source, "evidenceDigest", path),
    )


def _finding_to_json(finding: ReportedFinding) -> dict[str, Any]:
    return {
        "reason": finding.reason,
        "causes": list(finding.causes),
        "direction": finding.direction.value,
        "confidence": finding.confidence.value,
        "layer": finding.layer,
        "message": finding.message,
        "nextStep": finding.next_step,
        "warning": finding.warning,
    }


def _finding(value: object, path: str) -> ReportedFinding:
    source = fields.mapping(value, path)
    return ReportedFinding(
        reason=fields.text(source, "reason", path),
        causes=_texts(source.get("causes"), f"{path}.causes", MAX_CAUSES),
        direction=fields.member(source, "direction", path, Direction),
        confidence=fields.member(source, "confidence", path, Confidence),
        layer=fields.text(source, "layer", path),
        message=fields.text(source, "message", path),
        next_step=fields.text(source, "nextStep", path),
        warning=fields.boolean(source.get("warning"), f"{path}.warning"),
    )


def _texts(value: object, path: str, most: int) -> tuple[str, ...]:
    found = fields.sequence(value, path, at_most=most)
    if not all(isinstance(each, str) for each in found):
        raise ContractError(f"{path}: expected an array of strings")
    return tuple(found)
