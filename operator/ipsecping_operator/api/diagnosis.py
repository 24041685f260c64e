"""When a diagnosis runs by itself, and what the status says of the newest one."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ipsecping.contract.diagnosis_report import MAX_CAUSES, MAX_FINDINGS, MAX_LAYER, MAX_MESSAGE
from ipsecping.contract.diagnosis_terms import Confidence, Direction

from .rules import Model, matching
from .scalars import MAX_OBJECT_NAME, Text, Time, duration

Line: TypeAlias = Annotated[str, Field(max_length=MAX_MESSAGE)]
Name: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=41),
    matching("^[A-Z][A-Za-z]*$", "must be a word in CamelCase"),
]
"""Of a cause, or of what several causes have in common."""


class Diagnosis(Model):
    """The automatic diagnosis when the check turns unhealthy, which says which layer is broken."""

    enabled: bool | None = None
    """Whether it runs automatically. The annotation ipsecping.dev/diagnose starts one in any case.
    Default: true."""
    delay: duration("0s", "24h", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """How long Healthy must have been False before it runs, 0s to 24h; shorter outages are not diagnosed.
    Default: 0s."""
    cooldown: duration("1m", "24h", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """Least time from one diagnosis to the next automatic one, 1m to 24h. Default: 10m."""


class DiagnosisFinding(Model):
    """One fault, or several causes of which one is at fault."""

    reason: Name
    """The cause, or what several causes have in common; docs/diagnosis.md explains each."""
    causes: Annotated[
        tuple[Name, ...] | None,
        Field(max_length=MAX_CAUSES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The causes that are left; those that can be told apart only on a gateway have one name. Absent if there
    are more than three, or if none is known."""
    layer: Annotated[str, Field(max_length=MAX_LAYER)]
    """The layer, or the region on the way from the probe pod to the target."""
    direction: Literal[tuple(Direction)]  # type: ignore[valid-type]
    """The affected direction, as seen from the probe pod: Forward is towards the target."""
    confidence: Literal[tuple(Confidence)]  # type: ignore[valid-type]
    """How certain it is: Proven; OnlyOneLeft: all other causes were ruled out; OneOf: the causes cannot be
    told apart from here; Undetermined."""
    warning: bool | None = None
    """True: traffic passes in spite of it."""
    message: Line
    """What is at fault, with what was counted."""
    next_step: Line
    """What to do next: the machine, the command, and what to look for."""


class DiagnosisStatus(Model):
    """Result of the newest diagnosis, until the next one."""

    outcome: Literal["Fault", "NoFault", "NotReproduced", "NotMeasured", "NotRun"]
    """Fault: see findings. NoFault: nothing is wrong with what was tested. NotReproduced: the fault was gone
    when it was measured. NotMeasured: the measurement itself failed. NotRun: no diagnosis was made."""
    trigger: Literal["Outage", "Annotation"]
    """What started it: an outage, or the annotation."""
    time: Time
    """When the result was known."""
    path: Text | None = None
    """The path that was diagnosed: the worst of those that fail."""
    pod: Annotated[str | None, Field(max_length=MAX_OBJECT_NAME)] = None
    """The pod in which it ran; its log has the evidence."""
    summary: Line
    """The most serious finding in one line, with the next step; or why there is none."""
    findings: Annotated[
        tuple[DiagnosisFinding, ...] | None,
        Field(max_length=MAX_FINDINGS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The most serious first, at most 4."""
    evidence_digest: Annotated[str | None, Field(max_length=16)] = None
    """Identifies the evidence in the pod's log, which `ipsecping diagnose --from` can judge again."""
    outage: Time | None = None
    """Start of the outage in which it ran; absent if there was none."""
    request: Annotated[str | None, Field(max_length=64)] = None
    """The newest value of the annotation ipsecping.dev/diagnose that was carried out, at most its first 64
    characters; a later diagnosis of an outage keeps it."""
