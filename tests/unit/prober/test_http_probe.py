"""The HTTP probe against real servers on loopback, well-behaved and otherwise."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import HttpOptions, Invalidity, LossReason, PlannedProbe, ProbeType, RoundResult
from ipsecping.probes.http import MAX_DRAINED
from ipsecping.wire import http1

from ...plans import check_of
from .far_ends import Handler, closed_port, hang_up, measure, probe, prober, reset, silent, tcp_server


def http_probe(url: str, codes: tuple[int, ...] = (200,), **fields: Any) -> PlannedProbe:
    return probe(ProbeType.HTTP, options=HttpOptions(url=url, status_codes=codes), **fields)


def server(answer: bytes, requests: list[bytes] | None = None) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if requests is not None:
            requests.append(request)
        writer.write(answer)
        await writer.drain()

    return handler


async def fetch(handler: Handler, *codes: int, **fields: Any) -> RoundResult:
    async with tcp_server(handler) as port:
        return await measure(http_probe(f"http://127.0.0.1:{port}/healthz?a=b", codes or (200,), **fields))


async def test_a_status_asked_for_is_an_answer() -> None:
    requests: list[bytes] = []
    result = await fetch(server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", requests))
    assert (result.sent, result.received, result.rtt.count) == (3, 3, 3)
    assert requests[0].startswith(b"GET /healthz?a=b HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nConnection: close\r\n" in requests[0]


@pytest.mark.parametrize("status", [b"301 Moved", b"404 Not Found", b"503 "])
async def test_another_status_is_a_loss_and_redirects_are_not_followed(status: bytes) -> None:
    answer = b"HTTP/1.1 %s\r\nLocation: /elsewhere\r\n\r\n" % status
    assert (await fetch(server(answer))).losses == {LossReason.UNEXPECTED_STATUS: 3}
    assert (await fetch(server(answer), int(status[:3]))).received == 3


@pytest.mark.parametrize(
    "handler",
    [
        server(b"SSH-2.0-OpenSSH_9.2\r\n"),
        server(b""),
        server(b"HTTP/1.1 2"),
        server(b"\0" * 100),
        hang_up,
        reset,
    ],
    ids=["another protocol", "nothing", "half a line", "zeros", "closes", "resets"],
)
async def test_whatever_is_not_http_is_a_bad_answer(handler: Handler) -> None:
    assert (await fetch(handler)).losses == {LossReason.BAD_ANSWER: 3}


async def test_no_answer_times_out() -> None:
    assert (await fetch(silent, timeout_ms=100)).losses == {LossReason.TIMEOUT: 3}


@pytest.mark.parametrize(("stands_still", "invalid"), [(0.9, Invalidity.LATE_TICKS), (0.0, None)])
async def test_a_host_that_stood_still_until_the_time_was_over_says_nothing_of_the_path(
    stands_still: float, invalid: Invalidity | None
) -> None:
    """As where a machine is suspended, or a process frozen: the answer may have been there in time."""

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        time.sleep(stands_still)  # noqa: ASYNC251 - the probe and the server stand still together
        if stands_still:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read()

    result = await fetch(late, timeout_ms=300, count=1)
    assert (result.losses, result.invalid) == ({LossReason.TIMEOUT: 1}, invalid)


@pytest.mark.parametrize(("stands_still", "invalid"), [(0.6, Invalidity.LATE_TICKS), (0.0, None)])
async def test_a_host_that_stood_still_while_an_answer_was_awaited_does_not_count_that_as_round_trip(
    stands_still: float, invalid: Invalidity | None
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        time.sleep(stands_still)  # noqa: ASYNC251 - the probe and the server stand still together
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    result = await fetch(answer, timeout_ms=5000, count=1)
    assert (result.received, result.invalid) == (1, invalid)


async def test_an_answer_that_trickles_in_too_slowly_times_out() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in b"HTTP/1.1 ":
            writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        await reader.read()
        await reader.read()

    assert (await fetch(trickle, timeout_ms=200)).losses == {LossReason.TIMEOUT: 3}


async def test_a_closed_port_refuses() -> None:
    result = await measure(http_probe(f"http://127.0.0.1:{closed_port()}/"))
    assert result.losses == {LossReason.REFUSED: 3}


async def test_of_an_endless_body_only_the_beginning_is_taken() -> None:
    written = 0
    ended = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(bytes(65_536))
                await writer.drain()
                written += 65_536
        except ConnectionError:
            ended.set()

    result = await fetch(endless, count=1)
    await ended.wait()
    assert result.received == 1
    assert written < 100 * MAX_DRAINED  # what the sockets' buffers hold, and no more


async def test_the_host_of_the_url_is_where_the_packets_go() -> None:
    asked: list[str] = []

    def find(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if name == "app.example" else []

    requests: list[bytes] = []
    async with tcp_server(server(b"HTTP/1.1 200 OK\r\n\r\n", requests)) as port:
        good = http_probe(f"http://app.example:{port}/", name="good")
        bad = http_probe(f"http://gone.example:{port}/", name="bad")
        with prober(find=find) as made:
            found, lost = await made.round(check_of(good, bad, target="192.0.2.1"))
    assert (found.received, found.remote_ip) == (3, "127.0.0.1")
    assert (lost.invalid, lost.sent, lost.losses) == (Invalidity.NO_SUCH_NAME, 0, {})
    assert sorted(asked) == ["app.example", "gone.example"]
    assert f"\r\nHost: app.example:{port}\r\n".encode() in requests[0]


def test_interim_responses_are_passed_over() -> None:
    reader = http1.StatusReader()
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    whole = interim + b"HTTP/1.1 204 No Content\r\n"
    found = [reader.feed(bytes((octet,))) for octet in whole]
    assert found == [None] * (len(whole) - 1) + [204]


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from([b"HTTP/1.1 ", b"\r\n", b"100", b"200 ", b"\r\n\r\n"]))
)
def test_no_octets_break_the_reader(chunks: list[bytes]) -> None:
    reader = http1.StatusReader()
    try:
        for chunk in chunks:
            status = reader.feed(chunk)
            assert status is None or 101 <= status <= 599
            if status is not None:
                return
    except http1.NotHttp:
        return


def test_a_head_without_end_is_refused() -> None:
    reader = http1.StatusReader()
    with pytest.raises(http1.NotHttp):
        reader.feed(b"HTTP/1.1 100 Continue\r\n" + b"A: b\r\n" * 20_000)
