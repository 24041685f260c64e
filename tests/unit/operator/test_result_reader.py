"""Following an agent over a real loopback connection, well-behaved and otherwise."""

import asyncio
import logging

import pytest

from ipsecping.contract.result_stream import Hello, Item
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.collect.result_reader import Agent

from ...peers.processes import PATIENCE
from .agent_reading import broken_off, following, rounds, warnings
from .agent_server import POD_UID, Ring, Send, encoded
from .builders import NOON, SECOND, result


async def test_every_result_in_the_ring_is_delivered_in_order() -> None:
    ring = Ring()
    ring.results = rounds(200)
    async with following(ring.script) as followed:
        await followed.until(lambda: len(followed.results) == 200)
    assert followed.order == [each.started_at for each in ring.results]
    assert followed.rejected == {}


async def test_a_broken_connection_is_resumed_where_it_broke_and_nothing_counts_twice() -> None:
    ring = Ring()
    ring.results, ring.cut_after = rounds(10), 4
    async with following(ring.script) as followed:
        await followed.until(lambda: len(followed.results) == 10)
    assert followed.order == [each.started_at for each in ring.results]
    assert ring.served == [None, "boot-1:4"]
    assert followed.rejected == {}


async def test_an_agent_that_started_anew_is_read_from_its_beginning() -> None:
    ring = Ring()
    ring.results, ring.cut_after = rounds(5), 5
    async with following(ring.script) as followed:
        await followed.until(lambda: len(followed.results) == 5)
        ring.boot, ring.results = "boot-2", rounds(3)
        await followed.until(lambda: len(followed.results) == 8)
    assert followed.rejected == {}


async def test_an_agent_whose_pod_has_changed_is_asked_again_at_once() -> None:
    ring, broken = Ring(), asyncio.Event()

    async def script(after: str | None, send: Send) -> None:
        if not broken.is_set():
            broken.set()
            return
        await ring.script(after, send)

    ring.results = rounds(1)
    async with following(script, first_pause=3600) as followed:
        await broken.wait()
        while not followed.results:
            followed.reader.hasten()
            await asyncio.sleep(0.01)
    assert ring.served == [None]


async def test_results_that_left_the_ring_while_nobody_read_are_said_to_be_missing() -> None:
    early, late = Ring(), Ring()
    early.results, early.cut_after = rounds(5), 2
    late.first, late.results = 6, rounds(3)

    async def script(after: str | None, send: Send) -> None:
        await (early if after is None else late).script(after, send)

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 5)
    assert late.served == ["boot-1:2"]
    assert followed.rejected == {Rejection.MISSED: 3}


async def test_an_agent_that_sends_an_item_twice_counts_once() -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1)))
        for sequence in (1, 1, 2, 5):
            await send(encoded(Item(sequence=sequence, ended=NOON, result=result())))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 3)
    assert followed.rejected == {Rejection.DUPLICATE: 1, Rejection.MISSED: 2}


async def test_a_connection_without_heartbeats_is_given_up_and_made_again() -> None:
    ring = Ring()
    ring.results = rounds(1)
    async with following(ring.script, silence=0.05) as followed:
        await followed.until(lambda: len(followed.results) == 1)
        async with asyncio.timeout(PATIENCE):
            while len(ring.served) < 3:
                await asyncio.sleep(0.01)
    assert ring.served[1:3] == ["boot-1:1", "boot-1:1"]
    assert len(followed.results) == 1


@pytest.mark.parametrize("skew", [-7200, 7200])
async def test_rounds_are_placed_on_the_operator_s_clock(skew: int) -> None:
    now = NOON + 3600 * SECOND
    agent_clock = now + skew * SECOND
    ring = Ring(now=5000 * SECOND, wall=agent_clock)
    ring.results = [result(at=agent_clock - 60 * SECOND)]
    async with following(ring.script, clock=now) as followed:
        await followed.until(lambda: len(followed.results) == 1)
    assert followed.results[0][1] == now - 60 * SECOND


async def test_what_an_ending_agent_still_hands_out_is_read_and_no_connection_follows() -> None:
    told, connections = asyncio.Event(), list[str | None]()

    async def script(after: str | None, send: Send) -> None:
        connections.append(after)
        await send(encoded(Hello(boot_id="boot-1", pod_uid=POD_UID, now=0, first=1)))
        await told.wait()
        await send(encoded(Item(sequence=1, ended=0, result=result(at=NOON))))

    async with following(script) as followed, asyncio.timeout(PATIENCE):
        while not connections:
            await asyncio.sleep(0.01)
        followed.reader.end()
        told.set()
        await followed.reading
    assert followed.order == [NOON]
    assert connections == [None]


async def test_the_agent_is_shown_the_token_and_the_one_before_while_it_knows_no_other() -> None:
    ring = Ring()
    ring.results = rounds(3)
    for wanted in (["new"], ["old"], ["new", "old"]):
        async with following(ring.script, wanted=wanted, shown=["new", "old"]) as followed:
            await followed.until(lambda seen=followed: len(seen.results) == 3)  # type: ignore[misc]
        assert followed.troubles == [None]


async def test_an_agent_that_takes_no_token_is_told_of_and_nothing_is_lost_meanwhile() -> None:
    ring, wanted = Ring(), ["other"]
    ring.results = rounds(3)
    async with following(ring.script, wanted=wanted, shown=["new", "old"]) as followed:
        await followed.until(lambda: len(followed.troubles) > 2)
        first = followed.troubles[0]
        assert first is not None
        assert first.unauthorized
        assert "pod probe-1 cannot be read: http://127.0.0.1:" in str(first)
        assert "/v1/results answers 401" in str(first)
        wanted[:] = ["new"]
        await followed.until(lambda: len(followed.results) == 3)
        assert followed.troubles[-1] is None
    assert followed.rejected == {}


async def test_a_connection_that_is_refused_names_address_port_and_error() -> None:
    async def gone(_: str | None, __: Send) -> None:
        raise ConnectionResetError

    async with following(gone, pod_uid="x") as followed:
        followed.reader._agent = Agent(pod_uid="x", pod="probe-1", address="127.0.0.1", port=1)
        await followed.until(lambda: any(t and ":1/" in t.text for t in followed.troubles))
    assert "cannot connect to http://127.0.0.1:1/v1/results: Connection refused" in str(followed.troubles[-1])


async def test_what_may_pass_by_itself_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with following(broken_off):
        async with asyncio.timeout(PATIENCE):
            while "the agent ended the stream" not in caplog.text:
                await asyncio.sleep(0.01)
    assert warnings(caplog) == []


async def test_what_lasts_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    async with following(broken_off, grace=0.05):
        async with asyncio.timeout(PATIENCE):
            while not warnings(caplog):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    assert warnings(caplog) == ["results of pod probe-1: the agent ended the stream"]


async def test_an_answer_that_is_no_agent_s_is_a_warning_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(b"not json\n")

    async with following(script) as followed:
        await followed.until(lambda: Rejection.MALFORMED in followed.rejected)
        await followed.until(lambda: followed.rejected[Rejection.MALFORMED] >= 2)
    (said,) = warnings(caplog)
    assert "not an agent's answer" in said
