"""From reports of checks to what Alertmanager and a webhook are told, over restarts and outages."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import Alerting, Interval, MaintenanceWindow
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.notify.alert_book import AlertBook, Held
from ipsecping_operator.notify.alertmanager import GATHER, MOST_REFUSED
from ipsecping_operator.notify.alerts import Labels
from ipsecping_operator.notify.event_queue import KEPT
from ipsecping_operator.notify.post import NotTaken
from ipsecping_operator.notify.told import SETTLE, Posting, to_json
from ipsecping_operator.report.assessment import assess

from ..operator.assessments import at, seen, take
from ..operator.builders import NOON, SECOND, check, plan, result
from .told_world import AM, HOOK, World, happens, loop_time


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def rounds(world: World, state: CheckState, count: int, *, down: bool = False) -> Mapping[str, Any]:
    """Rounds every 30 s, each reported on when it is over; the last status."""
    status: Mapping[str, Any] = {}
    for _ in range(count):
        began = int(loop_time())
        await asyncio.sleep(3)
        take(state, at(began, received=0 if down else 10, remote_ip="203.0.113.10"))
        status = world.report(state)
        await asyncio.sleep(27)
    return status


async def all_fail(world: World, *names: str) -> None:
    """Three rounds of checks of these names, all without an answer, each reported on when it is over."""
    plans = [plan(uid=f"u-{name}", name=name) for name in names]
    states = [seen(of=check(each), name=each.name, uid=each.uid) for each in plans]
    for number in range(3):
        await asyncio.sleep(30)
        for of, state in zip(plans, states, strict=True):
            take(state, result(of=of, at=NOON + 30 * number * SECOND, received=0))
            world.report(state)


def told_of(world: World) -> set[str]:
    """The checks that Alertmanager was told of."""
    return {each["labels"]["check"] for _, alerts, _ in world.alertmanager.came for each in alerts}


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
    assert alert["startsAt"] == "2026-11-23T12:07:30.000000Z", "when the window closed"


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
