"""A symptom: something that is not as it should be, and that one cause or another has to explain."""

from dataclasses import dataclass
from enum import StrEnum

from ..contract.diagnosis_terms import Direction


def joined(directions: list[Direction]) -> Direction:
    """Return what several directions are together."""
    known = {each for each in directions if each is not Direction.UNKNOWN}
    if not known:
        return Direction.UNKNOWN
    return known.pop() if len(known) == 1 else Direction.BOTH


class SymptomKind(StrEnum):
    """What is wrong, gravest first."""

    IN_CLEAR = "InClear"
    UNFIT = "Unfit"
    """The measurement itself was spoiled."""
    NAMELESS = "Nameless"
    SILENT = "Silent"
    """The target answers by no method."""
    NEAR_SILENT = "NearSilent"
    """Our own gateway does not answer either."""
    FAR_SILENT = "FarSilent"
    """The far gateway's inside address does not answer either."""
    GATEWAY_SILENT = "GatewaySilent"
    """Nor does its public address, outside of the tunnel."""
    PATHS_SILENT = "PathsSilent"
    """Nor do the check's other paths, to other hosts."""
    TARGET_SILENT_EVERYWHERE = "TargetSilentEverywhere"
    """Nor does the target by any other path."""
    METHOD_SILENT = "MethodSilent"
    """The target answers by some methods and not by others."""
    MISANSWERED = "Misanswered"
    SOURCE = "Source"
    FLOW_LOSS = "FlowLoss"
    CLASS_LOSS = "ClassLoss"
    LOSS = "Loss"
    RATE_LOSS = "RateLoss"
    FRAGMENTS = "Fragments"
    MTU_UNTOLD = "MTUUntold"
    """The path MTU is too small, and larger packets vanish without a word."""
    MTU_TOLD = "MTUTold"
    MTU_LOWER = "MTULower"
    """The path MTU is too small; not known whether it is told."""
    BULK = "Bulk"
    FIRST_LOST = "FirstLost"
    QUEUE = "Queue"
    SLOWER = "Slower"
    RECURRING = "Recurring"
    IKE_SILENT = "IKESilent"
    """The far IKE daemon does not answer as it did, while the traffic is well."""


GRAVITY = {kind: place for place, kind in enumerate(SymptomKind)}
WARNINGS = frozenset({SymptomKind.IKE_SILENT, SymptomKind.RECURRING, SymptomKind.SLOWER})
"""Worth a word, but the traffic passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One of them, with what was counted."""

    kind: SymptomKind
    direction: Direction = Direction.UNKNOWN
    lost: int = 0
    """Packets that a cause has to account for."""
    sent: int = 0
    text: str
    """With numbers n of m and a place."""
    certain: bool = True
    """False: too few packets to tell it from chance."""
