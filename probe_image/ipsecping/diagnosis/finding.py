"""What a diagnosis says: findings, with their confidence in words, and what could not be judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..contract.diagnosis_terms import Confidence, Direction, Outcome
from .cause import Cause, Step
from .evidence import Part
from .suspects import Suspect, suspects_of
from .symptom import Symptom


class Umbrella(StrEnum):
    """The reason of a finding with several causes that cannot be told apart: what they have in common."""

    NEAR_SIDE_SILENT = "NearSideSilent"
    """Our own gateway does not answer either."""
    TUNNEL_SILENT = "TunnelSilent"
    TARGET_SILENT = "TargetSilent"
    """The tunnel carries packets, the target is silent."""
    METHOD_SILENT = "MethodSilent"
    PACKETS_LOST = "PacketsLost"
    RATE_DEPENDENT_LOSS = "RateDependentLoss"
    FIRST_PACKETS_LOST = "FirstPacketsLost"
    PATH_MTU_LOW = "PathMTULow"
    LATENCY_HIGH = "LatencyHigh"
    RECURRING_OUTAGES = "RecurringOutages"
    UNEXPLAINED = "Unexplained"
    """No cause of the dictionary explains it, or too little was measured."""


SILENCE = frozenset({Umbrella.NEAR_SIDE_SILENT, Umbrella.TUNNEL_SILENT, Umbrella.TARGET_SILENT})
"""Those of a target that answers nothing at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledOut:
    """Causes that one fact rules out."""

    causes: tuple[Cause, ...]
    why: str


NAMED = 3
"""More suspects than these are told by their region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, or a set of which one is at fault."""

    reason: Cause | Umbrella
    causes: tuple[Cause, ...]
    """One; or those that cannot be told apart."""
    confidence: Confidence
    direction: Direction
    warning: bool
    """The traffic passes nevertheless."""
    confirmed: bool
    """It was seen twice, at least 5 s apart, or needs no second look."""
    layer: str
    title: str
    meaning: str | None
    """Of one cause."""
    symptoms: tuple[Symptom, ...]
    encapsulates: bool | None
    """Whether our gateway has an SA to send with; None: not known."""
    proof: str | None
    """What proves it, with numbers."""
    ruled_out: tuple[RuledOut, ...]
    lost: int
    """Packets to the target that it accounts for."""
    step: Step

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """The causes, those that only a look at a gateway tells apart as one."""
        return suspects_of(self.causes, silence=self.reason in SILENCE, encapsulates=self.encapsulates)

    @property
    def named(self) -> bool:
        """Whether there are several causes, and so few suspects that each is named."""
        return len(self.causes) > 1 and len(self.suspects) <= NAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The whole of it."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    """Gravest first."""
    notes: tuple[str, ...]
    """What is worth a word and is no fault, and what could not be judged."""
    not_tested: Mapping[Part, str]
    """Every part that is absent, with why."""
    sent: int
    """Packets to the target in all."""
    lost: int
    explained: int
    """Of `lost`, those that findings account for."""
