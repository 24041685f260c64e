"""When a diagnosis runs by itself, and what the status says of the newest one."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ipsecping.contract.diagnosis_report import MAX_CAUSES, MAX_FINDINGS, MAX_LAYER, MAX_MESSAGE
from ipsecping.contract.diagnosis_terms import Confidence, Direction

from .rules import Model, matching
from .scalars import Text, Time, duration

Line: TypeAlias = Annotated[str, Field(max_length=MAX_MESSAGE)]
Name: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=41),
    matching("^[A-Z][A-Za-z]*$", "must be a word in CamelCase"),
]
"""Of a cause, or of what several causes have in common."""


class Diagnosis(Model):
    """The diagnosis that runs by itself when the check turns unhealthy, and says which layer is broken."""

    enabled: bool | None = None
    """Whether it runs by itself. The annotation ipsecping.dev/diagnose asks for one either way.
    Default: true."""
    delay: duration("0s", "24h", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """How long Healthy=False must have lasted before it runs, 0s to 24h: shorter outages get none.
    Default: 0s."""
    cooldown: duration("1m", "24h", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """Time from one diagnosis to the next that runs by itself, at least, 1m to 24h. Default: 10m."""


class DiagnosisFinding(Model):
    """One fault, or several causes of which one is at fault."""

    reason: Name
    """The cause, or what several causes have in common; docs/diagnosis.md has what each means."""
    causes: Annotated[
        tuple[Name, ...] | None,
        Field(max_length=MAX_CAUSES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The causes that are left, those that only a look at a gateway can tell apart under one name; absent
    where there are more than three, or none that is known."""
    layer: Annotated[str, Field(max_length=MAX_LAYER)]
    """The layer, or the region on the way from the probe pod to the target."""
    direction: Literal[tuple(Direction)]  # type: ignore[valid-type]
    """Which way is affected, as the probe pod sees it: Forward is to the target."""
    confidence: Literal[tuple(Confidence)]  # type: ignore[valid-type]
    """How sure it is: Proven; OnlyOneLeft, all other causes were ruled out; OneOf, the causes cannot be told
    apart from here; Undetermined."""
    warning: bool | None = None
    """True: the traffic passes nevertheless."""
    message: Line
    """What is at fault, with what was counted."""
    next_step: Line
    """What to do next: the machine, the command, and what to look for."""


class DiagnosisStatus(Model):
    """What the newest diagnosis has come to; it stays until the next one."""

    outcome: Literal["Fault", "NoFault", "NotReproduced", "NotMeasured", "NotRun"]
    """Fault: see findings. NoFault: nothing is wrong with what was tested. NotReproduced: what was wrong did
    not last until it was measured. NotMeasured: the measurement itself failed. NotRun: there was none."""
    trigger: Literal["Outage", "Annotation"]
    """What it ran for."""
    time: Time
    """When that was known."""
    path: Text | None = None
    """The path that was diagnosed: of those that fail the gravest."""
    pod: Annotated[str | None, Field(max_length=253)] = None
    """The pod that it ran in; its log has the evidence."""
    summary: Line
    """The gravest finding in one line, with the next step; or why there is none."""
    findings: Annotated[
        tuple[DiagnosisFinding, ...] | None,
        Field(max_length=MAX_FINDINGS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The gravest first, at most 4."""
    evidence_digest: Annotated[str | None, Field(max_length=16)] = None
    """Names the evidence in the pod's log, which `ipsecping diagnose --from` judges anew."""
    outage: Time | None = None
    """Start of the outage in which it ran; absent where there was none."""
    request: Annotated[str | None, Field(max_length=64)] = None
    """The newest value of the annotation ipsecping.dev/diagnose that was carried out, at most its first 64
    characters; a later diagnosis of an outage keeps it."""
