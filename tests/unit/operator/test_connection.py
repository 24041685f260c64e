"""Agents that abuse HTTP instead of the stream in it: cut off, told of, and no dearer than lines."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ipsecping.contract.result_stream import Hello, Item
from ipsecping_operator.backoff import Backoff
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.collect import result_reader
from ipsecping_operator.collect.result_reader import Agent, ResultReader
from ipsecping_operator.collect.throttle import LEAST_FRAME, Throttle

from ...peers.processes import PATIENCE
from .agent_server import POD_UID, encoded
from .builders import NOON, result

LOG = logging.LoggerAdapter(logging.getLogger("test"), {})
HELLO = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1))
ITEM = encoded(Item(sequence=1, ended=NOON, result=result()))
PLAIN = b"HTTP/1.1 200 OK\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Agents:
    """An agent that sends `first`, then `rest` without end every so many seconds; and who reads it."""

    def __init__(self) -> None:
        self.delivered = 0
        self.rejected = list[Rejection]()
        self.told = asyncio.Queue[str]()
        self.asked = list[bytes]()

    @asynccontextmanager
    async def read(
        self,
        first: bytes,
        rest: bytes = b"",
        *,
        every: float = 0.0,
        silence: float = 25.0,
        throttle: Throttle | None = None,
    ) -> AsyncIterator[None]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                self.asked.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(first)
                while rest:
                    writer.write(rest)
                    await writer.drain()
                    await asyncio.sleep(every)
            except ConnectionError:
                pass
            finally:
                writer.close()

        def deliver(*_: object) -> None:
            self.delivered += 1

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader = ResultReader(
            Agent(
                pod_uid=POD_UID,
                pod="probe-1",
                address="127.0.0.1",
                port=server.sockets[0].getsockname()[1],
            ),
            deliver=deliver,
            reject=lambda reason, _: self.rejected.append(reason),
            log=LOG,
            clock=lambda: NOON,
            throttle=throttle,
            tokens=("secret",),
            tell=lambda trouble: self.told.put_nowait("" if trouble is None else trouble.text),
            silence=silence,
            backoff=Backoff(first=0.01, longest=30.0),
        )
        task = asyncio.create_task(reader.run())
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            server.close()

    async def fault(self) -> str:
        """What is told of the first connection that failed."""
        while not (said := await self.told.get()):
            pass
        return said.partition("/v1/results: ")[2] or said


@pytest.mark.parametrize(
    ("first", "rest", "said"),
    [
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n", "it answers 102 Processing"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", "a head of more than 8192 bytes"),
        (b"HTTP/1.1 200 ", b"O", "a head of more than 8192 bytes"),
        (b"\0" * 100 + b"\r\n\r\n", b"", "no HTTP/1.1 status line"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", "no HTTP/1.1 status line"),
        (b"HTTP/1.1 200 O", b"", "the connection ended within a head"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n", b"", "it answers 302 Found"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            b"",
            "a transfer coding other than chunked",
        ),
        (
            CHUNKED + chunk(HELLO) + b"1;",
            b"extension",
            "the head of a chunk of more than 64 bytes",
        ),
        (CHUNKED + chunk(HELLO) + b"-1\r\n", b"", "a chunk without a size"),
        (CHUNKED + chunk(HELLO) + b"fffffffff\r\n", b"", "a chunk without a size"),
        (CHUNKED + chunk(HELLO) + b"1\r\nab\r\n", b"", "a chunk that is longer than its size"),
        (CHUNKED + chunk(HELLO) + b"ff\r\n" + ITEM[:9], b"", "the connection ended within a chunk"),
        (CHUNKED + chunk(HELLO) + b"0\r\n", b"Trailer: x\r\n", "the agent ended the stream"),
        (CHUNKED + chunk(HELLO) + b"0\r\n\r\n", PLAIN, "the agent ended the stream"),
        (PLAIN + HELLO, b"", "the agent ended the stream"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_no_agent_s_http_is_cut_off_and_told(first: bytes, rest: bytes, said: str) -> None:
    agents = Agents()
    async with agents.read(first, rest * 1000):
        assert said in await agents.fault()
    assert agents.delivered == 0
    assert agents.asked[0].startswith(b"GET /v1/results HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nAuthorization: Bearer secret\r\n" in agents.asked[0]


@pytest.mark.parametrize(
    "framed", [PLAIN + HELLO + ITEM, CHUNKED + chunk(HELLO + ITEM[:5]) + chunk(ITEM[5:])]
)
async def test_lines_are_read_however_they_are_framed(framed: bytes) -> None:
    agents = Agents()
    async with agents.read(framed):
        await agents.fault()
    assert agents.delivered == 1


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n"])
async def test_a_head_that_comes_octet_by_octet_is_told(
    first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_reader, "CONNECT_SECONDS", 0.2)
    agents = Agents()
    async with agents.read(first, b"X", every=0.01):
        # A busy machine may take longer to connect, which is another fault.
        while not (await agents.fault()).endswith("says nothing"):
            pass


async def test_what_sends_octets_but_no_line_is_as_silent_as_what_sends_nothing() -> None:
    agents = Agents()
    async with agents.read(CHUNKED + chunk(HELLO), chunk(b" "), every=0.01, silence=0.2):
        assert (await agents.fault()).endswith("says nothing")


async def test_frames_are_read_no_faster_than_lines() -> None:
    held_back = asyncio.Event()
    throttle = Throttle(burst=100 * LEAST_FRAME, held_back=lambda _: held_back.set())
    agents = Agents()
    async with agents.read(CHUNKED, chunk(b" ") * 1000, throttle=throttle):
        await held_back.wait()
    assert agents.rejected == []
