"""A clock that somebody sets while a check is diagnosed, or waits for it, changes nothing about that."""

import asyncio

import pytest

from ipsecping_operator.collect.diagnosing import NotAnswered

from .builders import SECOND
from .diagnosed_world import FOUND, Agents, diagnosing, info, said, told
from .reports import SUMMARY, report
from .whole_operator import World

HOUR = 3600 * SECOND
STEPS = pytest.mark.parametrize("by", [HOUR, -HOUR, 40 * SECOND, -40 * SECOND])


@STEPS
def test_the_diagnosis_of_an_outage_in_which_the_clock_is_set_is_of_that_outage(by: int) -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        while not agents.under_way:
            await asyncio.sleep(1)
        world.set_clock(by)
        await asyncio.sleep(100)
        assert said(world)["outage"] == world.check["status"]["outages"][0]["start"]
        assert world.condition("Healthy")["message"].endswith(f"Z: {SUMMARY}")
        assert info(world, **FOUND) == 1
        await asyncio.sleep(2000)

    world = diagnosing(agents, script)
    assert len(agents.asked) == 1
    assert told(world) == ["Diagnosed"]


@STEPS
def test_what_waits_to_be_asked_again_is_the_same_outage_on_the_new_clock(by: int) -> None:
    agents = Agents(NotAnswered("cannot connect", again=60.0), report)

    async def script(world: World) -> None:
        world.down = True
        while not agents.asked:
            await asyncio.sleep(1)
        world.set_clock(by)
        await asyncio.sleep(200)
        assert said(world)["outcome"] == "Fault"
        assert said(world)["outage"] == world.check["status"]["outages"][0]["start"]
        assert info(world, **FOUND) == 1

    world = diagnosing(agents, script)
    assert told(world) == ["Diagnosed"]
    (first, _), (second, _) = agents.asked
    assert 60 <= second - first < 61


@STEPS
def test_the_delay_is_as_long_though_the_clock_is_set_in_it(by: int) -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(300)
        world.set_clock(by)
        await asyncio.sleep(1500)

    world = diagnosing(agents, script, spec={"delay": "10m"})
    ((begun, _),) = agents.asked
    fell = next(when for when, reason in world.events if reason in ("Down", "LossHigh"))
    assert 599 <= begun - fell <= 603


@STEPS
def test_the_cooldown_is_as_long_though_the_clock_is_set_in_it(by: int) -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(300)
        world.down = False
        await asyncio.sleep(300)
        world.down = True
        await asyncio.sleep(150)
        world.set_clock(by)
        await asyncio.sleep(2500)

    diagnosing(agents, script, spec={"cooldown": "30m"})
    first, second = (when for when, _ in agents.asked)
    assert 1800 <= second - first <= 1840
