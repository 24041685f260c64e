"""What the newest diagnosis has come to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ipsecping.contract.diagnosis_report import MAX_FINDINGS, MAX_MESSAGE, ReportedFinding
from ipsecping.contract.diagnosis_terms import Confidence, Direction, Outcome
from ipsecping.printable import shortened
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.outage import Outage

MAX_VALUE = 64
"""Characters of the annotation's value that tell one from another."""
NOT_RUN = "NotRun"
OUTCOMES = (*(outcome.value for outcome in Outcome), NOT_RUN)


class Trigger(StrEnum):
    """What a diagnosis runs for."""

    OUTAGE = "Outage"
    ANNOTATION = "Annotation"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisOutcome:
    """`status.diagnosis`. Times are Unix times in nanoseconds."""

    outcome: str
    """One of `OUTCOMES`."""
    trigger: Trigger
    at: int
    summary: str
    path: str | None = None
    pod: str | None = None
    findings: tuple[ReportedFinding, ...] = ()
    evidence_digest: str | None = None
    outage: int | None = None
    """Start of the outage in which it ran; None also where the path was edited since."""
    value: str | None = None
    """The newest value of the annotation that was carried out, by this diagnosis or before it."""

    @property
    def ran(self) -> bool:
        """Whether anything was diagnosed."""
        return self.outcome != NOT_RUN

    @property
    def measured(self) -> bool:
        """Whether it has come to a verdict on the path."""
        return self.ran and self.outcome != Outcome.NOT_MEASURED

    @property
    def faulty(self) -> bool:
        """Whether it has found a fault."""
        return self.outcome == Outcome.FAULT

    def is_same(self, other: "DiagnosisOutcome | None") -> bool:
        """Return whether it is the same diagnosis, though it may not be of the outage that lasts any more."""
        return other is not None and replace(self, outage=other.outage) == other

    def shifted(self, by: int) -> "DiagnosisOutcome":
        """Return the same on a clock that was set forward by so many nanoseconds."""
        return replace(self, at=self.at + by, outage=None if self.outage is None else self.outage + by)

    def to_json(self) -> dict[str, Any]:
        """Return it as in the status."""
        said: dict[str, Any] = {
            "outcome": self.outcome,
            "trigger": self.trigger.value,
            "time": text.moment(self.at),
            "path": self.path,
            "pod": self.pod,
            "summary": shortened(self.summary, MAX_MESSAGE),
            "findings": [_finding_to_json(each) for each in self.findings] or None,
            "evidenceDigest": self.evidence_digest,
            "outage": None if self.outage is None else text.moment(self.outage),
            "request": self.value,
        }
        return {key: value for key, value in said.items() if value is not None}


def is_of_outage(diagnosis: DiagnosisOutcome, outages: Sequence[Outage]) -> bool:
    """Return whether it ran in the outage that lasts; `outages` are the newest first."""
    return bool(outages) and outages[0].end is None and outages[0].start == diagnosis.outage


def from_json(value: object, *, now: int) -> DiagnosisOutcome | None:
    """Read it from a status of the API; None where there is none, or not one of ours.

    It was no later than `now`: a clock that was ahead would keep diagnoses away.
    """
    if not isinstance(value, Mapping):
        return None
    try:
        if value["outcome"] not in OUTCOMES:
            return None
        begun = value.get("outage")
        return DiagnosisOutcome(
            outcome=value["outcome"],
            trigger=Trigger(value["trigger"]),
            at=min(text.from_moment(value["time"]), now),
            summary=str(value["summary"]),
            path=_optional(value, "path"),
            pod=_optional(value, "pod"),
            findings=tuple(map(_finding, value.get("findings") or ()))[:MAX_FINDINGS],
            evidence_digest=_optional(value, "evidenceDigest"),
            outage=None if begun is None else text.from_moment(begun),
            value=_optional(value, "request"),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _optional(value: Mapping[str, Any], key: str) -> str | None:
    return None if value.get(key) is None else str(value[key])


def _finding_to_json(finding: ReportedFinding) -> dict[str, Any]:
    return {
        "reason": finding.reason,
        **({"causes": list(finding.causes)} if finding.causes else {}),
        "layer": finding.layer,
        "direction": finding.direction.value,
        "confidence": finding.confidence.value,
        **({"warning": True} if finding.warning else {}),
        "message": finding.message,
        "nextStep": finding.next_step,
    }


def _finding(value: Any) -> ReportedFinding:
    return ReportedFinding(
        reason=str(value["reason"]),
        causes=tuple(map(str, value.get("causes") or ())),
        layer=str(value["layer"]),
        direction=Direction(value["direction"]),
        confidence=Confidence(value["confidence"]),
        warning=value.get("warning") is True,
        message=str(value["message"]),
        next_step=str(value["nextStep"]),
    )
