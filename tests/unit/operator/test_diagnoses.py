"""A whole operator that diagnoses: what status, events and metrics say, and what stands in nobody's way."""

import asyncio
from itertools import pairwise
from unittest import mock

import pytest

from ipsecping_operator.collect.diagnosing import NotAnswered, ReportRefused
from ipsecping_operator.diagnosis import diagnoses
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.permission import Permissions
from ipsecping_operator.status.diagnosis import Trigger

from .diagnosed_world import FOUND, Agents, annotate, diagnosing, info, said, start_again, told
from .reports import SUMMARY, clean, finding, report
from .virtual_time import run
from .whole_operator import World, fakes, start


def test_an_outage_is_diagnosed_told_and_forgotten_with_its_end() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(400)
        assert world.condition("Healthy")["message"].endswith(f"Z: {SUMMARY}")
        assert (said(world)["outcome"], said(world)["trigger"]) == ("Fault", "Outage")
        assert said(world)["pod"] == "hq"
        assert said(world)["outage"] == world.check["status"]["outages"][0]["start"]
        assert info(world, **FOUND) == 1
        world.down = False
        await asyncio.sleep(400)
        assert world.condition("Healthy")["status"] == "True"
        assert "diagnosis" not in world.condition("Healthy")["message"]
        assert said(world)["summary"] == SUMMARY
        assert info(world, **FOUND) is None

    world = diagnosing(agents, script)
    assert len(agents.asked) == 1
    assert told(world) == ["Diagnosed"]
    assert world.metric("ipsecping_operator_diagnoses_total", outcome="Fault") == 1


def test_a_check_that_flaps_is_diagnosed_once_in_a_cooldown() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        for _ in range(8):
            world.down = not world.down
            await asyncio.sleep(450)

    world = diagnosing(agents, script, spec={"cooldown": "30m"})
    times = [when for when, _ in agents.asked]
    assert len(times) == 2
    assert times[1] - times[0] >= 1800
    assert len({question.request for _, question in agents.asked}) == 2
    assert told(world) == ["Diagnosed"] * 2


def test_an_outage_shorter_than_the_delay_gets_none() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(200)
        assert world.condition("Healthy")["status"] == "False"
        world.down = False
        await asyncio.sleep(1000)

    diagnosing(agents, script, spec={"delay": "10m"})
    assert agents.asked == []


def test_the_delay_is_awaited_though_nothing_happens() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(1000)

    world = diagnosing(agents, script, spec={"delay": "10m"})
    ((begun, _),) = agents.asked
    fell = next(when for when, reason in world.events if reason in ("Down", "LossHigh"))
    assert 599 < begun - fell < 603, "conditions have whole seconds"


def test_a_value_of_the_annotation_is_carried_out_once_also_over_a_restart() -> None:
    agents = Agents(clean)

    async def script(world: World) -> None:
        annotate(world, "1")
        await asyncio.sleep(60)
        assert (said(world)["outcome"], said(world)["request"]) == ("NoFault", "1")
        assert said(world)["trigger"] == "Annotation"
        await start_again(world)
        await asyncio.sleep(300)
        assert len(agents.asked) == 1
        annotate(world, "2")
        await asyncio.sleep(60)

    world = diagnosing(agents, script)
    assert said(world)["request"] == "2"
    first, second = agents.asked
    assert first[1].request != second[1].request
    assert told(world) == ["Diagnosed"] * 2


def test_an_operator_that_is_started_again_in_the_middle_asks_for_the_same() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        while not agents.under_way:
            await asyncio.sleep(1)
        await start_again(world)
        await asyncio.sleep(120)
        assert said(world)["outcome"] == "Fault"

    world = diagnosing(agents, script)
    first, second = agents.asked
    assert first[1] == second[1]
    assert told(world) == ["Diagnosed"]


def test_what_cannot_be_asked_now_is_asked_again_for_a_while() -> None:
    agents = Agents(NotAnswered("cannot connect", again=5.0), NotAnswered("it is busy", again=60.0), report)

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(400)

    world = diagnosing(agents, script)
    assert said(world)["outcome"] == "Fault"
    assert len({question for _, question in agents.asked}) == 1
    assert told(world) == ["Diagnosed"]


async def taken(world: World, number: int, *, by: str = "_of_agents") -> list[asyncio.Task[None]]:
    """Outages in as many other namespaces have their turns, until they are cancelled."""
    assert world.operator is not None
    turns = getattr(world.operator.parts.diagnoses, by)[Trigger.OUTAGE]

    async def have(namespace: str) -> None:
        async with turns.turn(namespace):
            await asyncio.sleep(10**6)

    tasks = [asyncio.create_task(have(f"other-{each}")) for each in range(number)]
    await asyncio.sleep(0)
    return tasks


def test_who_asks_does_not_wait_for_the_outages_of_others() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        others = await taken(world, diagnoses.AT_ONCE[Trigger.OUTAGE])
        world.down = True
        await asyncio.sleep(1000)
        assert agents.asked == []
        annotate(world, "1")
        await asyncio.sleep(60)
        assert (said(world)["trigger"], said(world)["outcome"]) == ("Annotation", "Fault")
        assert said(world)["outage"] == world.check["status"]["outages"][0]["start"]
        others.pop().cancel()
        await asyncio.sleep(1000)

    world = diagnosing(agents, script)
    assert len(agents.asked) == 1, "that one is the outage's as well"
    assert told(world) == ["Diagnosed"]


def test_jobs_that_do_not_start_keep_no_agent_from_its_turn() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        await taken(world, diagnoses.JOBS_AT_ONCE[Trigger.OUTAGE], by="_of_jobs")
        world.down = True
        await asyncio.sleep(300)
        assert said(world)["outcome"] == "Fault"

    diagnosing(agents, script)


def test_a_check_that_heals_before_its_turn_says_so() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        others = await taken(world, diagnoses.AT_ONCE[Trigger.OUTAGE])
        world.down = True
        await asyncio.sleep(400)
        world.down = False
        await asyncio.sleep(400)
        others.pop().cancel()
        await asyncio.sleep(10)

    world = diagnosing(agents, script)
    assert agents.asked == []
    assert said(world)["outcome"] == "NotReproduced"
    assert said(world)["summary"].startswith(
        "Not reproduced: healthy again before it could be measured. It was"
    )
    assert told(world) == ["Diagnosed"]


def test_an_agent_that_knows_no_diagnosis_is_told_of_once_and_asked_seldom() -> None:
    agents = Agents(NotAnswered("its image is older than the operator"))

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(4000)
        assert said(world)["outcome"] == "NotRun"
        assert said(world)["summary"] == "not run: pod hq: its image is older than the operator"
        assert world.condition("Healthy")["reason"] == "Down"
        assert "older" not in world.condition("Healthy")["message"]
        assert info(world, **FOUND) is None

    world = diagnosing(agents, script)
    assert told(world) == ["DiagnosisNotRun"]
    assert 2 <= len(agents.asked) <= 4000 / 120 + 1


def test_a_report_that_was_refused_is_counted_and_forges_nothing() -> None:
    agents = Agents(ReportRefused("its report is of another path than was asked for"))

    async def script(world: World) -> None:
        annotate(world, "1")
        await asyncio.sleep(30)

    world = diagnosing(agents, script)
    assert said(world)["outcome"] == "NotRun"
    assert said(world)["request"] == "1"
    assert world.metric("ipsecping_operator_diagnoses_total", outcome="Refused") == 1
    assert world.condition("Healthy")["status"] == "True"


@pytest.mark.parametrize("where", ["report_of", "told", "choose"])
def test_a_fault_in_diagnosing_is_counted_and_harms_no_verdict(where: str) -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        with mock.patch.object(diagnoses, where, side_effect=KeyError("bug")):
            world.down = True
            await asyncio.sleep(300)
            assert world.condition("Healthy")["reason"] == "Down"
            assert said(world)["outcome"] == "NotRun"
            assert "a fault of the operator" in said(world)["summary"]
        await asyncio.sleep(200)
        assert said(world)["outcome"] == "Fault"

    world = diagnosing(agents, script)
    assert (world.metric("ipsecping_operator_faults_total", where="diagnosis") or 0) >= 1
    assert world.metric("ipsecping_operator_faulty_checks") == 0


def test_a_fault_in_the_rule_is_counted_and_harms_no_verdict() -> None:
    async def script(world: World) -> None:
        with mock.patch.object(diagnoses, "wanted", side_effect=KeyError("bug")):
            world.down = True
            await asyncio.sleep(300)
            assert world.condition("Healthy")["reason"] == "Down"
            world.down = False
            await asyncio.sleep(400)
            assert world.condition("Healthy")["status"] == "True"

    world = diagnosing(Agents(report), script)
    assert (world.metric("ipsecping_operator_faults_total", where="diagnosis") or 0) >= 1


def test_labels_are_of_the_dictionary_and_each_series_stands_once() -> None:
    strange = (finding("MadeUp"), finding("MadeUpAsWell"), finding("TunnelSilent", causes=()), finding())
    agents = Agents(lambda **of: report(**of, findings=strange))

    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(400)
        shown = [line for line in world.scrape().splitlines() if line.startswith("ipsecping_diagnosis_info{")]
        assert len(shown) == 3
        for cause in ("Other", "TunnelSilent", "UnderlayLoss"):
            assert info(world, **(FOUND | {"cause": cause})) == 1
        world._show(CHECK, "DELETED", world.check)
        await asyncio.sleep(1)
        assert "ipsecping_diagnosis_info{" not in world.scrape()

    diagnosing(agents, script)


def test_a_deleted_check_gets_nothing_of_a_diagnosis_under_way() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        world.down = True
        while not agents.under_way:
            await asyncio.sleep(1)
        world._show(CHECK, "DELETED", world.check)
        await asyncio.sleep(300)

    world = diagnosing(agents, script)
    assert told(world) == []
    assert world.metric("ipsecping_operator_diagnoses_total", outcome="Fault") == 0


def test_nothing_is_asked_where_the_operator_does_not_diagnose_and_who_asks_is_told() -> None:
    agents = Agents(report)
    world = World()

    async def scenario() -> None:
        operator = await start(world)
        await asyncio.sleep(70)
        world.down = True
        await asyncio.sleep(300)
        assert "diagnosis" not in world.check["status"]
        annotate(world, "1")
        await asyncio.sleep(30)
        await operator.stop()

    with fakes(world), mock.patch.object(diagnoses, "report_of", agents):
        run(scenario())
    assert agents.asked == []
    assert "--diagnosis=false" in said(world)["summary"]
    assert told(world) == ["DiagnosisNotRun"]


def test_values_that_come_without_end_are_a_diagnosis_a_minute() -> None:
    agents = Agents(clean)

    async def script(world: World) -> None:
        for value in range(600):
            annotate(world, str(value))
            await asyncio.sleep(1)

    world = diagnosing(agents, script)
    times = [when for when, _ in agents.asked]
    assert 6 <= len(times) <= 8
    assert all(after - before >= 60 for before, after in pairwise(times))
    assert len(told(world)) <= len(times)


def test_who_may_send_less_than_a_diagnosis_does_is_told_so() -> None:
    agents = Agents(report)

    async def script(world: World) -> None:
        assert world.operator is not None
        world.operator.parts.diagnoses._refusal = Permissions(packet_rate={"network": 10}).no_diagnosis
        world.down = True
        await asyncio.sleep(300)
        assert said(world)["summary"].startswith(
            "not run: not permitted: a diagnosis sends up to 34 packets/s"
        )
        assert world.condition("Healthy")["reason"] == "Down"

    world = diagnosing(agents, script)
    assert agents.asked == []
    assert told(world) == ["DiagnosisNotRun"]


def test_values_that_come_without_end_and_cannot_run_are_told_of_every_five_seconds() -> None:
    async def script(world: World) -> None:
        assert world.operator is not None
        world.operator.parts.diagnoses._refusal = Permissions(packet_rate={"network": 10}).no_diagnosis
        for value in range(600):
            annotate(world, str(value))
            await asyncio.sleep(0.1)

    world = diagnosing(Agents(report), script)
    assert 10 <= (world.metric("ipsecping_operator_diagnoses_total", outcome="NotRun") or 0) <= 14
