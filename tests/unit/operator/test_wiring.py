"""How the running operator begins and ends."""

import asyncio
import logging
from unittest import mock

import pytest

from ipsecping_operator.app import wiring
from ipsecping_operator.kube.errors import ApiError, Forbidden

from .virtual_time import run
from .whole_operator import World, fakes, start


def test_a_client_that_was_opened_in_vain_is_closed_and_there_is_nothing_to_stop() -> None:
    world = World()

    async def scenario() -> None:
        refused = Forbidden("secrets is forbidden")
        with mock.patch.object(wiring, "load", side_effect=refused), pytest.raises(ApiError):
            await start(world)
        assert world.closed == 1
        assert world.operator is not None
        await world.operator.stop()
        await world.operator.close()
        assert world.closed == 1

    with fakes(world):
        run(scenario())


def test_an_operator_that_stops_ends_everything_and_says_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()

    async def scenario() -> None:
        operator = await start(world)
        await asyncio.sleep(70)
        logging.disable(logging.NOTSET)
        await operator.stop()
        await operator.close()
        assert world.closed == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert operator.base.health.problem(0) is None

    with caplog.at_level(logging.WARNING), fakes(world):
        run(scenario())
    assert [record.message for record in caplog.records] == []


def test_a_kopf_that_ends_without_a_clean_up_leaves_no_task_behind() -> None:
    world = World()

    async def scenario() -> None:
        operator = await start(world)
        await asyncio.sleep(70)
        await operator.close()
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not {name for name in names if name.startswith(("sweep", "watch"))}
        assert operator.base.health.problem(0) is None
        await operator.stop()

    with fakes(world):
        run(scenario())
