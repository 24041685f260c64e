"""What follows from results that count and from those that do not, in a whole operator."""

import asyncio
from dataclasses import replace

import pytest

from ipsecping_operator.check.unreadable import Unreadable
from ipsecping_operator.children import NONCE_ANNOTATION

from .whole_operator import INTERVAL, World, happens


def accepted(world: World) -> float:
    return world.metric("ipsecping_operator_results_total", outcome="Accepted") or 0


def test_a_result_that_counts_is_in_the_status_within_a_second_of_a_transition() -> None:
    async def script(world: World) -> None:
        before = accepted(world)
        world.down = True
        await asyncio.sleep(23)  # the round that ends at 92 s
        assert accepted(world) == before + 1
        assert world.condition("Healthy")["status"] == "False"

    happens(script)


def test_an_agent_with_another_plan_has_its_pod_told_of_the_present_one() -> None:
    async def script(world: World) -> None:
        before = accepted(world)
        assert world.annotated == []
        assert world.plan is not None
        present = world.plan
        world.plan = replace(present, interval_ms=1000 * INTERVAL + 1)
        await asyncio.sleep(INTERVAL)
        assert accepted(world) == before
        assert world.metric("ipsecping_operator_results_total", outcome="OtherPlan") == 1
        (annotations,) = world.annotated
        assert annotations[NONCE_ANNOTATION] == present.nonce

    happens(script)


@pytest.mark.parametrize("unauthorized", [True, False])
def test_an_agent_that_does_not_know_the_token_has_its_pod_told_of_the_present_plan(
    unauthorized: bool,
) -> None:
    async def script(world: World) -> None:
        world.unreadable = Unreadable(pod="hq", text="it answers 401", unauthorized=unauthorized)
        await asyncio.sleep(INTERVAL)
        assert bool(world.annotated) is unauthorized
        await asyncio.sleep(4 * INTERVAL)
        said = world.condition("Healthy")
        assert said["reason"] == "StaleResults"
        assert said["message"].endswith("; pod hq cannot be read: it answers 401")

    happens(script)
