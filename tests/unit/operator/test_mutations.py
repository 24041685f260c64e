"""Whatever function of the operator raises: no status says Healthy=True while the tunnel is down.

Of one function that raises at each call this is shown for every function that is called at all. Of calls that
raise by chance it is shown for some runs, the same ones each time, of endlessly many. What one function does
in a run depends on its name and the seed alone, so an edit elsewhere changes nothing about it.
"""

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
LATE = 30.0
"""So much later at the worst, where so many calls fail that hardly any report comes through: even the least
that can be said has to be tried several times then."""
LATEST = 4000.0
"""By then all is well again. A fault that came and went is said for a while after it was seen last."""


class Wrong(AssertionError):
    """A status was untrue for too long."""


def watch(plan: Plan, *, begin: float, late: float = 0.0) -> World:
    """The tunnel is down from `begin` to `HEALED`; the plan, as it is, strikes for `LASTS`.

    Raises Wrong where the status is untrue for longer than `LONGEST` and `late`, or does not recover.
    """
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
        # What was raised and nobody asked for is found when the loop, its clock, has gone.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)

    with fakes(world):
        run(scenario())
    claimed = world.claimed_healthy(begin + LONGEST + late, HEALED)
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
        for name in functions()[part::4]:
            plan.always(name)
            raised = plan.raised
            try:
                watch(plan, begin=BEGIN + random.Random(name).uniform(0, 60))
            except Wrong as error:
                wrong[name] = str(error)
            assert plan.raised > raised, name
    judged(wrong=wrong)


@pytest.mark.parametrize(("chance", "late"), [(0.001, 0.0), (0.01, 0.0), (0.03, 0.0), (0.06, LATE)])
def test_any_call_that_raises_by_chance(chance: float, late: float) -> None:
    wrong, plan = dict[str, str](), Plan()
    with sabotaged(plan):
        for seed in range(30):
            plan.now_and_then(chance, seed=seed)
            try:
                watch(plan, begin=BEGIN + random.Random(seed).uniform(0, 60), late=late)
            except Wrong as error:
                wrong[f"seed {seed}"] = str(error)
    judged(wrong=wrong)
    assert plan.raised
