"""The stream of results over a real connection: resumption, gaps, ends, and hostile clients."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from http import HTTPStatus

import pytest

from ipsecping.agent.ring import MAX_LINES, Ring
from ipsecping.contract import CheckRef, ClockSource, LossReason, ProbeType, RoundResult
from ipsecping.contract.stream import Cursor, Hello, Item, line_from_json
from ipsecping.net import http_server
from ipsecping.net.http_server import BadRequest, Request, Response, Server, parse_request

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
    first, second = await asyncio.wait_for(asyncio.gather(*waiting), 5)
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


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"\xff\xfe / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET /?" + b"a=1&" * 20 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\n\r\n", 405),
    ],
)
def test_a_wrong_request_is_refused_with_the_fitting_status(head: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request(head)
    assert refused.value.status == status


def test_path_and_query_are_taken_apart() -> None:
    request = parse_request(b"GET /v1/results?after=b%3A4&x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert request == Request(
        method="GET", version="HTTP/1.1", path="/v1/results", query={"after": "b:4", "x": ""}
    )


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, int]]:
    ring = ring_of(2)

    async def results(_: Request) -> Response:
        return Response(body=ring.follow(None))

    async def hello(_: Request) -> Response:
        return Response(body=b"hello\n")

    made = Server({"/stream": results, "/hello": hello})
    yield made, await made.start("127.0.0.1", 0)
    ring.close()
    await made.stop(grace=2)
    assert made.connections == 0


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_plain_answers_have_a_length_and_head_sends_none_of_the_body(
    server: tuple[Server, int],
) -> None:
    answer = await ask(server[1], b"GET /hello HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 6\r\n" in answer
    assert answer.endswith(b"\r\n\r\nhello\n")
    assert (await ask(server[1], b"HEAD /hello HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")


async def test_a_stream_is_framed_for_clients_that_know_frames_and_plain_for_the_others() -> None:
    async def stream(_: Request) -> Response:
        async def chunks() -> AsyncGenerator[bytes, None]:
            for chunk in (b"one\n", b"two\n"):
                yield chunk

        return Response(body=chunks())

    server = Server({"/": stream})
    port = await server.start("127.0.0.1", 0)
    framed = await ask(port, b"GET / HTTP/1.1\r\n\r\n")
    assert b"Transfer-Encoding: chunked\r\n" in framed
    assert framed.endswith(b"\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n")
    plain = await ask(port, b"GET / HTTP/1.0\r\n\r\n")
    assert b"Transfer-Encoding" not in plain
    assert plain.endswith(b"\r\n\r\none\ntwo\n")
    assert (await ask(port, b"HEAD / HTTP/1.1\r\n\r\n")).endswith(b"chunked\r\n\r\n")
    await server.stop(grace=2)


async def test_unknown_paths_and_oversized_heads_are_refused(server: tuple[Server, int]) -> None:
    assert b" 404 " in await ask(server[1], b"GET /etc/passwd HTTP/1.1\r\n\r\n")
    assert b" 431 " in await ask(server[1], b"GET /hello HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")


async def test_connections_are_bounded_and_half_open_ones_are_cut_off(
    server: tuple[Server, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.3)
    idle = [await asyncio.open_connection("127.0.0.1", server[1]) for _ in range(http_server.MAX_CONNECTIONS)]
    assert f" {HTTPStatus.SERVICE_UNAVAILABLE.value} ".encode() in await ask(
        server[1], b"GET /hello HTTP/1.1\r\n\r\n"
    )
    for reader, writer in idle:
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await writer.wait_closed()
    assert b" 200 " in await ask(server[1], b"GET /hello HTTP/1.1\r\n\r\n")


async def test_a_follower_that_does_not_go_is_cut_off_without_a_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ring = ring_of(2)

    async def results(_: Request) -> Response:
        return Response(body=ring.follow(None))

    server = Server({"/stream": results})
    reader, writer = await asyncio.open_connection("127.0.0.1", await server.start("127.0.0.1", 0))
    writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await server.stop(grace=0)
    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    assert server.connections == 0
    assert caplog.records == []
