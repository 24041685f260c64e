"""The ring that readers follow: resumption, gaps, ends."""

import asyncio
import json
from dataclasses import replace

import pytest

from ipsecping.agent.ring import MAX_LINES, Ring
from ipsecping.contract import CheckRef, ClockSource, LossReason, ProbeType, RoundResult
from ipsecping.contract.result_stream import Cursor, Hello, Item, line_from_json

from ...peers.processes import PATIENCE

RESULT = RoundResult(
    check=CheckRef(uid="u", namespace="n", name="c", generation=1, nonce="0" * 16, path="default"),
    probe="p",
    type=ProbeType.STAMP,
    started_at=1,
    duration=1,
    sent=1,
    received=0,
    losses={LossReason.TIMEOUT: 1},
    clock=ClockSource.USER,
)


WALL = 4
"""When all rounds are handed over; they end at 2, 3, 4, ..."""


def ring_of(count: int, *, capacity: int = 1_000_000) -> Ring:
    ring = Ring(boot_id="boot", pod_uid="pod", capacity=capacity, steady=lambda: 7, wall=lambda: WALL)
    for number in range(1, count + 1):
        ring.append(replace(RESULT, started_at=number))
    return ring


async def lines_of(ring: Ring, after: Cursor | None, count: int) -> list[object]:
    """The first lines of a stream; no more of them stand in what was handed out with them."""
    stream, lines = ring.follow(after), list[bytes]()
    while len(lines) < count:
        lines += (await anext(stream)).splitlines()
    assert len(lines) == count
    return [line_from_json(json.loads(line)) for line in lines]


async def test_a_reader_without_a_cursor_gets_all_that_is_held() -> None:
    hello, *items = await lines_of(ring_of(3), None, 4)
    assert hello == Hello(boot_id="boot", pod_uid="pod", now=7, first=1)
    assert [item.sequence for item in items if isinstance(item, Item)] == [1, 2, 3]


async def test_a_reader_goes_on_after_its_cursor() -> None:
    hello, item = await lines_of(ring_of(3), Cursor(boot_id="boot", sequence=2), 2)
    assert isinstance(hello, Hello)
    assert hello.first == 3
    assert item == Item(sequence=3, ended=7, result=replace(RESULT, started_at=3))


@pytest.mark.parametrize(
    "cursor", [Cursor(boot_id="earlier", sequence=2), Cursor(boot_id="boot", sequence=99)]
)
async def test_a_cursor_of_another_boot_starts_anew_and_one_from_the_future_waits(cursor: Cursor) -> None:
    (hello,) = await lines_of(ring_of(3), cursor, 1)
    assert isinstance(hello, Hello)
    assert hello.first == (1 if cursor.boot_id == "earlier" else 4)


async def test_a_full_ring_drops_the_oldest_and_the_reader_can_see_the_gap() -> None:
    size = len(await anext(ring_of(1).follow(None)))
    ring = ring_of(100, capacity=20 * size)
    assert ring.octets <= 20 * size
    assert ring.dropped == 100 - len(ring) > 0
    (hello,) = await lines_of(ring, Cursor(boot_id="boot", sequence=1), 1)
    assert isinstance(hello, Hello)
    assert hello.first == ring.dropped + 1


async def test_a_reader_far_behind_gets_many_lines_at_once_and_each_once() -> None:
    stream = ring_of(3 * MAX_LINES).follow(None)
    await anext(stream)
    chunks = [await anext(stream) for _ in range(3)]
    assert [chunk.count(b"\n") for chunk in chunks] == [MAX_LINES] * 3
    items = [line_from_json(json.loads(line)) for chunk in chunks for line in chunk.splitlines()]
    assert [item.sequence for item in items if isinstance(item, Item)] == [*range(1, 3 * MAX_LINES + 1)]


async def test_two_readers_that_wait_are_both_told_of_news() -> None:
    ring = ring_of(0)
    streams = [ring.follow(None) for _ in range(2)]
    for stream in streams:
        await anext(stream)
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)
    ring.append(RESULT)
    first, second = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
    assert line_from_json(json.loads(first)) == Item(sequence=1, ended=5, result=RESULT)
    assert first == second


async def test_results_that_arrive_later_are_handed_out_and_closing_ends_the_stream() -> None:
    ring = ring_of(0)
    stream = ring.follow(None)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    ring.append(RESULT)
    assert line_from_json(json.loads(await waiting)) == Item(sequence=1, ended=5, result=RESULT)
    ring.append(RESULT)
    ring.close()
    assert line_from_json(json.loads(await anext(stream))) == Item(sequence=2, ended=5, result=RESULT)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
