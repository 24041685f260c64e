"""What the status of a check says at a moment, and what is new in it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The part of `status` in which something can be told."""

    healthy: str = ""
    """True, False or Unknown; empty: nothing is said yet."""
    reason: str = ""
    message: str = ""
    outages: frozenset[str] = frozenset()
    """Their starts."""
    diagnosis: Mapping[str, Any] = field(default_factory=dict)
    """As in the status."""


def read(status: Mapping[str, Any]) -> Sight:
    """Return the sight of a status."""
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    healthy = conditions.get("Healthy", {})
    return Sight(
        healthy=healthy.get("status", ""),
        reason=healthy.get("reason", ""),
        message=healthy.get("message", ""),
        outages=frozenset(each["start"] for each in status.get("outages", ())),
        diagnosis=status.get("diagnosis", {}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What was told."""

    kind: str
    """Healthy, Unhealthy, Unknown (of the condition), Outage or Diagnosis."""
    said: str


_KINDS = {"True": "Healthy", "False": "Unhealthy", "Unknown": "Unknown"}


def news(before: Sight, after: Sight) -> Iterator[News]:
    """Yield what has changed."""
    if (before.healthy, before.reason) != (after.healthy, after.reason):
        yield News(kind=_KINDS[after.healthy], said=f"{after.reason}: {after.message}")
    for start in sorted(after.outages - before.outages):
        yield News(kind="Outage", said=f"{after.reason} since {start}")
    if is_news(before.diagnosis, after.diagnosis):
        yield News(kind="Diagnosis", said=said(after.diagnosis))


def is_news(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether it is another diagnosis; one that is not of the newest outage any more is the same."""
    return bool(after) and {**before, "outage": None} != {**after, "outage": None}


def said(diagnosis: Mapping[str, Any]) -> str:
    """Return a diagnosis of a status in one line, as `judging.said` has it."""
    return "; ".join(map(_said, diagnosis.get("findings", ()))) or str(diagnosis["outcome"])


def _said(finding: Mapping[str, Any]) -> str:
    direction = finding["direction"]
    words = (finding["confidence"], *(() if direction == "Unknown" else (direction,)))
    return f"{finding['reason']} ({', '.join(words)})"


def names(finding: Mapping[str, Any]) -> frozenset[str]:
    """Return all that a finding of a status may be called."""
    return frozenset((finding["reason"], *finding.get("causes", ())))
