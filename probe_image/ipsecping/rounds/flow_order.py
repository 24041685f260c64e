"""In which order the flows of a probe send: another one each time.

Whoever limits rates on the way, or at the target, drops what comes last, or every so many packets. In a fixed
order that would be the packets of the same flows time and again, and look as if these were dead.
"""

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..contract.bounds import MAX_COUNT
from ..contract.planned_probe import FLOWS_APART_MS
from .round_machine import Place

_APART = FLOWS_APART_MS * 1_000_000
_CHANCE = random.Random()  # noqa: S311 - spreads packets, and keeps no secret


class FlowOrder(NamedTuple):
    """Who sends when. A turn is one packet of each flow; turns are `spacing` (nanoseconds) apart."""

    flows: int
    spacing: int
    seed: int

    def place(self, flow: int, *, turn: int = 0) -> tuple[int, Place]:
        """Of a flow that begins with this turn, how long after the turn's start; and its place."""
        place = Place(self._steps(flow, turn), slack=self._apart, most=MAX_COUNT // self.flows)
        return self._delay(flow, turn), place

    def _steps(self, flow: int, turn: int) -> Iterator[int]:
        while True:
            here, turn = self._delay(flow, turn), turn + 1
            yield self.spacing + self._delay(flow, turn) - here

    def _delay(self, flow: int, turn: int) -> int:
        return _places(self.flows, self.seed, turn)[flow] * self._apart

    @property
    def _apart(self) -> int:
        return min(self.spacing // self.flows, _APART)


def new_order(*, flows: int, spacing: int) -> FlowOrder:
    """An order by chance."""
    return FlowOrder(flows, spacing, _CHANCE.getrandbits(64))


def places_of_round(*, flows: int, spacing: int) -> Sequence[tuple[int, Place | None]]:
    """As `FlowOrder.place`, of each flow of a round. A single flow begins at once and has no place."""
    if flows == 1:
        return _ALONE
    order = new_order(flows=flows, spacing=spacing)
    return [order.place(flow) for flow in range(flows)]


_ALONE: Sequence[tuple[int, Place | None]] = ((0, None),)


@lru_cache(maxsize=256)  # asked for by one flow of the turn after the other
def _places(flows: int, seed: int, turn: int) -> list[int]:
    """Of each flow, which place it has in the turn."""
    return random.Random(seed + turn).sample(range(flows), flows)  # noqa: S311 - as above
