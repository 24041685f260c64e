"""An agent that sends more than its plan makes: the status says so for as long as that lasts."""

import asyncio

from ipsecping_operator.collect.throttle import BURST, CALM_SECONDS
from ipsecping_operator.kube.kinds import POD

from .whole_operator import INTERVAL, World, happens

STATUS_INTERVAL = 60
"""Seconds after which a status is written of which only words or figures have changed."""
SAID = "; pod hq sends more results than its plan makes, so they are read slowly"


def test_a_flood_is_told_of_beside_what_is_measured_and_no_more_once_it_is_over() -> None:
    async def script(world: World) -> None:
        healthy = world.condition("Healthy")["message"]
        assert SAID not in healthy
        world.line = BURST + 3_000  # a few seconds' worth of waiting
        await asyncio.sleep(INTERVAL)
        world.line = 512
        await asyncio.sleep(STATUS_INTERVAL)
        said = world.condition("Healthy")
        assert (said["status"], said["reason"]) == ("True", "WithinThresholds"), "the tunnel is not to blame"
        assert said["message"].endswith(SAID)
        assert world.metric("ipsecping_operator_agent_streams_held_back_seconds_total")
        await asyncio.sleep(CALM_SECONDS + 2 * STATUS_INTERVAL)
        assert SAID not in world.condition("Healthy")["message"]

    happens(script)


def test_where_a_flood_keeps_results_away_the_message_says_why() -> None:
    async def script(world: World) -> None:
        world.line = BURST + 10_000_000
        await asyncio.sleep(10 * INTERVAL)
        said = world.condition("Healthy")
        assert said["reason"] == "StaleResults"
        assert said["message"].endswith(SAID)

    happens(script)


def test_an_agent_that_has_gone_is_told_of_no_more() -> None:
    async def script(world: World) -> None:
        world.line = BURST + 10_000_000
        await asyncio.sleep(INTERVAL + STATUS_INTERVAL)
        assert world.operator is not None
        assert world.condition("Healthy")["message"].endswith(SAID)
        pod = world.objects.pop("Pod-uid")
        gone = {**pod, "metadata": {**pod["metadata"], "resourceVersion": "900"}}
        world.operator.see(POD, "DELETED", gone)
        await asyncio.sleep(10 * INTERVAL)
        said = world.condition("Healthy")
        assert said["reason"] == "StaleResults"
        assert SAID not in said["message"]

    happens(script)
