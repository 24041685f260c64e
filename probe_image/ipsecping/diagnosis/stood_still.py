"""Moments at which our own gateway was late or silent as well: what was lost then says nothing of the tunnel.

A guest or host that stands still for a while loses or delays all that is under way at once. All packets sent
at such a moment are left out, answered or not, so that those that are left are a fair sample. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from .evidence import Batch, Evidence, Part
from .tally import part_of

LEAST = 3
"""Packets in a row to our own gateway, lost or late, that make a moment: two may be chance."""
MOST = 2
"""Such moments of one batch. What happens more often is no accident, but a fault on our side."""
LONGEST = 500_000_000
"""Nanoseconds of each: what lasts longer is an outage."""


class Moment(NamedTuple):
    """When all stood still: from and to, nanoseconds since the Unix epoch."""

    start: int
    end: int


def moments(evidence: Evidence) -> tuple[Moment, ...]:
    """Return when packets to our own gateway in a row were lost or late, among others that were neither."""
    return tuple(moment for batch in part_of(evidence, Part.NEAR_INSIDE) for moment in _of(batch))


def without_moments(evidence: Evidence) -> Evidence:
    """Return the evidence without packets that were sent at such moments; without any, the same."""
    found = moments(evidence)
    if not found:
        return evidence
    return replace(evidence, batches=tuple(_without(batch, found) for batch in evidence.batches))


def lost_meanwhile(evidence: Evidence) -> int:
    """Return how many packets to the target were lost at such moments, whatever they were sent for."""
    before, left = (
        sum(batch.lost for batch in each.batches if batch.address == evidence.address)
        for each in (evidence, without_moments(evidence))
    )
    return before - left


def _of(batch: Batch) -> Iterator[Moment]:
    if batch.answers is None:
        return
    late = batch.late or "0" * len(batch.answers)
    pairs = zip(batch.answers, late, strict=True)
    bad = "".join("1" if hit == "0" or slow == "1" else "0" for hit, slow in pairs)
    runs = [run.span() for run in re.finditer(f"1{{{LEAST},}}", bad)]
    took = [end - start for start, end in runs]
    if len(runs) > MOST or 2 * sum(took) > len(bad) or max(took, default=0) * batch.spacing > LONGEST:
        return
    for start, end in runs:
        # What stands still does so between two packets of which one is well.
        yield Moment(batch.at + (start - 1) * batch.spacing, batch.at + end * batch.spacing)


def _without(batch: Batch, found: tuple[Moment, ...]) -> Batch:
    """A batch without any answer is more than such a moment."""
    if batch.answers is None or not batch.answered:
        return batch
    kept = [
        place
        for place in range(len(batch.answers))
        if not any(each.start < batch.at + place * batch.spacing < each.end for each in found)
    ]
    answers = "".join(batch.answers[place] for place in kept)
    if len(answers) == batch.sent or "1" not in answers:
        return batch
    left = replace(
        batch,
        sent=len(answers),
        answered=answers.count("1"),
        answers=answers,
        late=None if batch.late is None else "".join(batch.late[place] for place in kept),
    )
    if left.lost == batch.lost:
        return left
    # Which way the others were lost, its counts do not tell any more.
    known = 0 if batch.forward_lost is not None and not left.lost else None
    return replace(left, forward_lost=known, reverse_lost=known)
