"""A check that somebody edits while it is diagnosed."""

import asyncio
from typing import Any

from ipsecping_operator.observe.kinds import CHECK

from .diagnosed_world import Agents, diagnosing, said, told
from .reports import report
from .whole_operator import World


def edit(world: World, **spec: Any) -> None:
    """Somebody changes the spec."""
    meta = world.check["metadata"] | {"generation": world.check["metadata"]["generation"] + 1}
    world.check = {
        **world.check,
        "metadata": meta | world._stamp(meta["uid"]),
        "spec": world.check["spec"] | spec,
    }
    world._show(CHECK, "MODIFIED", world.check)


def test_what_is_edited_meanwhile_is_diagnosed_as_it_is_now() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        while not agents.under_way:
            await asyncio.sleep(1)
        edit(world, target="203.0.113.99")
        await asyncio.sleep(100)
        assert said(world)["outcome"] == "Fault"

    world = diagnosing(agents, script)
    (_, before), (_, after) = agents.asked
    assert world.plan is not None
    assert before.nonce != after.nonce == world.plan.nonce
    assert told(world) == ["Diagnosed"]


def test_an_edit_in_the_outage_ends_what_was_said_of_it_and_has_it_diagnosed_again() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(200)
        assert "; diagnosed at " in world.condition("Healthy")["message"]
        edit(world, thresholds={"window": "2m"})
        await asyncio.sleep(60)
        assert "; diagnosed at " in world.condition("Healthy")["message"], "the same is measured"
        edit(world, target="203.0.113.99")
        await asyncio.sleep(60)
        assert "; diagnosed at " not in world.condition("Healthy")["message"]
        assert "outage" not in said(world)
        assert told(world) == ["Diagnosed"]
        await asyncio.sleep(600)
        assert "; diagnosed at " in world.condition("Healthy")["message"]

    world = diagnosing(agents, script)
    assert len(agents.asked) == 2
    assert told(world) == ["Diagnosed"] * 2
