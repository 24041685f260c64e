"""An operator that is replaced while a check loses packets: is it the beginning of an outage, or loss?"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ipsecping_operator.compile.compiled import Interval
from ipsecping_operator.notify.told import SETTLE

from ..operator.assessments import seen, take
from ..operator.builders import NOON, SECOND, check, plan, result
from .told_world import World, happens, loop_time

EVERY = 300
"""Seconds between two rounds."""
SLOW = check(plan(interval_ms=EVERY * 1000), schedule=Interval(interval_ms=EVERY * 1000), window_s=3600)


def told(
    folder: Path, answered: Sequence[int], *, of_the_first: int, reads_again: bool = True
) -> list[World]:
    """What two operators tell: the first one ends a minute after so many rounds, the other goes on.

    `answered` are packets of ten, round by round; what was measured before is read again a second after the
    other begins, or never.
    """
    statuses: list[Mapping[str, Any]] = []
    plans = SLOW.paths[0].plan
    rounds = [
        result(of=plans, at=NOON + number * EVERY * SECOND, received=received)
        for number, received in enumerate(answered)
    ]

    async def until(seconds: float) -> None:
        await asyncio.sleep(max(seconds - loop_time(), 0))

    async def first(world: World) -> None:
        state = seen(of=SLOW)
        for number, each in enumerate(rounds[:of_the_first]):
            await until(number * EVERY + 3)
            take(state, each)
            statuses.append(world.report(state))
        await until((of_the_first - 1) * EVERY + 60)

    async def other(world: World) -> None:
        begins = (of_the_first - 1) * EVERY + 70
        await until(begins)
        state = seen(of=SLOW, status=dict(statuses[-1]), now=NOON + begins * SECOND)
        world.report(state)
        await until(begins + 1)
        if reads_again:
            take(state, *rounds[:of_the_first])
        world.report(state)
        for number, each in enumerate(rounds[of_the_first:], of_the_first):
            await until(number * EVERY + 3)
            take(state, each)
            world.report(state)
        await until(len(rounds) * EVERY)

    return [happens(World(folder), first), happens(World(folder), other)]


@pytest.mark.parametrize("of_the_first", [3, 4])
@pytest.mark.parametrize("first_lost", [0, 4], ids=["a whole round is lost", "it begins amid a round"])
def test_the_beginning_of_an_outage_is_told_as_down_alone(
    tmp_path: Path, of_the_first: int, first_lost: int
) -> None:
    _, other = told(tmp_path, [10, 10, first_lost, 0, 0, 0, 0], of_the_first=of_the_first)
    assert {name for _, name, over in other.alerts() if not over} == {"TunnelDown"}


def test_loss_that_was_told_goes_on_at_once(tmp_path: Path) -> None:
    first, other = told(tmp_path, [10, 5, 6, 5, 6, 5], of_the_first=4)
    assert {name for _, name, _ in first.alerts()} == {"LossHigh"}
    begins = 3 * EVERY + 70
    assert other.alerts()[0] == (begins + SETTLE, "LossHigh", False)
    assert not any(over for _, _, over in other.alerts())


def test_loss_is_told_of_a_check_of_which_nothing_can_be_read_again(tmp_path: Path) -> None:
    _, other = told(tmp_path, [10, 0, 5, 5, 5, 5], of_the_first=2, reads_again=False)
    assert {name for _, name, _ in other.alerts()} == {"LossHigh"}
    assert other.alerts()[0][0] > EVERY + 70 + SETTLE
