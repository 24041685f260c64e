"""Packets that the target refuses at times: its program stops, or is started anew, meanwhile. Pure.

They have arrived, and what refuses them came back: the path has lost none of them, at whatever rate or size
they were sent. So they count as answered, and what they show of the program is told by itself.
"""

import re
from dataclasses import replace

from ..contract import ProbeType
from .evidence import Batch, Evidence, Part
from .refusal import ErrorKind
from .tally import part_of

_KINDS = (ErrorKind.PORT_UNREACHABLE, ErrorKind.RESET)


def with_refused_as_arrived(evidence: Evidence) -> Evidence:
    """Return the evidence in which what the target refused at times has arrived; without any, the same."""
    alive = {batch.type for batch in part_of(evidence, Part.METHODS) if batch.answered}
    refused = [each.type in alive and _refused(evidence, each) > 0 for each in evidence.batches]
    if not any(refused):
        return evidence
    batches = zip(evidence.batches, refused, strict=True)
    return replace(evidence, batches=tuple(_arrived(evidence, each) if of else each for each, of in batches))


def refused_at_times(evidence: Evidence) -> dict[ProbeType, tuple[int, int]]:
    """Return the methods by which the target answers some packets and refuses others: refused, sent."""
    found = dict[ProbeType, tuple[int, int]]()
    for kind in dict.fromkeys(batch.type for batch in part_of(evidence, Part.METHODS)):
        of = [each for each in part_of(evidence, Part.METHODS) if each.type is kind]
        refused = sum(_refused(evidence, each) for each in of)
        if refused and any(each.answered for each in of):
            found[kind] = refused, sum(each.sent for each in of)
    return found


def _refused(evidence: Evidence, batch: Batch) -> int:
    if evidence.address is None or batch.address != evidence.address:
        return 0
    told = (each for each in batch.errors if each.kind in _KINDS and each.sender == evidence.address)
    return min(sum(each.count for each in told), batch.sent)


def _arrived(evidence: Evidence, batch: Batch) -> Batch:
    count = min(_refused(evidence, batch), batch.lost)
    if not count:
        return batch
    answers = None if batch.answers is None else _filled(batch.answers, count)
    # Which of those that are left were lost on which way, its counts do not tell any more.
    return replace(
        batch, answered=batch.answered + count, answers=answers, forward_lost=None, reverse_lost=None
    )


def _filled(answers: str, count: int) -> str:
    """Mark so many packets as answered: those of the longest gaps, for a program is away for a while."""
    gaps = sorted(re.finditer("0+", answers), key=lambda gap: gap.start() - gap.end())
    marked = list(answers)
    for place in [place for gap in gaps for place in range(*gap.span())][:count]:
        marked[place] = "1"
    return "".join(marked)
