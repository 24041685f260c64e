"""The agent takes over new plans without losing a round, and answers for its own failures."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from ipsecping.agent.agent import Agent
from ipsecping.agent.ring import Ring
from ipsecping.agent.service import Service
from ipsecping.contract import (
    ContractError,
    Invalidity,
    Plan,
    PlannedCheck,
    RoundResult,
)
from ipsecping.contract.result_stream import Hello, Item, line_from_json

from ...peers.processes import PATIENCE
from .stage import CHECK, Stage, StandIn, get, until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    made.write(CHECK)
    await made.begin()
    yield made
    await made.end()


async def test_results_stream_to_a_reader_with_the_pod_and_boot_they_come_from(stage: Stage) -> None:
    stage.stand_ins[0].let_go.set()
    async with aiohttp.ClientSession() as session, session.get(stage.url + "/v1/results") as answer:
        hello = line_from_json(json.loads(await answer.content.readline()))
        item = line_from_json(json.loads(await answer.content.readline()))
    assert isinstance(hello, Hello)
    assert (hello.pod_uid, hello.boot_id) == ("pod-1", stage.service.ring.boot_id)
    assert isinstance(item, Item)
    assert item.result.check == CHECK.ref


async def test_a_changed_plan_replaces_the_prober_and_the_running_round_still_counts(stage: Stage) -> None:
    old = stage.stand_ins[0]
    await old.started.wait()
    stage.write(replace(CHECK, target="192.0.2.2"))
    await until(lambda: len(stage.stand_ins) == 2)
    assert not old.closed
    old.let_go.set()
    await until(lambda: old.closed)
    assert stage.service.ring.last == len(old.rounds)
    assert stage.stand_ins[1].check.target == "192.0.2.2"


async def test_what_an_agent_does_not_measure_is_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.write(CHECK, replace(CHECK, path="by-cron", interval_ms=None))
    await until(lambda: "plan: 1 without intervalMs, not measured here" in caplog.text)
    assert stage.service.agent.paths == 1
    stage.write()
    await until(lambda: "plan: checks is empty, so nothing is measured" in caplog.text)


async def test_a_new_generation_of_the_same_plan_disturbs_nothing_and_names_later_rounds(
    stage: Stage,
) -> None:
    stand_in = stage.stand_ins[0]
    stand_in.let_go.set()
    await stand_in.started.wait()
    stage.write(replace(CHECK, generation=7))
    await until(lambda: stand_in.rounds[-1].generation == 7)
    assert len(stage.stand_ins) == 1


async def test_rounds_are_due_at_the_ticks_however_late_they_are_begun(stage: Stage) -> None:
    stand_in = stage.stand_ins[0]
    stand_in.let_go.set()
    await until(lambda: len(stand_in.starts) == 3)
    first, *later = stand_in.starts
    assert all((start - first) % 1_000_000_000 == 0 for start in later)


async def test_an_extra_round_is_run_once_for_each_word_and_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    # No round is due for an hour, or up to two.
    rare = replace(CHECK, interval_ms=7_200_000)
    stage.write(replace(rare, run_now="first"))
    await stage.begin()
    try:
        stand_in = stage.stand_ins[0]
        stand_in.let_go.set()
        # A path that begins cannot know whether its predecessor ran the round: it does.
        await until(lambda: stage.service.ring.last == 1)
        stage.write(replace(rare, run_now="first", generation=2))
        await until(lambda: stage.service.agent._runners[("u1", "default")].check.generation == 2)
        stage.write(rare)
        stage.write(replace(rare, run_now="second"))
        await until(lambda: stage.service.ring.last == 2)
        stage.write(replace(rare, generation=3))
        await until(lambda: stage.service.agent._runners[("u1", "default")].check.generation == 3)
        async with aiohttp.ClientSession() as session, session.get(stage.url + "/v1/results") as answer:
            await answer.content.readline()
            items = [line_from_json(json.loads(await answer.content.readline())) for _ in range(2)]
        assert [item.result.run_now for item in items if isinstance(item, Item)] == ["first", "second"]
        assert len(stage.stand_ins) == 1, "the same prober, with its sockets and sessions"
        assert len(stand_in.rounds) == 2
    finally:
        await stage.end()


async def test_an_extra_round_waits_for_the_one_that_runs(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    rare = replace(CHECK, interval_ms=7_200_000)
    stage.write(replace(rare, run_now="first"))
    await stage.begin()
    try:
        stand_in = stage.stand_ins[0]
        await stand_in.started.wait()
        stage.write(replace(rare, run_now="second", generation=2))
        await until(lambda: stage.service.agent._runners[("u1", "default")].check.generation == 2)
        assert len(stand_in.rounds) == 1
        stand_in.let_go.set()
        await until(lambda: stage.service.ring.last == 2)
        assert [check.generation for check in stand_in.rounds] == [1, 2]
    finally:
        await stage.end()


async def test_a_broken_plan_is_told_and_the_old_one_goes_on(stage: Stage) -> None:
    stage.file.write_text('{"version": 1, "checks": [{}]}')

    async with asyncio.timeout(PATIENCE):
        while "not taken" not in (told := (await get(stage, "/healthz"))[1]):
            await asyncio.sleep(0.05)
    assert "plan.checks[0].probes" in told
    assert "ipsecping_agent_plan_valid 0.0" in (await get(stage, "/metrics"))[1]
    assert stage.service.agent.paths == 1
    stage.write(CHECK)
    async with asyncio.timeout(PATIENCE):
        while (await get(stage, "/healthz"))[1] != "ok\n":
            await asyncio.sleep(0.05)


async def test_a_host_without_threads_left_takes_a_changed_plan_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    stage.stand_ins[0].let_go.set()
    stage.write(replace(CHECK, target="192.0.2.2"))
    await until(lambda: len(stage.stand_ins) == 2 or stage.running.done())
    assert not stage.running.done()


async def test_an_error_of_the_prober_is_an_invalid_round_and_never_loss(stage: Stage) -> None:
    stage.stand_ins[0].broken = True
    stage.stand_ins[0].let_go.set()
    await until(lambda: stage.service.ring.last > 0)
    metrics = (await get(stage, "/metrics"))[1]
    assert f'ipsecping_agent_rounds_invalid_total{{reason="{Invalidity.INTERNAL_ERROR}"}}' in metrics
    assert stage.service.agent.invalid[Invalidity.INTERNAL_ERROR] > 0


async def test_a_prober_that_cannot_even_begin_a_round_makes_it_invalid(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def round_(_: StandIn, check: PlannedCheck, *, start: int) -> Awaitable[Sequence[RoundResult]]:
        raise OSError(f"no round of {check.name} at {start}")

    await stage.stand_ins[0].started.wait()
    monkeypatch.setattr(StandIn, "round", round_)
    stage.stand_ins[0].let_go.set()
    await until(lambda: stage.service.agent.invalid[Invalidity.INTERNAL_ERROR])
    assert stage.service.agent.failures > 0


async def test_sigterm_finishes_the_running_round_and_hands_it_out(stage: Stage) -> None:
    stand_in = stage.stand_ins[0]
    async with aiohttp.ClientSession() as session, session.get(stage.url + "/v1/results") as answer:
        await stand_in.started.wait()
        stage.stop.set()
        await asyncio.sleep(0)
        stand_in.let_go.set()
        lines = (await answer.text()).splitlines()
    assert isinstance(line_from_json(json.loads(lines[-1])), Item)
    await stage.running
    assert stand_in.closed


async def test_a_cursor_that_is_none_is_refused(stage: Stage) -> None:
    status, said = await get(stage, "/v1/results?after=nonsense")
    assert status == 400
    assert "BOOT_ID:SEQUENCE" in said


def test_a_plan_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="No such file"):
        Service(tmp_path / "none.json", StandIn, pod_uid=None)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(ContractError, match="not JSON"):
        Service(tmp_path / "plan.json", StandIn, pod_uid=None)


async def test_a_plan_with_thousands_of_checks_leaves_others_their_turns_while_it_is_taken_over() -> None:
    agent = Agent(Ring(boot_id="boot", pod_uid=None), StandIn)
    checks = tuple(replace(CHECK, uid=f"u{i}", interval_ms=3_600_000) for i in range(2000))
    applying, turns = asyncio.create_task(agent.apply(Plan(checks=checks))), 0
    while not applying.done():
        await asyncio.sleep(0)
        turns += 1
    assert agent.paths == len(checks)
    assert turns > 10
    await agent.stop(grace=10)


@pytest.mark.parametrize(("paths", "instants"), [(8, 1), (33, 33)])
async def test_paths_of_a_check_begin_together_unless_they_are_a_crowd(
    paths: int, instants: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for clock in ("time_ns", "monotonic_ns"):
        monkeypatch.setattr(time, clock, lambda: 10**18)
    rare = replace(CHECK, interval_ms=7_200_000)
    agent = Agent(Ring(boot_id="b", pod_uid="p"), StandIn)
    try:
        await agent.apply(Plan(checks=tuple(replace(rare, path=f"p{number}") for number in range(paths))))
        due = {runner._ticks.next for runner in agent._runners.values()}
    finally:
        await agent.stop(grace=1)
    assert len(due) == instants
