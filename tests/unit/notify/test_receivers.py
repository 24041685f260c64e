"""Receivers that are away, refuse or are slow, and thousands of checks that fail together."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from ipsecping_operator.notify.alert_book import AlertBook, Held
from ipsecping_operator.notify.alertmanager import GATHER, MOST_REFUSED
from ipsecping_operator.notify.alerts import Labels
from ipsecping_operator.notify.event_queue import KEPT
from ipsecping_operator.notify.post import NotTaken
from ipsecping_operator.notify.told import Posting, to_json

from ..operator.assessments import at, seen, take
from ..operator.builders import NOON, SECOND, check, plan, result
from .told_world import AM, HOOK, World, all_fail, happens, loop_time, rounds, told_of


def test_receivers_that_are_away_are_warned_of_once_and_get_the_newest_state_when_they_are_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(world: World) -> None:
        world.alertmanager.away = world.hook.away = NotTaken("no connection: refused")
        state = seen()
        await rounds(world, state, 2)
        await rounds(world, state, 20, down=True)
        await rounds(world, state, 10)
        assert world.counted(AM, "Failed") > 5
        world.alertmanager.away = world.hook.away = None
        await asyncio.sleep(600)

    with caplog.at_level(logging.INFO, "ipsecping_operator"):
        happens(world, script)
    assert world.alerts() == [], "it began and ended while nobody listened"
    assert [reason for _, reason in world.events()] == [
        "WithinThresholds",
        "LossHigh",
        "Down",
        "LossHigh",
        "WithinThresholds",
    ], "events are history: all of it, in order"
    warned = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert warned == [
        f"{HOOK} does not take notifications: no connection: refused",
        f"{AM} does not take notifications: no connection: refused",
    ]
    assert f"{HOOK} takes notifications again" in caplog.text


@pytest.mark.parametrize("healed", [False, True])
def test_a_webhook_that_is_away_for_longer_than_an_event_waits_learns_what_is_so_when_it_is_back(
    world: World, healed: bool
) -> None:
    """It would have to wait for the next transition, or for a restart of the operator."""

    async def script(world: World) -> None:
        state = seen()
        await rounds(world, state, 2)
        world.hook.away = NotTaken("no connection: refused")
        await rounds(world, state, 20, down=True)
        await rounds(world, state, 20 if healed else 0)
        world.remembered.clear()
        await asyncio.sleep(KEPT + 600)
        assert world.remembered[-1:] == [state.uid], "it is to be reported on"
        for _ in range(2):
            world.notifier.reported(state, state.reported.last)
        await asyncio.sleep(600)
        world.hook.away = None
        await asyncio.sleep(600)

    happens(world, script)
    told = [("healthy", "WithinThresholds")]
    assert world.events() == (told if healed else [*told, ("unhealthy", "Down")])


def test_one_alert_that_is_refused_keeps_no_other_back(world: World) -> None:
    async def script(world: World) -> None:
        world.alertmanager.refuses = lambda alerts: any(each["labels"]["check"] == "odd" for each in alerts)
        await all_fail(world, "a", "odd", "b", "c")
        await asyncio.sleep(70)

    happens(world, script)
    assert told_of(world) == {"a", "b", "c"}
    assert world.counted(AM, "Refused") >= 1


def test_an_alertmanager_that_refuses_whatever_it_is_sent_is_left_alone_for_longer_and_longer(
    world: World,
) -> None:
    async def script(world: World) -> None:
        world.alertmanager.refuses = lambda alerts: True
        await all_fail(world, *(f"c-{number}" for number in range(200)))
        await asyncio.sleep(60)
        world.alertmanager.attempts = 0
        await asyncio.sleep(60)
        assert 0 < world.alertmanager.attempts <= 8 * (MOST_REFUSED + 1), "and not two for each alert"
        world.alertmanager.refuses = lambda alerts: False
        await asyncio.sleep(120)
        assert len(told_of(world)) == 200

    happens(world, script)


def test_thousands_of_checks_that_fail_together_are_looked_at_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look takes in all alerts: one for each report took all of the processor."""
    looks, firing = list[float](), AlertBook.firing

    def counted(book: AlertBook, now: float) -> Mapping[Labels, Held]:
        looks.append(now)
        return firing(book, now)

    monkeypatch.setattr(AlertBook, "firing", counted)

    async def script(world: World) -> None:
        for number in range(300):
            of = plan(uid=f"u-{number}", name=f"c-{number}")
            state = seen(of=check(of), name=of.name, uid=of.uid)
            for begin in (0, 30, 60):
                take(state, result(of=of, at=NOON + begin * SECOND, received=0))
            world.report(state)
            await asyncio.sleep(0.01)
        assert len(looks) <= 2 * 3 / GATHER + 6, "two for each time that it is looked"
        await asyncio.sleep(70)

    happens(world, script)
    assert len(told_of(world)) == 300


def test_one_alert_that_no_body_can_be_made_of_keeps_no_other_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may edit one check's status is not to silence all the others by a fault of ours."""

    def fails(postings: Collection[Posting], **values: Any) -> list[dict[str, Any]]:
        if any(dict(each.labels)["check"] == "odd" for each in postings):
            raise ValueError("year 0 is out of range")
        return to_json(postings, **values)

    monkeypatch.setattr("ipsecping_operator.notify.alertmanager.to_json", fails)

    async def script(world: World) -> None:
        await all_fail(world, "a", "odd", "b", "c")
        await asyncio.sleep(90)

    happens(world, script, failing=ValueError)
    assert told_of(world) == {"a", "b", "c"}
    assert world.counted(AM, "Dropped") >= 1


def test_a_slow_receiver_delays_no_report(world: World) -> None:
    async def script(world: World) -> None:
        world.hook.takes_seconds = 9.0
        state = seen()
        began = loop_time()
        for number in range(3):
            take(state, at(30 * number))
            world.report(state)
        assert loop_time() == began
        await asyncio.sleep(100)

    happens(world, script)
