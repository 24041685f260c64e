"""Streams that break the contract, or come from another pod: passed over, counted and said once."""

import asyncio
import json
from typing import Any

import pytest

from ipsecping.contract.result_stream import MAX_LINE, Heartbeat, Hello, Item
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.collect.result_reader import MAX_MISSED

from .agent_reading import HELLO, following, item, rounds, warnings
from .agent_server import POD_UID, Ring, Send, encoded
from .builders import NOON, result


@pytest.mark.parametrize("answering", ["00000000-0000-0000-0000-000000000000", None])
async def test_another_pod_at_the_same_address_is_not_believed(answering: str | None) -> None:
    ring = Ring(pod_uid=answering)
    ring.results = rounds(3)
    async with following(ring.script) as followed:
        await followed.until(lambda: followed.rejected.get(Rejection.FOREIGN_POD, 0) >= 2)
        assert followed.results == []
        ring.pod_uid = POD_UID
        await followed.until(lambda: len(followed.results) == 3)


@pytest.mark.parametrize(
    "garbage",
    [
        b"not json\n",
        b"[1, 2]\n",
        b'{"hello": 1}\n',
        b'{"sequence": 1}\n',
        b"\xff\xfe\n",
        b"x" * (MAX_LINE + 1),
        b"[" * 60_000 + b"\n",
        encoded(Heartbeat(now=1)),
        encoded(Item(sequence=1, ended=NOON, result=result())),
    ],
    ids=["text", "list", "bad-hello", "bare-item", "no-utf-8", "endless", "deep", "beat-first", "item-first"],
)
async def test_garbage_delivers_nothing_and_the_agent_is_tried_again(garbage: bytes) -> None:
    ring, answers = Ring(), 0
    ring.results = rounds(2)

    async def script(after: str | None, send: Send) -> None:
        nonlocal answers
        answers += 1
        if answers == 1:
            await send(garbage)
            await asyncio.Event().wait()
        await ring.script(after, send)

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
    assert followed.rejected == {Rejection.MALFORMED: 1}


@pytest.mark.parametrize(
    "bad",
    [
        item(2, received=11),
        item(2, remoteIP="\ud800"),
        item(2, startedAt=-1),
        item(2, type="TCP", certificateExpiry=-86_400),
        item(2, type="TCP", certificateExpiry=253_402_300_800),
        item(2, sent=0, received=0, rtt={}),
        item(2).replace(b'"ended"', b'"end"'),
        item(2).replace(b'"sequence": 2', b'"sequence": -2'),
        item(2).replace(b'"sequence": 2', b'"sequence": NaN'),
        b"not json\n",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"[1, 2]\n",
        b"x" * (2 * MAX_LINE) + b"\n",
    ],
    ids=lambda line: line[-60:].decode(errors="replace"),
)
async def test_a_line_that_breaks_the_contract_is_passed_over_once_and_the_next_is_read(
    bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connections = list[str | None]()

    async def script(after: str | None, send: Send) -> None:
        connections.append(after)
        start = int(after.partition(":")[2]) if after else 0
        first = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=start + 1))
        await send(b"".join([first, *[item(1), bad, item(3)][start:]]))
        if len(connections) > 2:
            await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
        while len(connections) < 3:
            await asyncio.sleep(0.01)
    assert followed.order == [NOON + 1, NOON + 3]
    assert followed.rejected == {Rejection.MALFORMED: 1}
    assert connections == [None, "b:3", "b:3"]
    assert sum("passed over" in record.message for record in caplog.records) == 1


async def test_lines_that_cannot_be_read_at_all_are_not_met_again_when_the_connection_ends() -> None:
    connections = list[str | None]()

    async def script(after: str | None, send: Send) -> None:
        connections.append(after)
        start = int(after.partition(":")[2]) if after else 0
        first = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=start + 1))
        await send(b"".join([first, *[item(1), b"?\n", b"?\n"][start:]]))
        if len(connections) > 1:
            await send(item(4))
            await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
    assert connections == [None, "b:3"]
    assert followed.rejected == {Rejection.MALFORMED: 2}


async def test_a_line_of_a_kind_to_come_takes_no_place() -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + b'{"weather": "fine"}\n' + (b"" if after else item(1)))
        if after:
            await send(item(2))
            await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
    assert followed.rejected == {Rejection.MALFORMED: 2}


async def test_what_is_wrong_is_logged_once_for_each_field(caplog: pytest.LogCaptureFixture) -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + b"".join(item(number, remoteIP=f"evil-{number}") for number in range(1, 40)))
        await send(item(40, received=number_of_packets))
        await asyncio.Event().wait()

    number_of_packets = 99
    async with following(script) as followed:
        await followed.until(lambda: followed.rejected.get(Rejection.MALFORMED) == 40)
    assert [record.message for record in caplog.records] == [
        "results of pod probe-1: passed over: result.remoteIP: 'evil-1' is not an IP address",
        "results of pod probe-1: passed over: result.received: 99 is outside 0..10",
    ]


async def test_an_agent_cannot_spoil_the_counter_of_missed_results() -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + item(2**62))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 1)
    assert followed.rejected == {Rejection.MISSED: MAX_MISSED}


async def test_an_agent_that_jumps_time_and_again_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + b"".join(map(item, range(2, 400, 2))))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 199)
    assert followed.rejected == {Rejection.MISSED: 199}
    assert warnings(caplog) == ["results of pod probe-1: 1 left its ring before they were read"]


@pytest.mark.parametrize(
    "hello",
    [
        {"bootID": "\ud800"},
        {"bootID": "b" * 65},
        {"bootID": "a b"},
        {"first": 0},
        {"podUID": "p\n"},
        {"now": -1},
    ],
    ids=str,
)
async def test_a_hello_that_no_cursor_could_answer_is_no_hello(
    hello: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    good = {"bootID": "b", "podUID": POD_UID, "now": NOON, "first": 1}

    async def script(after: str | None, send: Send) -> None:
        await send(json.dumps({"hello": good | hello}).encode() + b"\n" + item(1))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: followed.rejected.get(Rejection.MALFORMED, 0) >= 2)
    assert followed.results == []
    assert sum("hello." in record.message for record in caplog.records) == 1
