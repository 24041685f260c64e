"""The shape of a round's loss, from its packets. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from ..contract import LossShape
from .packet import Packet

LEAST_PERIODS = 3
"""At least so many distances between lost packets, all the same but for one packet, are no accident."""
LEAST_PERIOD = 3
"""Packets. Of every second one lost, a burst that has ended is not told apart so well."""


def loss_shape(packets: Sequence[Packet], *, spacing: int) -> LossShape | None:
    """The figure of a round's packets, in order and `spacing` (nanoseconds) apart; None without loss."""
    longest: tuple[int, int] | None = None
    first: int | None = None
    lost: list[int] = []
    for place, packet in enumerate(packets):
        if packet.answered:
            first = None
            continue
        lost.append(place)
        if first is None:
            first = place
        behind = packets[place + 1].sent_at if place + 1 < len(packets) else packet.sent_at + spacing
        run = max(behind - packets[first].sent_at, 0), place + 1 - first
        longest = run if longest is None else max(longest, run)
    if longest is None:
        return None
    duration, count = longest
    return LossShape(packets=count, duration=duration, period=period_of(lost))


def period_of(places: Sequence[int]) -> int | None:
    """Every so many packets one is lost, given the places of the lost ones; None: not evenly."""
    gaps = [there - here for here, there in pairwise(places)]
    if len(gaps) < LEAST_PERIODS:
        return None
    # A limit of whole packets in a second is missed by one now and then.
    shortest, longest = min(gaps), max(gaps)
    return round(sum(gaps) / len(gaps)) if shortest >= LEAST_PERIOD and longest - shortest <= 1 else None
