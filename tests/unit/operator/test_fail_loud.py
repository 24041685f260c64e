"""A fault of the operator is told of where people look, costs no other check, and goes away by itself."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from ipsecping_operator.faults import REMEMBERED, Faults, Where
from ipsecping_operator.kube.errors import Invalid, Unreachable, of_status
from ipsecping_operator.kube.kinds import EVENT, POD
from ipsecping_operator.metrics import checks
from ipsecping_operator.metrics.health import UNWATCHED_SECONDS, Health
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.reconcile import reconciler
from ipsecping_operator.reconcile.reporting import Reporter
from ipsecping_operator.reconcile.serial import Outcome, SerialQueue
from ipsecping_operator.reconcile.spare import SpareTime
from ipsecping_operator.state import CheckState
from ipsecping_operator.status.writer import StatusWriter
from ipsecping_operator.verdict import text

from .builders import SECOND, UID
from .objects import metadata
from .test_assessment import assessed, at, seen, take
from .test_metrics import exporter, scraped
from .virtual_time import run
from .whole_operator import Agent, World, fakes, start

LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def happens(script: Callable[[World], Awaitable[None]]) -> World:
    """What the script does to a world with a running operator."""
    world = World()

    async def scenario() -> None:
        operator = await start(world)
        await asyncio.sleep(70)
        assert world.condition("Healthy")["status"] == "True"
        await script(world)
        await operator.stop()

    with fakes(world):
        run(scenario())
    return world


def reasons(world: World, since: float = 70) -> list[str]:
    return [reason for when, reason in world.events if when > since]


def test_a_certificate_until_the_year_10000_is_judged_as_any_other() -> None:
    async def script(world: World) -> None:
        world.tell = {"certificate_expiry": LAST_SECOND + 3600}
        await asyncio.sleep(120)
        assert world.condition("Healthy")["status"] == "True"
        world.down = True
        await asyncio.sleep(150)
        assert world.condition("Healthy")["reason"] == "Down"

    assert reasons(happens(script))[-1] == "Down"


def test_a_date_that_cannot_be_written_would_not_freeze_the_status() -> None:
    moment = text.moment

    def strict(nanoseconds: int) -> str:
        """What `moment` was before it took whatever comes."""
        if nanoseconds > LAST_SECOND * SECOND:
            raise ValueError("year 10000 is out of range")
        return moment(nanoseconds)

    async def script(world: World) -> None:
        world.tell = {"certificate_expiry": LAST_SECOND + 3600}
        await asyncio.sleep(120)
        said = world.condition("Healthy")
        assert (said["status"], said["reason"]) == ("Unknown", "InternalError")
        assert "ValueError" in said["message"]
        assert "not of the tunnel" in said["message"]
        assert world.condition("Ready")["status"] == "True", "the rest stays as it was"
        assert "rtt" not in world.check["status"], "no figure is older than what is said"
        written = len(world.statuses)
        world.down = True
        await asyncio.sleep(300)
        assert len(world.statuses) == written, "written once, not at each attempt"
        assert (world.metric("ipsecping_operator_faults_total", where="judge") or 0) > 5
        assert world.metric("ipsecping_operator_faulty_checks") == 1
        assert "ipsecping_loss_ratio{" not in world.scrape(), "no figures of before"
        world.tell = {}
        await asyncio.sleep(600)
        assert world.condition("Healthy")["reason"] == "Down", "back by itself, with what it missed"
        assert [outage["reason"] for outage in world.check["status"]["outages"]] == ["Down"]

    with mock.patch.object(text, "moment", strict):
        assert reasons(happens(script)) == ["InternalError", "Down"]


def test_an_outage_that_cannot_be_written_leaves_the_others_in_the_status() -> None:
    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(120)
        assert world.condition("Healthy")["reason"] == "Down"
        with mock.patch("ipsecping_operator.reconcile.assessment.build_status", side_effect=MemoryError):
            await asyncio.sleep(60)
            assert world.condition("Healthy")["reason"] == "InternalError"
            assert len(world.check["status"]["outages"]) == 1
            with mock.patch.object(text, "moment", side_effect=OverflowError):
                world.store_status({})  # somebody has emptied it, so it is written again
                await asyncio.sleep(30)
                assert world.condition("Healthy")["reason"] == "InternalError"
                assert "outages" not in world.check["status"]

    happens(script)


def test_a_status_that_the_api_does_not_take_is_replaced_and_tried_again() -> None:
    async def script(world: World) -> None:
        world.refuses = lambda kind, body: (
            Invalid("status.rtt: Invalid value") if kind is CHECK and "rtt" in body["status"] else None
        )
        await asyncio.sleep(600)
        said = world.condition("Healthy")
        assert (said["status"], said["reason"]) == ("Unknown", "InternalError")
        assert "writing the status" in said["message"]
        assert reasons(world) == ["InternalError"]
        world.refuses = lambda kind, body: None
        await asyncio.sleep(1800)
        assert world.condition("Healthy")["status"] == "True"
        assert reasons(world) == ["InternalError", "WithinThresholds"]

    happens(script)


@pytest.mark.parametrize(
    "denial",
    [
        "ipsectunnelchecks.ipsecping.dev \"hq\" is forbidden: ValidatingAdmissionPolicy 'frozen' with "
        "binding 'all' denied request: not today",
        'admission webhook "policy.example.com" denied the request: not today',
    ],
)
def test_a_status_that_a_policy_forbids_is_no_fault_and_is_written_soon_after(denial: str) -> None:
    async def script(world: World) -> None:
        forbidden = of_status("PATCH", 422, {"reason": "Invalid", "message": denial})
        world.refuses = lambda kind, body: forbidden if kind is CHECK and "status" in body else None
        world.down = True
        await asyncio.sleep(600)
        world.refuses = lambda kind, body: None
        await asyncio.sleep(45)
        assert world.condition("Healthy")["reason"] == "Down"
        assert not world.metric("ipsecping_operator_faults_total", where="write")

    happens(script)


def test_an_event_that_cannot_be_sent_holds_no_status_up() -> None:
    async def script(world: World) -> None:
        world.refuses = lambda kind, body: TypeError("not JSON") if kind is EVENT else None
        world.down = True
        await asyncio.sleep(120)
        assert world.condition("Healthy")["status"] != "True"
        assert len(world.statuses) < 20, "the status does not flap"
        assert world.metric("ipsecping_operator_faults_total", where="event")
        world.refuses = lambda kind, body: None
        await asyncio.sleep(3600)
        assert world.condition("Healthy")["reason"] == "Down"

    happens(script)


def test_a_spec_that_the_operator_fails_at_is_not_taken_for_carried_out() -> None:
    async def script(world: World) -> None:
        world.check = {
            **world.check,
            "metadata": {**world.check["metadata"], "generation": 2, "resourceVersion": "1000"},
            "spec": {"target": "203.0.113.77"},
        }
        world._version = 1001
        with mock.patch.object(reconciler, "compile_check", side_effect=KeyError("target")):
            assert world.operator is not None
            world.operator.see(CHECK, "MODIFIED", world.check)
            await asyncio.sleep(60)
            for kind in ("Ready", "Healthy"):
                said = world.condition(kind)
                assert (said["status"], said["reason"]) == ("Unknown", "InternalError")
        await asyncio.sleep(700)
        assert world.plan is not None
        assert world.plan.target == "203.0.113.77", "the spec was kept until it was carried out"
        assert world.condition("Ready")["status"] == "True"
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_a_result_that_cannot_be_counted_is_told_of_and_the_next_one_clears_it() -> None:
    async def script(world: World) -> None:
        with mock.patch(
            "ipsecping_operator.results.measurements.Tally.of", side_effect=OverflowError("too large")
        ):
            await asyncio.sleep(35)
            assert world.condition("Healthy")["reason"] == "InternalError"
            assert "counting a result" in world.condition("Healthy")["message"]
        await asyncio.sleep(35)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_what_comes_and_goes_is_not_written_each_time() -> None:
    async def script(world: World) -> None:
        begun = len(world.statuses)
        for _ in range(40):
            with mock.patch(
                "ipsecping_operator.results.measurements.Tally.of", side_effect=OverflowError("too large")
            ):
                await asyncio.sleep(30)
            await asyncio.sleep(30)
        said = [world.healthy(when).get("reason") for when, _ in world.statuses[begun:]]
        turns = sum(before != after for before, after in itertools.pairwise(said))
        assert turns < 8
        await asyncio.sleep(3600)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_a_status_edited_by_hand_is_put_right_but_not_fought_over() -> None:
    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(120)
        lie = {"type": "Healthy", "status": "True", "reason": "WithinThresholds", "message": "all is well"}
        world.store_status({"conditions": [lie]})
        await asyncio.sleep(5)
        assert world.condition("Healthy")["reason"] == "Down"
        began = len(world.statuses)
        for _ in range(100):
            world.store_status({"conditions": [lie]})
            await asyncio.sleep(1)
        ours = len(world.statuses) - began - 100
        assert 3 < ours < 20
        await asyncio.sleep(30)
        assert world.condition("Healthy")["reason"] == "Down"
        assert world.metric("ipsecping_operator_status_writes_total", outcome="edited")

    happens(script)


def test_a_write_that_never_ends_is_begun_anew() -> None:
    async def script(world: World) -> None:
        async def hang(*_: object) -> None:
            await asyncio.sleep(1e6)

        with mock.patch.object(World, "apply_status", hang):
            world.down = True
            await asyncio.sleep(40)
        await asyncio.sleep(100)
        assert world.condition("Healthy")["status"] == "False", "by the shortest way, soon"
        await asyncio.sleep(120)
        assert "lossPercent" in world.check["status"], "and whole, when the write was given up"

    happens(script)


def test_a_check_that_cannot_be_reconciled_after_a_restart_does_not_stay_as_it_was() -> None:
    world = World()
    condition = {"lastTransitionTime": "2026-11-23T11:00:00Z", "message": "", "observedGeneration": 1}
    world.check["status"] = {
        "lastResultTime": "2026-11-23T11:59:59Z",
        "conditions": [
            condition | {"type": "Ready", "status": "True", "reason": "Reconciled"},
            condition | {"type": "Healthy", "status": "True", "reason": "WithinThresholds"},
        ],
    }

    async def scenario() -> None:
        with mock.patch.object(World, "apply", side_effect=Unreachable("pods: 503")):
            operator = await start(world)
            await asyncio.sleep(90)
            assert world.condition("Healthy")["status"] == "Unknown"
            assert world.condition("Ready")["status"] == "True", "as it was: nothing else is known"
        await operator.stop()

    with fakes(world):
        run(scenario())


def test_an_object_that_cannot_be_read_harms_no_other_and_is_no_deafness() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        odd = {"metadata": metadata("odd", uid="odd", version=500), "status": {"containerStatuses": [7]}}
        world.objects["odd"] = odd
        operator.see(POD, "ADDED", odd)
        await asyncio.sleep(5)
        assert world.condition("Healthy")["reason"] == "InternalError"
        assert operator._sweeper._behind({}) == {}
        operator.see(POD, "DELETED", odd)
        await asyncio.sleep(10)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_a_check_that_nobody_manages_to_judge_is_overdue_and_ends_in_healthz() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        assert (world.metric("ipsecping_operator_comparison_age_ratio") or 0) < 1
        with (
            mock.patch.object(Reporter, "report", side_effect=KeyError),
            mock.patch.object(Reporter, "fall_back", side_effect=KeyError),
        ):
            await asyncio.sleep(130)  # an alarm that is set already still comes
            assert world.metric("ipsecping_operator_overdue_checks") == 1
            assert operator._health.problem(0) is None
            await asyncio.sleep(60)
            assert "network/hq" in str(operator._health.problem(0))
        await asyncio.sleep(10)
        assert world.metric("ipsecping_operator_overdue_checks") == 0
        assert operator._health.problem(0) is None

    happens(script)


def test_an_alarm_that_is_lost_costs_seconds() -> None:
    async def script(world: World) -> None:
        with mock.patch.object(Agent, "run", side_effect=asyncio.CancelledError):
            operator = world.operator
            assert operator is not None
            operator._collector.forget(UID)
            operator._queue.request(UID)  # nothing is measured any more
            for alarm in operator._reporter._alarms.values():
                alarm.cancel()
            await asyncio.sleep(62 + 5 - 70 % 30)
        assert world.condition("Healthy")["reason"] == "StaleResults"

    happens(script)


def test_an_object_that_could_not_be_filed_for_a_moment_is_filed_later() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        gone = {**world.objects["Pod-uid"], "metadata": {**world.objects["Pod-uid"]["metadata"]}}
        gone["metadata"]["resourceVersion"] = "700"
        with mock.patch("ipsecping_operator.reconcile.filing.read_meta", side_effect=MemoryError):
            operator.see(POD, "DELETED", gone)
        assert operator._store.checks[UID].pods
        await asyncio.sleep(30)
        assert not operator._store.checks[UID].pods

    happens(script)


def test_a_reader_that_a_fault_has_ended_is_replaced() -> None:
    async def script(world: World) -> None:
        with mock.patch.object(Agent, "run", side_effect=RuntimeError("out of order")):
            operator = world.operator
            assert operator is not None
            operator._collector.forget(UID)
            operator._queue.request(UID)
            await asyncio.sleep(10)
        await asyncio.sleep(60)
        assert operator._collector.reading == 1
        assert world.metric("ipsecping_operator_faults_total", where="task")
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_what_a_timer_or_a_callback_raises_is_counted() -> None:
    async def script(world: World) -> None:
        asyncio.get_running_loop().call_later(1, [].pop)
        await asyncio.sleep(2)
        assert world.metric("ipsecping_operator_faults_total", where="loop") == 1

    happens(script)


def test_a_step_of_the_clock_that_a_check_cannot_follow_is_told_of() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        with mock.patch("ipsecping_operator.reconcile.stepping.move", side_effect=ValueError):
            operator._stepped(3600 * SECOND)
        await asyncio.sleep(5)
        assert world.condition("Healthy")["reason"] == "InternalError"

    happens(script)


def test_a_part_that_ends_makes_the_operator_unhealthy_also_when_it_was_cancelled() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        next(task for task in operator._tasks if task.get_name() == "watchdog").cancel()
        await asyncio.sleep(1)
        assert operator._health.problem(0) == "the task watchdog has ended"

    happens(script)


def test_a_check_that_cannot_be_exported_costs_only_its_own_series() -> None:
    bad, good, failed = seen(), seen(), list[CheckState]()
    for state in (bad, good):
        take(state, at(0, remote_ip="203.0.113.10"))
        assessed(state, at=5)
    assert bad.compiled is not None
    bad.uid = "bad"
    bad.body = {"metadata": {**(bad.body or {})["metadata"], "name": "bad"}}
    object.__setattr__(bad.compiled, "name", "bad")
    bad.measurements.remote["default"] = "\ud800"
    samples = scraped(good)
    both = exporter(bad, good, failed=failed)
    families = {family.name: list(family.samples) for family in both.collect()}
    assert [state.uid for state in failed] == ["bad"]
    assert sum(sample.labels["check"] == "hq" for each in families.values() for sample in each) == len(
        samples
    )
    with mock.patch.object(checks, "_check_labels", side_effect=UnicodeError):
        said = {
            (sample.labels["check"], sample.labels["status"]): sample.value
            for family in both.collect()
            for sample in family.samples
        }
    assert said["bad", "Unknown"] == 1
    assert said["bad", "True"] == 0
    with pytest.raises(UnicodeEncodeError):
        both.export(bad)
    both.export(good)


def test_a_fault_of_metrics_is_told_of_and_is_over_when_they_can_be_made_again() -> None:
    async def script(world: World) -> None:
        with mock.patch.object(checks, "_check_labels", side_effect=RecursionError):
            world.scrape()
            await asyncio.sleep(5)
            assert world.condition("Healthy")["reason"] == "InternalError"
        await asyncio.sleep(20)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_a_fault_is_logged_once_an_hour_for_each_check(caplog: pytest.LogCaptureFixture) -> None:
    now, counted = [0.0], list[Where]()
    faults = Faults(count=counted.append, steady=lambda: now[0])

    def fail() -> None:
        with faults.guard(Where.JUDGE, state):
            raise ValueError("year 10000 is out of range")

    state = seen()
    with caplog.at_level(logging.ERROR):
        for now[0] in (0.0, 1.0, 2.0, REMEMBERED + 1):
            fail()
        state = seen()
        state.uid = "other"
        fail()
    assert len(caplog.records) == 3
    assert all("year 10000" in str(record.exc_info) for record in caplog.records)
    assert len(counted) == 5


def test_more_faults_than_can_be_kept_are_counted_all_the_same() -> None:
    counted, state = list[Where](), seen()
    faults = Faults(count=counted.append, steady=lambda: 0.0)
    for number in range(1000):
        faults.note(Where.WATCH, ValueError(), state, key=str(number))
    assert len(state.faults) < 100
    assert len(counted) == 1000


def test_work_that_raises_is_told_of_and_done_again() -> None:
    told, done = list[str](), list[str]()

    async def scenario() -> None:
        async def work(key: str) -> Outcome:
            if not told:
                raise KeyError(key)
            done.append(key)
            return Outcome.DONE

        queue = SerialQueue(work, failed=lambda key, error: told.append(f"{key}: {error!r}"))
        queue.request("a")
        await asyncio.sleep(5)
        await queue.close()

    run(scenario())
    assert told == ["a: KeyError('a')"]
    assert done == ["a"]


def test_work_whose_timer_was_lost_is_found() -> None:
    done = list[str]()

    async def scenario() -> None:
        async def work(key: str) -> Outcome:
            done.append(key)
            return Outcome.DONE if len(done) > 1 else Outcome.REFUSED

        queue = SerialQueue(work, failed=lambda key, error: None)
        with mock.patch.object(SerialQueue, "_again", side_effect=MemoryError):
            queue.request("a")
            await asyncio.sleep(10)
        queue.revive()
        await asyncio.sleep(1)
        queue.revive()
        await asyncio.sleep(1)
        await queue.close()

    run(scenario())
    assert done == ["a", "a"]


def test_spare_time_goes_on_after_a_call_that_raises() -> None:
    called = list[str]()

    async def scenario() -> None:
        def call(key: str) -> None:
            called.append(key)
            raise ValueError(key)

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        spare = SpareTime(call, pause=2)
        for key in ("a", "b", "c"):
            spare.request(key)
        await asyncio.sleep(20)

    run(scenario())
    assert called == ["a", "b", "c"]


def test_a_status_that_is_no_json_leaves_the_one_before_in_its_place() -> None:
    sent = list[Any]()

    async def scenario() -> None:
        async def send(uid: str, status: Any) -> None:
            sent.append(status)

        writer = StatusWriter(send, interval=60)
        writer.submit("a", {"n": 1}, at_once=True)
        with pytest.raises(TypeError):
            writer.submit("a", {"n": object()}, at_once=True)
        await asyncio.sleep(5)

    run(scenario())
    assert sent == [{"n": 1}]


def test_health_notices_that_nobody_looks_and_that_looking_does_not_help() -> None:
    health = Health(ticked=1000.0)
    health.watched = 1000.0 - UNWATCHED_SECONDS
    assert health.problem(1000.0) is None
    health.watched -= 1
    assert "nobody has looked for 121 s" in str(health.problem(1000.0))
    health.watched, health.unjudged = 1000.0, ["network/hq"]
    assert health.problem(1000.0) == "1 checks are not judged any more (network/hq)"
