"""Reports of diagnoses, as agents and Jobs hand them over."""

from typing import Any

from ipsecping.contract import PlannedCheck
from ipsecping.contract.diagnosis_report import DiagnosisReport, ReportedFinding
from ipsecping.contract.diagnosis_terms import Confidence, Direction, Outcome

from .builders import NOON, SECOND, plan

SUMMARY = "UnderlayLoss (on the way there, all other causes were ruled out): 25 of 480 lost."


def finding(reason: str = "UnderlayLoss", **changes: Any) -> ReportedFinding:
    """The line between the gateways loses packets, unless told otherwise."""
    values: dict[str, Any] = {
        "causes": (reason,),
        "direction": Direction.FORWARD,
        "confidence": Confidence.ONLY_ONE_LEFT,
        "layer": "underlay",
        "message": "25 of 480 lost (5 %, likely 4 to 8 %) on the way there",
        "next_step": "on our gateway: mtr --report 192.0.2.1",
    }
    return ReportedFinding(reason=reason, **(values | changes))


def report(
    of: PlannedCheck | None = None, *, request: str = "abcdef01", ref: Any = None, **changes: Any
) -> DiagnosisReport:
    """A fault was found, unless told otherwise."""
    values: dict[str, Any] = {
        "started_at": NOON,
        "duration": 20 * SECOND,
        "outcome": Outcome.FAULT,
        "summary": SUMMARY,
        "findings": (finding(),),
        "not_tested": ("Bulk",),
        "packets": 480,
        "evidence_digest": "4f2cc6ead0cfd11b",
    }
    return DiagnosisReport(check=ref or (of or plan()).ref, request=request, **(values | changes))


def clean(of: PlannedCheck | None = None, **changes: Any) -> DiagnosisReport:
    """Nothing was found."""
    said = {"outcome": Outcome.NO_FAULT, "summary": "No fault found in what was tested.", "findings": ()}
    return report(of, **(said | changes))
