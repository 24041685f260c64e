"""What the webhook is told of what an operator before has written, or may have told."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ipsecping_operator.notify.post import NotTaken

from ..operator.assessments import at, seen, take
from ..operator.builders import NOON, SECOND
from .told_world import World, happens, rounds


def test_an_event_that_the_operator_before_may_have_told_has_the_same_id_and_the_next_one_another(
    tmp_path: Path,
) -> None:
    found = list[Mapping[str, Any]]()

    async def goes_down(world: World) -> None:
        state = seen()
        found.append(await rounds(world, state, 1))
        found.append(await rounds(world, state, 3, down=True))

    first = happens(World(tmp_path), goes_down)
    (healthy, loss, down) = [each for _, each, _ in first.hook.came]
    assert [each["data"]["healthy"]["reason"] for each in (healthy, loss, down)] == [
        "WithinThresholds",
        "LossHigh",
        "Down",
    ]
    assert down["specversion"] == "1.0"
    assert (down["subject"], down["source"]) == ("network/hq", "ipsecping-operator")
    assert down["type"] == "dev.ipsecping.check.unhealthy"
    assert down["data"]["outage"]["reason"] == "Down"
    assert down["data"]["healthy"]["status"] == "False"
    assert down["data"]["paths"] == [{"name": "default", "state": "Unhealthy", "reason": "Down"}]

    # Killed with that in the status: the event is sent, but the status does not say so yet.
    written = found[-1]
    assert written["notified"] == {"id": loss["id"], "status": "False", "reason": "LossHigh"}

    async def next_one(world: World) -> None:
        await asyncio.sleep(130)
        state = seen(status=dict(written), now=NOON + 130 * SECOND)
        world.report(state)
        await asyncio.sleep(1)
        assert world.remembered == [state.uid]
        status = world.report(state)
        assert status["notified"]["id"] == down["id"]
        take(state, *(at(130 + n * 3) for n in range(3)))
        await asyncio.sleep(20)
        world.report(state)
        await asyncio.sleep(1)

    again, *rest = [each for _, each, _ in happens(World(tmp_path), next_one).hook.came]
    assert again["id"] == down["id"]
    assert again["data"]["healthy"] == down["data"]["healthy"]
    assert again["data"]["previous"] == {"status": "False", "reason": "LossHigh"}
    assert rest
    assert down["id"] not in {each["id"] for each in rest}


@pytest.mark.parametrize("lost", [False, True])
def test_what_stands_in_the_status_and_was_not_told_is_told_by_the_next_operator(
    tmp_path: Path, lost: bool
) -> None:
    """The Lease is lost, or the pod killed, while the webhook is away."""
    found = list[Mapping[str, Any]]()
    diagnosed = {"outcome": "Fault", "trigger": "Outage", "time": "2026-11-23T12:02:00Z", "summary": "no SA"}

    async def goes_down(world: World) -> None:
        state = seen()
        await rounds(world, state, 1)
        world.hook.away = NotTaken("no connection") if lost else None
        await rounds(world, state, 3, down=True)
        found.append({**world.report(state), **({"diagnosis": diagnosed} if lost else {})})

    happens(World(tmp_path), goes_down)

    async def next_one(world: World) -> None:
        state = seen(status=dict(found[0]), now=NOON + 130 * SECOND)
        for _ in range(3):
            world.report(state)
            await asyncio.sleep(1)
        found.append(world.report(state))

    second = happens(World(tmp_path), next_one)
    told = [
        (event["type"].rpartition(".")[2], event["data"]["healthy"]["reason"])
        for _, event, _ in second.hook.came
    ]
    assert told == ([("unhealthy", "Down"), ("diagnosed", "Down")] if lost else [])
    third = World(tmp_path)
    happens(third, next_one)
    assert (found[-1]["notified"]["status"], found[-1]["notified"]["reason"]) == ("False", "Down")

    async def another(world: World) -> None:
        world.report(seen(status=dict(found[-1]), now=NOON + 140 * SECOND))
        await asyncio.sleep(1)

    assert happens(World(tmp_path), another).events() == [], "each is told once"


@pytest.mark.parametrize("edited", [None, {}, {"id": 1, "status": "Maybe"}, "x", ["x"]])
def test_a_webhook_that_is_new_or_a_status_that_was_edited_tells_nothing_of_the_past(
    tmp_path: Path, edited: object
) -> None:
    found = list[Mapping[str, Any]]()

    async def goes_down(world: World) -> None:
        found.append(await rounds(world, seen(), 4, down=True))

    happens(World(tmp_path), goes_down)

    async def next_one(world: World) -> None:
        state = seen(status={**found[0], "notified": edited}, now=NOON + 130 * SECOND)
        world.report(state)
        await asyncio.sleep(1)
        assert world.report(state)["notified"]["reason"] == "Down"

    assert happens(World(tmp_path), next_one).events() == []


def test_what_is_new_bears_no_id_of_the_past_though_the_status_was_set_back(tmp_path: Path) -> None:
    """A receiver drops what bears a known ID: what happens again would be dropped with it."""
    statuses = list[Mapping[str, Any]]()

    async def comes_and_goes(world: World) -> None:
        state = seen()
        for received in (10, 0, 0, 0, *[10] * 12):
            statuses.append(await rounds(world, state, 1, down=not received))

    first = happens(World(tmp_path), comes_and_goes)
    known = {each["id"] for _, each, _ in first.hook.came}
    early, late = statuses[1]["notified"], statuses[-1]
    assert early["reason"] == late["notified"]["reason"] == "WithinThresholds"

    async def next_one(world: World) -> None:
        await asyncio.sleep(480)
        state = seen(status={**late, "notified": early}, now=NOON + 480 * SECOND)
        for received in (10, 0, 0, 0):
            await rounds(world, state, 1, down=not received)

    second = happens(World(tmp_path), next_one)
    assert second.events() == [("unhealthy", "LossHigh"), ("unhealthy", "Down")]
    assert known.isdisjoint(each["id"] for _, each, _ in second.hook.came)


def test_what_the_webhook_refuses_for_good_is_not_told_again(world: World) -> None:
    async def script(world: World) -> None:
        world.hook.refuses = lambda event: True
        state = seen()
        await rounds(world, state, 2)
        assert world.report(state)["notified"]["reason"] == "WithinThresholds"

    happens(world, script)


def test_what_waits_when_the_operator_ends_is_tried_once_more(world: World) -> None:
    async def script(world: World) -> None:
        world.leads = False
        state = seen()
        await rounds(world, state, 1)
        world.leads = True

    happens(world, script)
    assert world.events() == [("healthy", "WithinThresholds")]
