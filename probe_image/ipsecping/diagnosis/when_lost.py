"""When packets were lost: in one moment, in outages, or now and then. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .evidence import Batch

PACE = 10_000_000
"""Nanoseconds by which a packet may have left beside its time."""
OUTAGE = 500_000_000
"""Nanoseconds without any answer."""
LEAST = 5
"""Packets of an outage: of fewer that are lost at random all may be, now and then."""


class Sent(NamedTuple):
    """A packet."""

    at: int
    """Nanoseconds since the Unix epoch."""
    answered: bool


class Gap(NamedTuple):
    """Packets lost in a row, whatever method sent them."""

    time: int
    """Nanoseconds between the answered ones around it, or from its first packet to its last."""
    lost: int


def known(batches: Sequence[Batch]) -> bool:
    """Whether it is known of all that were lost which they were."""
    return all(batch.answers is not None or not batch.lost for batch in batches)


def in_one_moment(batches: Sequence[Batch]) -> bool:
    """Whether no packet was answered of those sent between the first and the last that were lost."""
    sent = _sent(batches) if known(batches) else []
    lost = [packet.at for packet in sent if not packet.answered]
    if not lost:
        return False
    start, end = min(lost) + PACE, max(lost) - PACE
    return not any(packet.answered and start < packet.at < end for packet in sent)


def lost_in_outages(batches: Sequence[Batch]) -> int:
    """Return how many packets were lost while nothing was answered for long."""
    return sum(gap.lost for gap in _gaps(batches) if gap.time >= OUTAGE and gap.lost >= LEAST)


def _gaps(batches: Sequence[Batch]) -> Iterator[Gap]:
    before, lost = None, list[int]()
    for packet in _sent(batches):
        if not packet.answered:
            lost.append(packet.at)
            continue
        if lost:
            yield Gap(packet.at - (lost[0] if before is None else before), len(lost))
        before, lost = packet.at, []
    if lost:
        yield Gap(lost[-1] - (lost[0] if before is None else before), len(lost))


def _sent(batches: Sequence[Batch]) -> list[Sent]:
    """All packets in the order of their times; those of a batch without losses need no list."""
    return sorted(
        Sent(batch.at + place * batch.spacing, answer == "1")
        for batch in batches
        for place, answer in enumerate(batch.answers or "1" * batch.sent)
    )
