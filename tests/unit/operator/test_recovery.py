"""What a fault, or nobody knows what, has cost the operator is found and done after all."""

import asyncio
from unittest import mock

from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.kube.errors import Unreachable
from ipsecping_operator.kube.kinds import POD
from ipsecping_operator.report.reporter import Reporter

from .builders import UID
from .objects import metadata
from .virtual_time import run
from .whole_operator import INTERVAL, Agent, World, fakes, happens, start


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
        assert operator.parts.sweeper._behind({}) == {}
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
            assert operator.base.health.problem(0) is None
            await asyncio.sleep(60)
            assert "network/hq" in str(operator.base.health.problem(0))
        await asyncio.sleep(10)
        assert world.metric("ipsecping_operator_overdue_checks") == 0
        assert operator.base.health.problem(0) is None

    happens(script)


def test_an_alarm_that_is_lost_costs_seconds() -> None:
    async def script(world: World) -> None:
        with mock.patch.object(Agent, "run", side_effect=asyncio.CancelledError):
            operator = world.operator
            assert operator is not None
            operator.parts.collector.forget(UID)
            operator.parts.queue.request(UID)  # nothing is measured any more
            for alarm in operator.parts.reporter._alarms.values():
                alarm.cancel()
            assert world.plan is not None
            stale = 2 * INTERVAL + world.plan.probes[0].round_ms / 1000
            await asyncio.sleep(stale + 5 - 70 % INTERVAL)
        assert world.condition("Healthy")["reason"] == "StaleResults"

    happens(script)


def test_an_object_that_could_not_be_filed_for_a_moment_is_filed_later() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        gone = {**world.objects["Pod-uid"], "metadata": {**world.objects["Pod-uid"]["metadata"]}}
        gone["metadata"]["resourceVersion"] = "700"
        with mock.patch("ipsecping_operator.app.filing.read_meta", side_effect=MemoryError):
            operator.see(POD, "DELETED", gone)
        assert operator.base.store.checks[UID].observed.pods
        await asyncio.sleep(30)
        assert not operator.base.store.checks[UID].observed.pods

    happens(script)


def test_a_reader_that_a_fault_has_ended_is_replaced() -> None:
    async def script(world: World) -> None:
        with mock.patch.object(Agent, "run", side_effect=RuntimeError("out of order")):
            operator = world.operator
            assert operator is not None
            operator.parts.collector.forget(UID)
            operator.parts.queue.request(UID)
            await asyncio.sleep(10)
        await asyncio.sleep(60)
        assert operator.parts.collector.reading == 1
        assert world.metric("ipsecping_operator_faults_total", where="task")
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_a_reader_whose_end_nobody_noticed_is_replaced() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        with (
            mock.patch.object(Collector, "_has_ended", side_effect=MemoryError),
            mock.patch.object(Agent, "run", side_effect=RuntimeError("out of order")),
        ):
            operator.parts.collector.forget(UID)
            operator.parts.queue.request(UID)
            await asyncio.sleep(10)
        await asyncio.sleep(60)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_what_a_timer_or_a_callback_raises_is_counted() -> None:
    async def script(world: World) -> None:
        asyncio.get_running_loop().call_later(1, [].pop)
        await asyncio.sleep(2)
        assert world.metric("ipsecping_operator_faults_total", where="loop") == 1

    happens(script)


def test_a_part_that_ends_makes_the_operator_unhealthy_also_when_it_was_cancelled() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        next(task for task in asyncio.all_tasks() if task.get_name() == "watchdog").cancel()
        await asyncio.sleep(1)
        assert operator.base.health.problem(0) == "the task watchdog has ended"

    happens(script)
