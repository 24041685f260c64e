"""A diagnosis for programs: what `ipsecping diagnose --json` prints."""

from typing import Any

from .evidence import Evidence
from .evidence_text import evidence_digest
from .finding import Diagnosis, Finding
from .report import command, look, machine, summary


def diagnosis_to_json(evidence: Evidence, diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the JSON object; its keys are always there."""
    return {
        "outcome": diagnosis.outcome.value,
        "path": evidence.path,
        "target": evidence.target,
        "address": evidence.address,
        "at": evidence.at,
        "evidence": evidence_digest(evidence),
        "summary": summary(evidence, diagnosis),
        "sent": diagnosis.sent,
        "lost": diagnosis.lost,
        "explained": diagnosis.explained,
        "findings": [_finding(evidence, finding) for finding in diagnosis.findings],
        "notes": list(diagnosis.notes),
        "notTested": {part.value: why for part, why in diagnosis.not_tested.items()},
    }


def _finding(evidence: Evidence, finding: Finding) -> dict[str, Any]:
    return {
        "reason": finding.reason.value,
        "suspects": [suspect.value for suspect in finding.suspects],
        "causes": [cause.value for cause in finding.causes],
        "confidence": finding.confidence.value,
        "direction": finding.direction.value,
        "warning": finding.warning,
        "confirmed": finding.confirmed,
        "layer": finding.layer,
        "title": finding.title,
        "lost": finding.lost,
        "seen": [symptom.text for symptom in finding.symptoms],
        "proof": finding.proof,
        "ruledOut": [
            {"causes": [cause.value for cause in each.causes], "why": each.why} for each in finding.ruled_out
        ],
        "next": {
            "machine": machine(finding),
            "command": command(evidence, finding),
            "look": look(evidence, finding),
        },
    }
