"""What is told of windows of maintenance, and what lies about them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipsecping_operator.compile.compiled import MaintenanceWindow
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.report.assessment import assess

from ..operator.assessments import seen
from ..operator.builders import NOON, SECOND, check
from .told_world import World, happens, loop_time, rounds


def test_a_window_of_maintenance_ends_alerts_and_what_is_bad_when_it_closes_is_told_then(
    world: World,
) -> None:
    async def script(world: World) -> None:
        upgrade = MaintenanceWindow(name="upgrade", start=NOON + 250 * SECOND, length=200 * SECOND)
        state = seen(of=check(maintenance=(upgrade,)))
        await rounds(world, state, 20, down=True)

    happens(world, script)
    assert world.alerts() == [
        (123, "TunnelDown", False),
        (183, "TunnelDown", False),
        (243, "TunnelDown", False),
        (273, "TunnelDown", True),
        (513, "TunnelDown", False),  # the first report after it closed came at 453 s
        (573, "TunnelDown", False),
    ]
    bad = [when // 30 for when, event, _ in world.hook.came if event["type"].endswith("unhealthy")]
    assert bad == [0, 2, 15], "LossHigh, Down, and that it still is"


def test_a_window_that_opens_while_the_operator_fails_ends_alerts_as_well(world: World) -> None:
    async def script(world: World) -> None:
        upgrade = MaintenanceWindow(name="upgrade", start=NOON + 150 * SECOND, length=900 * SECOND)
        state = seen(of=check(maintenance=(upgrade,)))
        await rounds(world, state, 5, down=True)
        await asyncio.sleep(5)
        before, now = state.reported.last, NOON + int(loop_time() * SECOND)
        fault = Fault(where=Where.JUDGE, kind="ValueError", place="verdict.judge:1")
        made = assess(state, now=now, fault=fault)
        assert made is not None
        state.reported.judged(made.report)
        world.notifier.reported(state, before)
        await asyncio.sleep(5)

    happens(world, script)
    assert world.alerts()[-1] == (155, "TunnelDown", True)


def test_an_operator_that_is_replaced_as_a_window_closes_lets_nothing_last_from_before(
    tmp_path: Path,
) -> None:
    upgrade = MaintenanceWindow(name="upgrade", start=NOON + 100 * SECOND, length=350 * SECOND)
    of = check(maintenance=(upgrade,))
    statuses: list[Mapping[str, Any]] = []

    async def closes(world: World) -> None:
        statuses.append(await rounds(world, seen(of=of), 16, down=True))

    happens(World(tmp_path), closes)

    async def next_one(world: World) -> None:
        await asyncio.sleep(470)
        state = seen(of=of, status=dict(statuses[0]), now=NOON + 470 * SECOND)
        world.report(state)
        await asyncio.sleep(60)

    world = happens(World(tmp_path), next_one)
    assert world.alerts() == [(510, "TunnelDown", False)]
    (_, (alert,), _), *_ = world.alertmanager.came
    assert alert["startsAt"] == "2026-11-23T12:08:30.000000Z", "a minute after the window closed"


def test_what_fails_and_heals_within_a_window_is_told_to_nobody(world: World) -> None:
    async def script(world: World) -> None:
        upgrade = MaintenanceWindow(name="upgrade", start=NOON + 60 * SECOND, length=900 * SECOND)
        state = seen(of=check(maintenance=(upgrade,)))
        await rounds(world, state, 2)
        await rounds(world, state, 5, down=True)
        await rounds(world, state, 30)

    happens(world, script)
    assert world.alerts() == []
    assert {kind for kind, _ in world.events()} == {"healthy"}
    assert world.hook.came[-1][1]["data"]["maintenance"]["window"] == "upgrade"
