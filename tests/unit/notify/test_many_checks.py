"""Thousands of checks that are down: what nothing has changed of costs no look at all of them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping_operator.notify.alert_book import AlertBook

from ..operator.assessments import at, seen, take
from ..operator.builders import check
from .told_world import World, happens, loop_time


def test_reports_that_change_no_alert_make_nobody_go_through_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[float]()
    look = AlertBook.firing

    def counted(book: AlertBook, now: float) -> object:
        looks.append(now)
        return look(book, now)

    monkeypatch.setattr(AlertBook, "firing", counted)

    async def script(world: World) -> None:
        checks = [replace(check(), uid=f"uid-{number}", name=f"c{number}") for number in range(20)]
        states = [seen(of=each, uid=each.uid, name=each.name) for each in checks]
        for _ in range(6):
            began = int(loop_time())
            await asyncio.sleep(3)
            for state in states:
                take(state, at(began, received=0))
                world.report(state)
                await asyncio.sleep(0.01)
            await asyncio.sleep(26)
        looks.clear()
        for _ in range(300):
            for state in states:
                world.report(state)
                await asyncio.sleep(0.01)

    world = happens(World(tmp_path), script)
    firing = {alert["labels"]["check"] for _, alerts, _ in world.alertmanager.came for alert in alerts}
    assert len(firing) == 20
    assert len(looks) < 40, "in a minute, of 6000 reports"
