"""Whatever function of the operator raises: no status says Healthy=True while the tunnel is down."""

import asyncio
import random

import pytest

from .sabotage import Plan, sabotaged
from .virtual_time import run
from .whole_operator import INTERVAL, ROUND, World, fakes, loop_time, start

pytestmark = pytest.mark.one_python

BEGIN = 70.0
"""Of the sabotage; until then all is well, and the status says so."""
LASTS = 150.0
SLACK = 3.0
"""A round's results are judged a little later, a status is written a little later still."""
LONGEST = 2 * INTERVAL + ROUND + SLACK
"""After the outage began: as long as silence takes to become StaleResults."""
HEALED = 300.0
LATEST = 4000.0
"""By then all is well again. A fault that came and went is said for a while after it was seen last."""


class Wrong(AssertionError):
    """A status was untrue for too long."""


def watch(plan: Plan, *, begin: float) -> World:
    """The tunnel is down from `begin` to `HEALED`; the plan, as it is, strikes for `LASTS`."""
    world, strikes = World(), plan.fails
    plan.never()

    async def scenario() -> None:
        operator = await start(world)
        await asyncio.sleep(BEGIN)
        if world.healthy(BEGIN).get("status") != "True":
            raise Wrong("not healthy to begin with")
        plan.fails = strikes
        await asyncio.sleep(begin - BEGIN)
        world.down = True
        await asyncio.sleep(BEGIN + LASTS - begin)
        plan.never()
        await asyncio.sleep(HEALED - BEGIN - LASTS)
        world.down = False
        while world.healthy(loop_time()).get("status") != "True" and loop_time() < LATEST:
            await asyncio.sleep(60)
        await operator.stop()

    with fakes(world):
        run(scenario())
    claimed = world.claimed_healthy(begin + LONGEST, HEALED)
    if claimed:
        raise Wrong(f"Healthy=True at {claimed[0]:.1f} s, {claimed[0] - begin:.1f} s after the outage began")
    if world.healthy(LATEST).get("status") != "True":
        raise Wrong(f"does not recover: {world.healthy(LATEST)}")
    return world


def functions() -> list[str]:
    """Those that are called while a plan strikes: all is well at first, then an outage begins and is told."""
    plan = Plan()
    plan.note()
    with sabotaged(plan):
        watch(plan, begin=BEGIN + 20)
    return sorted(plan.called)


def judged(*, wrong: dict[str, str]) -> None:
    __tracebackhide__ = True
    if wrong:
        listed = "\n".join(f"{each}: {why}" for each, why in list(wrong.items())[:20])
        pytest.fail(f"{len(wrong)} runs went wrong:\n{listed}")


@pytest.mark.parametrize("part", range(4))
@pytest.mark.long
def test_any_function_that_raises_each_time(part: int) -> None:
    wrong, plan = dict[str, str](), Plan()
    with sabotaged(plan):
        for number, name in enumerate(functions()[part::4]):
            plan.always(name, seed=number)
            raised = plan.raised
            try:
                watch(plan, begin=BEGIN + 1 + 7 * (number % 8))
            except Wrong as error:
                wrong[name] = str(error)
            assert plan.raised > raised, name
    judged(wrong=wrong)


@pytest.mark.parametrize("chance", [0.001, 0.01, 0.03, 0.06])
def test_any_call_that_raises_by_chance(chance: float) -> None:
    wrong, plan = dict[str, str](), Plan()
    with sabotaged(plan):
        for seed in range(30):
            plan.now_and_then(chance, seed=seed)
            try:
                watch(plan, begin=BEGIN + random.Random(seed).uniform(0, 60))
            except Wrong as error:
                wrong[f"seed {seed}"] = str(error)
    judged(wrong=wrong)
    assert plan.raised
