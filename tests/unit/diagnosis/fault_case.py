"""One fault of the catalogue as evidence, and what a diagnosis says of it."""

from dataclasses import dataclass, replace

from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis import Confidence, Evidence, Part
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.refusal import ErrorKind

from .worlds import ICMP, STAMP, Change, batch, healthy, refused, with_batches, without

PROVEN, ONLY, ONE_OF = Confidence.PROVEN, Confidence.ONLY_ONE_LEFT, Confidence.ONE_OF
THERE, BACK, ANY = Direction.FORWARD, Direction.REVERSE, Direction.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault, and what a diagnosis of it says."""

    name: str
    truth: Cause
    """What is at fault: must be among the causes of a finding."""
    evidence: Evidence
    reason: str
    """Of the gravest finding."""
    confidence: Confidence
    direction: Direction = ANY
    most: int = 1
    """Causes that may be left."""
    also: tuple[str, ...] = ()
    """Reasons of further findings."""


def case_of(
    name: str,
    truth: Cause,
    evidence: Evidence,
    confidence: Confidence,
    direction: Direction = ANY,
    *,
    reason: str = "",
    most: int = 1,
    also: tuple[str, ...] = (),
) -> Case:
    return Case(
        name=name,
        truth=truth,
        evidence=evidence,
        reason=reason or truth.value,
        confidence=confidence,
        direction=direction,
        most=most,
        also=also,
    )


def refused_everywhere(kind: ErrorKind, sender: str | None) -> Evidence:
    """An early end: three packets a method, all refused near here, and once more."""
    few = [batch(kind=each, sent=3, window=window) for each in (STAMP, ICMP) for window in (1, 2)]
    bare = replace(healthy(), batches=tuple(refused(each, kind, sender, 3) for each in few), hops=None)
    return without(bare, Part.PATH_MTU, Part.IKE)


def by_method(evidence: Evidence, kinds: tuple[str, ...], change: Change) -> Evidence:
    return with_batches(evidence, {Part.METHODS: lambda b: change(b) if b.type in kinds else b})
