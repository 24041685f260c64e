"""A path that breaks while it is measured: what is left of the evidence is what was seen since then. Pure."""

from dataclasses import replace
from types import MappingProxyType

from . import statistics
from .evidence import Evidence, Part
from .tally import part_of, tally

CERTAIN = 0.01
"""Chance below which both looks are not at the same path."""
FEW = 0.05
"""Of so few answers in the first look the path was as good as silent then."""
_KEPT = frozenset({
    Part.METHODS, Part.FAR_INSIDE, Part.NEAR_INSIDE, Part.GATEWAY, Part.NEIGHBOUR, Part.ELSEWHERE,
})  # fmt: skip
_WHY = "the path broke during the measurement"


def since_it_broke(evidence: Evidence) -> Evidence:
    """Return the evidence without all that was measured before the target fell silent; else the same."""
    if not broke(evidence):
        return evidence
    kept = tuple(batch for batch in evidence.batches if batch.window == 2 and batch.part in _KEPT)
    left = replace(evidence, batches=kept, hops=None, path_mtu=None, refused_before=None)
    absent = {part: _WHY for part in Part if evidence.has(part) and not left.has(part)}
    return replace(left, not_tested=MappingProxyType({**evidence.not_tested, **absent}))


def broke(evidence: Evidence) -> bool:
    """Whether the target answered at first, and in the second look by no method any more."""
    first, second = (part_of(evidence, Part.METHODS, window) for window in (1, 2))
    before, after = tally(first), tally(second)
    if {batch.type for batch in first} - {batch.type for batch in second}:
        return False
    if not before.answered or not after.dead or before.misanswered:
        return False
    chance = statistics.fisher(before.lost, before.sent, after.lost, after.sent)
    return chance < CERTAIN or before.answered < FEW * before.sent
