"""An agent is read no faster than its plan makes results, and never at the cost of everything else."""

import asyncio
import json
import logging
from contextlib import AsyncExitStack
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import RoundResult
from ipsecping.contract.result_stream import Hello, Item, line_to_json
from ipsecping_operator.backoff import Backoff
from ipsecping_operator.check import timetable
from ipsecping_operator.check.measured import Measured
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.collect.result_reader import Agent, ResultReader
from ipsecping_operator.collect.throttle import (
    BURST,
    CALM_SECONDS,
    LEAST_LINE,
    PATIENCE,
    TURN,
    Bucket,
    SentTooMuch,
    Throttle,
    rate_of,
)

from .agent_server import LOG, POD_UID, Send, encoded, serving
from .builders import NOON, SECOND, check, plan, probe, result
from .virtual_time import run

HOSTILE = 10


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 65_536)), min_size=1, max_size=100))
def test_no_more_octets_come_than_the_burst_and_the_rate_allow(lines: list[tuple[float, int]]) -> None:
    bucket, now, octets = Bucket(rate=1000.0, burst=10_000.0), 0.0, 0
    for pause, line in lines:
        now += pause
        octets += line
        now += bucket.take(line, now=now)
        assert octets <= 10_000 + 1000 * now + 65_536


def test_a_full_ring_is_read_without_waiting_after_a_restart() -> None:
    ring = 8 * 2**20
    bucket = Bucket()
    assert all(bucket.take(400, now=0.0) == 0 for _ in range(ring // 400))


def test_what_a_plan_makes_is_read_for_ever_without_waiting() -> None:
    for of in (plan(), plan(*(probe(f"p{n}", count=1000) for n in range(16)), interval_ms=60_000)):
        bucket, now = Bucket(rate=rate_of(of), burst=2.0 * 16 * 20_000), 0.0
        lines = [len(encoded(Item(sequence=1, ended=NOON, result=worst(each.count)))) for each in of.probes]
        for _ in range(1000):
            now += (of.interval_ms or 0) / 1000
            assert all(bucket.take(line, now=now) == 0 for line in lines)


def worst(packets: int) -> RoundResult:
    """As long as a line gets: every packet in a bucket of its own, and long names."""
    return result(
        sent=packets, rtt_ms=[10 + each * 0.3 for each in range(packets)], remote_ip="2001:db8::" + "1" * 30
    )


def test_an_agent_above_its_rate_is_held_back_and_that_is_counted_and_said_once() -> None:
    said: list[bool] = []

    async def scenario() -> tuple[float, list[float]]:
        waits: list[float] = []
        throttle = Throttle(
            plan=plan(),
            burst=10 * LEAST_LINE,
            held_back=waits.append,
            changed=said.append,
        )
        for _ in range(20):
            await throttle.line(100)
        return asyncio.get_running_loop().time(), waits

    passed, waits = run(scenario())
    assert (len(waits), said) == (10, [True])
    assert passed == pytest.approx(10 * LEAST_LINE / rate_of(plan()), rel=0.01)


def test_a_connection_that_brings_too_much_is_given_up_and_the_next_one_is_read_soon() -> None:
    """Whatever was sent: fifty thousand short lines count as much as 25 MB."""

    async def scenario() -> tuple[float, float]:
        loop, throttle = asyncio.get_running_loop(), Throttle(plan=plan(), burst=10 * LEAST_LINE)

        async def lines(length: int) -> None:
            throttle.connected()
            for _ in range(50_000):
                await throttle.line(length)

        for length in (1, 100_000_000):
            with pytest.raises(SentTooMuch):
                await lines(length)
        given_up = loop.time()
        throttle.connected()
        for _ in range(20):
            await asyncio.sleep(1)
            await throttle.line(LEAST_LINE)
        return given_up, loop.time()

    given_up, honest = run(scenario())
    assert given_up <= 2 * PATIENCE
    assert honest - given_up <= 20 + PATIENCE


async def test_after_garbage_the_results_of_the_agent_that_follows_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same pod's agent, started anew behind what an earlier one has left in every buffer on the way."""
    monkeypatch.setattr("ipsecping_operator.collect.throttle.PATIENCE", 0.05)
    honest = encoded(Item(sequence=1, ended=NOON, result=result()))
    starts = count()

    async def script(after: str | None, send: Send) -> None:
        start = next(starts)
        await send(encoded(Hello(boot_id=f"boot-{start}", pod_uid=POD_UID, now=NOON, first=1)))
        if start == 0:
            for _ in range(100):
                await send(b"x\n" * 1000)
        else:
            await send(honest)
        await asyncio.Event().wait()

    delivered = asyncio.Event()
    async with serving(script) as port:
        reader = ResultReader(
            Agent(pod_uid=POD_UID, pod="probe-1", address="127.0.0.1", port=port),
            deliver=lambda *_: delivered.set(),
            reject=lambda *_: None,
            log=LOG,
            clock=lambda: NOON,
            throttle=Throttle(plan=plan(probe(count=1000), interval_ms=1000), burst=40_000),
            backoff=Backoff(first=0.01, longest=0.01, spread=0.0),
        )
        task = asyncio.create_task(reader.run())
        await asyncio.wait_for(delivered.wait(), 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_that_an_agent_is_held_back_is_over_a_minute_after_it_was_last() -> None:
    said: list[tuple[float, bool]] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        throttle = Throttle(
            burst=10 * LEAST_LINE, changed=lambda holding: said.append((loop.time(), holding))
        )
        for _ in range(3):
            for _ in range(12):
                await throttle.line(LEAST_LINE)  # a burst, and a second of waiting for what is above it
            await asyncio.sleep(40)
        for _ in range(10):
            await asyncio.sleep(10)
            await throttle.line(LEAST_LINE)

    run(scenario())
    assert [holding for _, holding in said] == [True, False], "said once while floods come and go"
    assert said[1][0] == pytest.approx(2 * 41 + 1 + CALM_SECONDS, abs=10)


async def test_ten_agents_that_make_results_up_leave_everything_else_its_turns() -> None:
    """No time is measured: between two turns of the loop, each agent gets a bounded number of lines in."""
    lines = b"".join(
        json.dumps(line_to_json(Item(sequence=number, ended=NOON, result=result()))).encode() + b"\n"
        for number in range(1, 301)
    )
    hello = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1))

    async def flood(after: str | None, send: Send) -> None:
        await send(hello)
        while True:
            # The same sequences again and again: nothing is to be made by the attacker either.
            await send(lines)

    taken = since = most = turns = 0

    def took(*_: object) -> None:
        nonlocal taken, since, most
        taken, since = taken + 1, since + 1
        most = max(most, since)

    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(flood))
        reading = [
            asyncio.create_task(
                ResultReader(
                    Agent(pod_uid=POD_UID, pod=f"probe-{number}", address="127.0.0.1", port=port),
                    deliver=took,
                    reject=took,
                    log=LOG,
                    clock=lambda: NOON,
                    throttle=Throttle(burst=BURST),
                ).run()
            )
            for number in range(HOSTILE)
        ]
        while taken < 5000:
            since, turns = 0, turns + 1
            await asyncio.sleep(0)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    assert most <= HOSTILE * (TURN // LEAST_LINE + 1)
    assert turns >= 5000 // (HOSTILE * (TURN // LEAST_LINE + 1))


async def test_a_throttled_agent_is_not_read_ahead_of_its_rate(caplog: pytest.LogCaptureFixture) -> None:
    sent, pieces = count(), 0
    line = encoded(Item(sequence=1, ended=NOON, result=result())) * 100

    async def flood(after: str | None, send: Send) -> None:
        nonlocal pieces
        await send(encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1)))
        while True:
            await send(line)
            pieces = next(sent)

    held_back = asyncio.Event()
    throttle = Throttle(burst=100 * 1024, held_back=lambda seconds: held_back.set())
    taken = 0

    def took(*_: object) -> None:
        nonlocal taken
        taken += 1

    with caplog.at_level(logging.WARNING):
        async with serving(flood) as port:
            reader = ResultReader(
                Agent(pod_uid=POD_UID, pod="probe-1", address="127.0.0.1", port=port),
                deliver=took,
                reject=took,
                log=LOG,
                clock=lambda: NOON,
                throttle=throttle,
            )
            task = asyncio.create_task(reader.run())
            await asyncio.wait_for(held_back.wait(), 10)
            for _ in range(1000):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert taken <= 100 * 1024 // LEAST_LINE


def schedule(starts: list[float], *, interval_ms: int = 30_000, extra: bool = False) -> int:
    """How many rounds that are said to have begun then (seconds) are counted."""
    of = plan(probe(timeout_ms=60_000), interval_ms=interval_ms)
    measurements = Measured()
    measurements.follow(check(of))
    accepted = 0
    for start in starts:
        at = NOON + int(start * SECOND)
        given = result(of=of, at=at, run_now="t" if extra else None)
        outcome = measurements.accept(given, start=at, now=NOON + 10**6 * SECOND)
        assert outcome in (None, Rejection.OFF_SCHEDULE)
        accepted += outcome is None
    return accepted


@pytest.mark.parametrize("seed", range(10))
def test_the_rounds_of_an_interval_count_in_whatever_order_they_end(seed: int) -> None:
    """Every second, each taking up to a minute, and each placed a second too early or too late."""
    random = Random(seed)
    ends = sorted((each + random.uniform(0, 60), each) for each in range(300))
    starts = [start + random.uniform(-1, 1) for _, start in ends]
    assert schedule(starts, interval_ms=1000) == 300


def test_made_up_rounds_are_refused_wherever_they_are_placed() -> None:
    assert schedule([0.0] * 1000) < 20
    assert schedule([each * 0.01 for each in range(1000)]) < 20
    assert schedule([-30.0 * each for each in range(1000)]) < 20
    assert schedule([(-1) ** each * 7.0 * each for each in range(100)]) < 60


def test_extra_rounds_come_on_top() -> None:
    assert schedule([0.0, *[1.0 + each for each in range(50)]], extra=True) == 51


def test_an_edit_of_the_interval_begins_anew() -> None:
    slow, fast = plan(interval_ms=24 * 3600 * 1000), plan(interval_ms=1000)
    measurements = Measured()
    measurements.follow(check(slow))
    for each in range(5):
        assert (
            measurements.accept(result(of=slow, at=NOON + each), start=NOON + each, now=NOON + 9 * SECOND)
            is None
        )
    measurements.follow(check(fast))
    at = NOON + 10 * SECOND
    assert measurements.accept(result(of=fast, at=at), start=at, now=at + 2 * SECOND) is None


def test_the_first_round_is_always_on_schedule() -> None:
    assert timetable.used(1000, probe(), run_now=False, start=NOON, before=None) == NOON
