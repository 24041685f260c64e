"""The HTTP server over a real connection: what it answers, and what hostile clients cannot do to it."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from ipsecping.serving.messages import BadRequest, Request, Response, parse_request
from ipsecping.serving.server import DEFAULT, Limits, Refusal, Server

from ...peers.processes import PATIENCE


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"\xff\xfe / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET /?" + b"a=1&" * 20 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 505),
        (b"PUT / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
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


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"", None),
        (b"Authorization: Bearer abc\r\n", "Bearer abc"),
        (b"X: 1\r\nauthorization:Bearer \xff \r\nY: 2\r\n", "Bearer \xff"),
    ],
)
def test_the_field_authorization_is_read(lines: bytes, expected: str | None) -> None:
    assert parse_request(b"GET / HTTP/1.1\r\n" + lines + b"\r\n").authorization == expected


def test_two_fields_authorization_are_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request(b"GET / HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n")
    assert refused.value.status == 400


async def endless() -> AsyncGenerator[bytes, None]:
    while True:
        yield b"x" * 1000
        await asyncio.sleep(0)


async def hello(_: Request) -> Response:
    return Response(body=b"hello\n")


async def stream(request: Request) -> Response:
    """Never ends; its reader is trusted when it says the word."""
    return Response(body=endless(), seconds=None, trusted=request.authorization == "Bearer word")


async def scrape(_: Request) -> Response:
    return Response(body=endless(), seconds=0.3)


async def broken(_: Request) -> Response:
    raise RuntimeError("out of luck")


ROUTES = {"/hello": hello, "/stream": stream, "/scrape": scrape, "/broken": broken}


@asynccontextmanager
async def serving(limits: Limits = DEFAULT) -> AsyncIterator[tuple[Server, int]]:
    made = Server(ROUTES, limits=limits)
    port = await made.start("127.0.0.1", 0)
    try:
        yield made, port
    finally:
        await made.stop(grace=0)
        assert made.connections == 0


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, int]]:
    async with serving() as made:
        yield made


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(port: int, source: str = "127.0.0.1") -> AsyncIterator[Streams]:
    """A connection from an address of loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(port: int, request: bytes) -> bytes:
    async with connected(port) as (reader, writer):
        writer.write(request)
        return await asyncio.wait_for(reader.read(), PATIENCE)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def cut(reader: asyncio.StreamReader) -> bool:
    """Waits for the connection's end; whether it came without an answer."""
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE) == b""
    except ConnectionError:
        return True


async def test_plain_answers_have_a_length_and_head_sends_none_of_the_body(
    server: tuple[Server, int],
) -> None:
    answer = await ask(server[1], b"GET /hello HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 6\r\n" in answer
    assert answer.endswith(b"\r\n\r\nhello\n")
    assert (await ask(server[1], b"HEAD /hello HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")


async def test_a_stream_is_framed_for_clients_that_know_frames_and_plain_for_the_others() -> None:
    async def both(_: Request) -> Response:
        async def chunks() -> AsyncGenerator[bytes, None]:
            for chunk in (b"one\n", b"two\n"):
                yield chunk

        return Response(body=chunks())

    server = Server({"/": both})
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


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /hello HTTP/1.1\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n", b" 431 "),
        (b"GET /hello HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", b" 431 "),
        (b"POST /hello HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200_000, b" 405 "),
        (b"nonsense\r\n\r\n" + b"a" * 200_000, b" 400 "),
        (b"GET /nowhere HTTP/1.1\r\n\r\n" + b"a" * 200_000, b" 404 "),
        (b"GET /broken HTTP/1.1\r\n\r\n" + b"a" * 200_000, b" 500 "),
        (b"GET /hello HTTP/1.1\r\n\r\n" + b"a" * 200_000, b" 200 "),
    ],
)
async def test_an_answer_is_not_lost_in_a_reset_while_the_client_still_sends(
    server: tuple[Server, int], request_: bytes, status: bytes
) -> None:
    """As a client without an event loop does it: everything sent, then read until the end."""

    def blocking() -> bytes:
        with socket.create_connection(("127.0.0.1", server[1]), timeout=10) as sock:
            sock.sendall(request_)
            got = b""
            while data := sock.recv(65_536):
                got += data
            return got

    assert status in (await asyncio.to_thread(blocking)).split(b"\r\n")[0]


async def test_a_client_that_sends_without_end_is_left() -> None:
    async with serving(Limits(linger_octets=10_000, linger_seconds=30)) as (server, port):
        async with connected(port) as (reader, writer):
            writer.write(b"POST /hello HTTP/1.1\r\n\r\n")
            assert b" 405 " in await asyncio.wait_for(reader.read(), PATIENCE)
            with suppress(ConnectionError):
                while True:
                    writer.write(b"a" * 10_000)
                    await writer.drain()
                    await asyncio.sleep(0.01)
        await until(lambda: server.connections == 0)


async def test_content_is_read_only_where_it_is_asked_for_and_within_its_bounds() -> None:
    async def length(request: Request) -> Response:
        return Response(body=str(len(await request.content(1000))).encode())

    async def path(request: Request) -> Response:
        return Response(body=request.path.encode())

    limits = Limits(head_seconds=0.3)
    server = Server({"/below/": path, "/both": path}, posts={"/both": length, "/post": length}, limits=limits)
    port = await server.start("127.0.0.1", 0)

    async def post(head: bytes, content: bytes = b"") -> bytes:
        return await ask(port, b"POST " + head + b"\r\n\r\n" + content)

    for place in (b"/both", b"/post"):
        assert (await post(place + b" HTTP/1.1\r\nContent-Length: 1000", b"x" * 1000)).endswith(b"\r\n1000")
    assert b" 413 " in await post(b"/post HTTP/1.1\r\nContent-Length: 1001", b"x" * 1001)
    assert b" 411 " in await post(b"/post HTTP/1.1")
    chunked = b"/post HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"
    assert b" 411 " in await post(chunked, b"3\r\nabc\r\n0\r\n\r\n")
    assert b" 408 " in await post(b"/post HTTP/1.1\r\nContent-Length: 5", b"xx")
    assert b"\r\nAllow: POST\r\n" in await ask(port, b"GET /post HTTP/1.1\r\n\r\n")
    assert b"\r\nAllow: GET, HEAD\r\n" in await post(b"/below/it HTTP/1.1\r\nContent-Length: 0")
    assert (await ask(port, b"GET /below/it/too HTTP/1.1\r\n\r\n")).endswith(b"\r\n/below/it/too")
    assert b" 404 " in await ask(port, b"GET /below HTTP/1.1\r\n\r\n")
    async with connected(port) as (reader, writer):
        writer.write(b"POST /post HTTP/1.1\r\nContent-Length: 5\r\n\r\nxx")
        writer.write_eof()
        assert await cut(reader)
    await server.stop(grace=2)


async def test_half_open_heads_are_cut_off_and_counted() -> None:
    async with serving(Limits(head_seconds=0.2)) as (server, port):
        async with connected(port) as (silent, _), connected(port) as (dripping, writer):
            writer.write(b"GET /hello HT")
            assert await cut(silent)
            assert await cut(dripping)
        assert server.refused[Refusal.HEAD_TIMEOUT] == 2


async def test_whoever_takes_nothing_or_too_slowly_is_cut_off_and_counted() -> None:
    async with serving(Limits(stall_seconds=0.3)) as (server, port):
        async with connected(port) as (_, stalled), connected(port) as (slow, writer):
            stalled.transport.pause_reading()  # type: ignore[attr-defined]
            stalled.write(b"GET /stream HTTP/1.1\r\n\r\n")
            writer.write(b"GET /scrape HTTP/1.1\r\n\r\n")
            while True:  # takes all the time, and yet the answer has no end
                try:
                    if not await slow.read(1000):
                        break
                except ConnectionError:
                    break
            await until(lambda: server.connections == 0)
        assert server.refused[Refusal.STALLED] == 2


async def test_a_newcomer_gets_in_however_many_others_are_connected() -> None:
    async with serving(Limits(strangers=4)) as (server, port), AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(connected(port, "127.0.0.2")) for _ in range(50)]
        await until(lambda: server.connections == 4)
        assert server.refused[Refusal.DISPLACED] == 46
        assert b" 200 " in await ask(port, b"GET /hello HTTP/1.1\r\n\r\n")
        assert all([await cut(reader) for reader, _ in crowd[:46]])


async def test_who_has_asked_nothing_yet_is_not_displaced_by_the_crowd_of_another_address() -> None:
    async with serving(Limits(strangers=4)) as (_, port), AsyncExitStack() as stack:
        reader, writer = await stack.enter_async_context(connected(port))
        for _ in range(50):
            _, crowd = await stack.enter_async_context(connected(port, "127.0.0.2"))
            crowd.write(b"GET /stream HTTP/1.1\r\n\r\n")
            await asyncio.sleep(0)
        writer.write(b"GET /hello HTTP/1.1\r\n\r\n")
        assert b" 200 " in await asyncio.wait_for(reader.read(), PATIENCE)


async def test_a_reader_that_has_proved_who_it_is_stays_whoever_comes() -> None:
    async with serving(Limits(strangers=2)) as (server, port), AsyncExitStack() as stack:
        reader, writer = await stack.enter_async_context(connected(port))
        writer.write(b"GET /stream HTTP/1.1\r\nAuthorization: Bearer word\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(20):
            await stack.enter_async_context(connected(port))
        await until(lambda: server.connections == 3)
        assert len(await asyncio.wait_for(reader.readexactly(1_000_000), PATIENCE)) == 1_000_000


async def test_a_fault_of_a_handler_is_answered_and_logged(
    server: tuple[Server, int], caplog: pytest.LogCaptureFixture
) -> None:
    assert b" 500 " in await ask(server[1], b"GET /broken HTTP/1.1\r\n\r\n")
    assert "out of luck" in caplog.text


async def test_a_follower_that_does_not_go_is_cut_off_without_a_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as (_, port), connected(port) as (reader, writer):
        writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    assert caplog.records == []


async def test_a_client_that_resets_just_when_all_is_said_is_no_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    with socket.socket() as client:

        async def last_words(_: Request) -> Response:
            async def chunks() -> AsyncGenerator[bytes, None]:
                yield b"x"
                # While this runs the event loop cannot learn of the reset: it meets it when it ends its half.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()

            return Response(body=chunks())

        server = Server({"/last-words": last_words})
        port = await server.start("127.0.0.1", 0)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(client, b"GET /last-words HTTP/1.0\r\n\r\n")
        await until(lambda: client.fileno() == -1 and not server.connections)
        await server.stop(grace=1)
    assert (faults, caplog.records) == ([], [])
