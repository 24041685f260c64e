"""One HTTP connection to an agent, or to who is notified, read no faster than its reader says (RFC 9112).

Ours rather than aiohttp's, which reads endless interim responses, answers that nobody asked for and
extensions of chunks as fast as they come, on the event loop, before its user can stop it.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

MAX_HEAD = 8192
"""Bytes of a status line with its header fields; the kernel keeps what is beyond twice as much."""
MAX_CHUNK_HEAD = 64
"""Bytes of the line before a chunk: a size, for agents send no extensions (RFC 9112 section 7.1.1)."""
PIECE = 16_384
"""Bytes of content handed on at once."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n]*))?\r\n")
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")

Pace = Callable[[int], Awaitable[None]]
"""Awaited with the bytes of framing that came before the next content."""


class BadAnswer(Exception):
    """An answer that breaks HTTP, or the bounds set here; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, and the content as it comes; the content raises BadAnswer and OSError."""

    status: int
    reason: str
    retry_after: str | None = None
    """The field Retry-After (RFC 9110 section 10.2.3), as it came."""
    content: AsyncGenerator[bytes, None]


@asynccontextmanager
async def get(
    host: str, port: int, target: str, *, fields: Mapping[str, str], seconds: float, pace: Pace
) -> AsyncIterator[Answer]:
    """Ask `GET target` and give the answer, whose head has to come within `seconds`.

    Raises TimeoutError, BadAnswer, OSError, and NotConnected where not even a connection comes about.
    """
    async with _asked("GET", host, port, target, fields=fields, seconds=seconds, pace=pace) as answer:
        yield answer


@asynccontextmanager
async def post(
    host: str,
    port: int,
    target: str,
    content: bytes,
    *,
    fields: Mapping[str, str],
    seconds: float,
    tls: ssl.SSLContext | None = None,
    name: str | None = None,
    connect_seconds: float | None = None,
) -> AsyncIterator[Answer]:
    """Send JSON by `POST target` and give the answer, as `get` does; raises what that raises.

    With `tls` by HTTPS, to a server whose certificate names `host`, or `name`, which `host` is an address of.
    `connect_seconds`: for the connection alone; None: `seconds`.
    """
    told = {"Content-Type": "application/json", **fields, "Content-Length": str(len(content))}
    async with _asked(
        "POST",
        host,
        port,
        target,
        fields=told,
        seconds=seconds,
        pace=at_once,
        content=content,
        tls=tls,
        name=name,
        connect_seconds=connect_seconds,
    ) as answer:
        yield answer


@asynccontextmanager
async def _asked(
    method: str,
    host: str,
    port: int,
    target: str,
    *,
    fields: Mapping[str, str],
    seconds: float,
    pace: Pace,
    content: bytes = b"",
    tls: ssl.SSLContext | None = None,
    name: str | None = None,
    connect_seconds: float | None = None,
) -> AsyncIterator[Answer]:
    asked = name or host
    try:
        async with asyncio.timeout(connect_seconds or seconds):
            reader, writer = await asyncio.open_connection(
                host, port, limit=MAX_HEAD, ssl=tls, server_hostname=asked if tls else None
            )
    except TimeoutError:
        raise NotConnected(None) from None
    except OSError as error:
        raise NotConnected(error) from error
    try:
        named = f"[{asked}]" if ":" in asked else asked
        lines = [f"{method} {target} HTTP/1.1", f"Host: {named}:{port}", "Connection: close"]
        lines += [f"{field}: {value}" for field, value in fields.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("ascii") + content)
        async with asyncio.timeout(seconds):
            head = await _until(reader, b"\r\n\r\n", MAX_HEAD, "a head")
        yield _answer(head, reader, pace)
    finally:
        writer.transport.abort()


async def at_once(octets: int) -> None:
    """Wait for nothing: who asks reads no more than a few kilobytes."""
    del octets


class NotConnected(Exception):
    """No connection came about; `error` is the system's, None where nothing answered in time."""

    def __init__(self, error: OSError | None) -> None:
        super().__init__(str(error))
        self.error = error


def _answer(head: bytes, reader: asyncio.StreamReader, pace: Pace) -> Answer:
    line = _STATUS_LINE.match(head)
    if line is None:
        raise BadAnswer("no HTTP/1.1 status line")
    fields = [each.partition(b":") for each in head[line.end() :].split(b"\r\n")]
    waits = [value.strip() for name, _, value in fields if name.lower() == b"retry-after"]
    codings = [value.strip().lower() for name, _, value in fields if name.lower() == b"transfer-encoding"]
    if codings not in ([], [b"chunked"]):
        raise BadAnswer("a transfer coding other than chunked")
    return Answer(
        status=int(line[1]),
        reason=(line[2] or b"").decode("latin-1"),
        retry_after=waits[0].decode("latin-1") if waits else None,
        content=_chunks(reader, pace) if codings else _rest(reader),
    )


async def _rest(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    """Yield content that ends with the connection, which is asked to be closed (RFC 9112 section 6.3)."""
    while data := await reader.read(PIECE):
        yield data


async def _chunks(reader: asyncio.StreamReader, pace: Pace) -> AsyncGenerator[bytes, None]:
    """Yield the content of chunks (RFC 9112 section 7.1) up to the last one.

    What follows that is not read: nothing else is asked on this connection.
    """
    while True:
        line = await _until(reader, b"\r\n", MAX_CHUNK_HEAD, "the head of a chunk")
        head = _CHUNK_HEAD.fullmatch(line)
        if head is None:
            raise BadAnswer("a chunk without a size")
        left = int(head[1], 16)
        if not left:
            return
        await pace(len(line) + 2)
        while left:
            data = await reader.read(min(left, PIECE))
            if not data:
                raise BadAnswer("the connection ended within a chunk")
            left -= len(data)
            yield data
        try:
            behind = await reader.readexactly(2)
        except asyncio.IncompleteReadError:
            raise BadAnswer("the connection ended within a chunk") from None
        if behind != b"\r\n":
            raise BadAnswer("a chunk that is longer than its size")


async def _until(reader: asyncio.StreamReader, end: bytes, most: int, what: str) -> bytes:
    """Read up to and with `end`, at most so many bytes. Raises BadAnswer."""
    try:
        found = await reader.readuntil(end)
    except asyncio.IncompleteReadError:
        raise BadAnswer(f"the connection ended within {what}") from None
    except asyncio.LimitOverrunError:
        found = b""
    if not 0 < len(found) <= most:
        raise BadAnswer(f"{what} of more than {most} bytes")
    return found
