"""What Alertmanager is told of reports of checks, also over a restart of the operator."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import Alerting, Interval
from ipsecping_operator.notify.told import SETTLE

from ..operator.assessments import at, seen, take
from ..operator.builders import NOON, SECOND, check, plan, probe, result
from .told_world import World, happens, loop_time, rounds


def test_an_outage_is_told_after_its_time_again_and_again_and_then_that_it_is_over(world: World) -> None:
    async def script(world: World) -> None:
        state = seen()
        await rounds(world, state, 2)
        await rounds(world, state, 6, down=True)
        await rounds(world, state, 13)

    happens(world, script)
    # The third round without an answer ends at 123 s; a minute later it fires.
    assert world.alerts() == [
        (183, "TunnelDown", False),
        (243, "TunnelDown", True),
    ]
    assert world.events() == [
        ("healthy", "WithinThresholds"),
        ("unhealthy", "LossHigh"),
        ("unhealthy", "Down"),
        ("unhealthy", "LossHigh"),
        ("healthy", "WithinThresholds"),
    ]
    (_, (alert,), _), *_ = world.alertmanager.came
    assert alert["labels"]["remote_ip"] == "203.0.113.10"
    assert alert["annotations"]["description"].startswith("no answer to the last")


def test_of_a_slow_check_down_is_told_and_not_the_loss_that_it_begins_with(world: World) -> None:
    """Of a round every five minutes the third is Down: loss alone would have lasted for long enough."""
    of = check(plan(interval_ms=300_000), schedule=Interval(interval_ms=300_000), window_s=1800)

    async def script(world: World) -> None:
        state = seen(of=of)
        for answered in (10, 10, 0, 0, 0, 0):
            began = int(loop_time())
            await asyncio.sleep(3)
            take(state, result(of=of.paths[0].plan, at=NOON + began * SECOND, received=answered))
            world.report(state)
            await asyncio.sleep(297)

    happens(world, script)
    assert {name for _, name, _ in world.alerts()} == {"TunnelDown"}


def test_an_outage_is_told_once_also_where_a_probe_has_more_patience_than_the_other(world: World) -> None:
    of = check(plan(probe("ping"), probe("app")), own={"app": {"down_after": 90}})

    async def script(world: World) -> None:
        state = seen(of=of)
        for answered in (10, 10, *[0] * 55, *[10] * 14):
            began = int(loop_time())
            await asyncio.sleep(3)
            for name in ("ping", "app"):
                take(
                    state,
                    result(of=of.paths[0].plan, probe_name=name, at=NOON + began * SECOND, received=answered),
                )
            world.report(state)
            await asyncio.sleep(27)

    happens(world, script)
    assert {name for _, name, _ in world.alerts()} == {"TunnelDown"}


def test_loss_that_is_no_outage_is_told_once_a_round_is_answered(world: World) -> None:
    async def script(world: World) -> None:
        state = seen()
        await rounds(world, state, 2, down=True)
        await rounds(world, state, 1)
        for _ in range(6):
            await rounds(world, state, 1, down=True)
            await rounds(world, state, 1)

    happens(world, script)
    assert world.alerts()[0] == (363, "LossHigh", False)


@pytest.mark.parametrize("received", [8, 0], ids=["some are lost", "all are lost"])
def test_loss_of_a_check_that_measures_each_hour_does_not_wait_for_the_next_round(
    world: World, received: int
) -> None:
    of = check(plan(interval_ms=3_600_000), schedule=Interval(interval_ms=3_600_000), window_s=7200)

    async def script(world: World) -> None:
        state = seen(of=of)
        for answered in (10, received):
            began = int(loop_time())
            await asyncio.sleep(3)
            take(state, result(of=of.paths[0].plan, at=NOON + began * SECOND, received=answered))
            for _ in range(59):
                world.report(state)
                await asyncio.sleep(60)
            await asyncio.sleep(57)

    happens(world, script)
    assert world.alerts()[0] == (3603 + 20 * 60, "LossHigh", False)


def test_what_lasts_is_repeated_and_a_check_that_is_deleted_ends_its_alerts(world: World) -> None:
    async def script(world: World) -> None:
        state = seen()
        await rounds(world, state, 8, down=True)
        world.notifier.forget(state.uid)
        await asyncio.sleep(1)

    happens(world, script)
    assert world.alerts() == [
        (123, "TunnelDown", False),
        (183, "TunnelDown", False),
        (240, "TunnelDown", True),
    ]


def test_a_restart_while_the_tunnel_is_down_goes_on_and_what_healed_meanwhile_is_resolved(
    tmp_path: Path,
) -> None:
    statuses: list[Mapping[str, Any]] = []

    async def goes_down(world: World) -> None:
        statuses.append(await rounds(world, seen(), 6, down=True))

    first = happens(World(tmp_path), goes_down)
    (status,) = statuses
    labels = first.alertmanager.came[0][1][0]["labels"]

    def later(received: int) -> World:
        async def script(world: World) -> None:
            await asyncio.sleep(200)
            state = seen(status=dict(status), now=NOON + 200 * SECOND)
            world.report(state)
            await asyncio.sleep(1 if received else SETTLE + 1)
            if received:
                take(state, *(at(190 + n * 3, received=received) for n in range(3)))
                world.report(state)
                await asyncio.sleep(1)

        return happens(World(tmp_path), script)

    still = later(received=0)
    assert still.alerts() == [(230, "TunnelDown", False)]
    assert still.alertmanager.came[0][1][0]["labels"] == labels, "the same alert to Alertmanager"
    assert still.events() == [], "nothing has changed"
    healed = later(received=10)
    assert healed.alerts()[-1] == (201, "TunnelDown", True)
    assert healed.alertmanager.came[-1][1][0]["labels"] == labels


@pytest.mark.parametrize("healed", ["neither", "one", "gateway"])
def test_a_restart_goes_on_with_a_dead_gateway_at_once_with_its_tunnels(tmp_path: Path, healed: str) -> None:
    plans = [plan(uid=f"u-{name}", name=name) for name in ("a", "b")]
    checks = [replace(check(each), gateway="198.51.100.2") for each in plans]
    statuses = list[Mapping[str, Any]]()

    async def goes_down(world: World) -> None:
        states = [seen(of=of, name=each.name, uid=each.uid) for of, each in zip(checks, plans, strict=True)]
        for number in range(6):
            await asyncio.sleep(30)
            for each, state in zip(plans, states, strict=True):
                take(state, result(of=each, at=NOON + 30 * number * SECOND, received=0))
                world.report(state)
        statuses.extend(world.report(state) for state in states)
        await asyncio.sleep(1)

    told = {name for _, name, _ in happens(World(tmp_path), goes_down).alerts()}
    assert told == {"GatewayDown", "TunnelDown"}

    async def next_one(world: World) -> None:
        await asyncio.sleep(400)
        states = list[CheckState]()
        for of, each, status in zip(checks, plans, statuses, strict=True):
            states.append(
                seen(of=of, name=each.name, uid=each.uid, status=dict(status), now=NOON + 400 * SECOND)
            )
            world.report(states[-1])
            await asyncio.sleep(5)  # a large fleet takes its time
        if healed != "neither":
            for each, state in list(zip(plans, states, strict=True))[: 1 if healed == "one" else 2]:
                take(state, *(result(of=each, at=NOON + (380 + 3 * n) * SECOND) for n in range(3)))
                world.report(state)
        await asyncio.sleep(40)

    world = happens(World(tmp_path), next_one)
    begun = [(when, name) for when, name, over in world.alerts() if not over]
    ended = sorted(name for _, name, over in world.alerts() if over)
    if healed == "neither":
        assert sorted(begun) == [(430, "GatewayDown"), (430, "TunnelDown"), (430, "TunnelDown")]
        assert ended == []
    elif healed == "one":
        assert {name for _, name in begun} == {"TunnelDown"}
        assert ended == ["GatewayDown", "TunnelDown"]
    else:
        assert begun == []
        assert ended == ["GatewayDown", "TunnelDown", "TunnelDown"]


def test_an_operator_that_failed_ends_no_alert_and_says_so_as_an_event(world: World) -> None:
    async def script(world: World) -> None:
        state = seen()
        await rounds(world, state, 5, down=True)
        before = state.reported.last
        healthy = next(each for each in before.conditions.values() if each.reason == "Down")
        state.reported.fell_back(replace(healthy, status=healthy.status.UNKNOWN, reason="InternalError"))
        world.notifier.reported(state, before)
        await asyncio.sleep(100)

    happens(world, script)
    assert not any(over for _, _, over in world.alerts())
    assert len(world.alerts()) >= 2
    assert world.events()[-1] == ("unknown", "InternalError")


def test_nothing_is_told_of_a_check_that_wants_no_alerts(world: World) -> None:
    async def script(world: World) -> None:
        state = seen(of=replace(check(), alerting=Alerting(enabled=False)))
        await rounds(world, state, 6, down=True)

    happens(world, script)
    assert (world.alerts(), world.events()) == ([], [])


def test_an_operator_that_does_not_lead_says_nothing(world: World) -> None:
    async def script(world: World) -> None:
        world.leads = False
        await rounds(world, seen(), 6, down=True)
        assert world.alertmanager.attempts == world.hook.attempts == 0
        world.leads = True
        await asyncio.sleep(2)

    happens(world, script)
    assert world.alerts() == [(180, "TunnelDown", False)]
