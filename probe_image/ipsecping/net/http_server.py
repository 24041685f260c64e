"""As much of HTTP/1.1 (RFC 9112) as is needed here: GET and HEAD, one request a connection, all bounded.

Ours rather than `http.server`'s, because that one takes a thread for each stream, and threads that wake up
beside the event loop delay the packets that it sends.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

MAX_CONNECTIONS = 16
MAX_HEAD = 8192
HEAD_SECONDS = 5.0
"""A client has this long to send its request head: half-open connections do not pile up."""
MAX_AT_ONCE = 16
"""Chunks of a stream that are written before packets get their turn."""
WRITE_SECONDS = 30.0
"""A reader that takes nothing for this long is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A GET or HEAD request; `version` is "HTTP/1.0" or "HTTP/1.1"."""

    method: str
    version: str
    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A status and a body; a body that is an iterator is streamed, chunk by chunk, until it ends."""

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"
    body: bytes | AsyncGenerator[bytes, None] = b""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class BadRequest(ValueError):
    """A request that is refused; `status` says how, the message why."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


Handler = Callable[[Request], Awaitable[Response]]


def parse_request(head: bytes) -> Request:
    """Read a request head (up to and with the empty line); raises BadRequest."""
    try:
        line = head.split(b"\r\n", 1)[0].decode("ascii")
        method, target, version = line.split(" ")
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=8))
    except ValueError:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "malformed request line") from None
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadRequest(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.0 and HTTP/1.1 only")
    if method not in ("GET", "HEAD"):
        raise BadRequest(HTTPStatus.METHOD_NOT_ALLOWED, "GET and HEAD only")
    return Request(method=method, version=version, path=parts.path, query=query)


def render_head(response: Response, *, chunked: bool) -> bytes:
    """Status line and header fields of a response; `chunked` as a stream is framed."""
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        f"Content-Type: {response.content_type}",
        "Connection: close",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    if isinstance(response.body, bytes):
        lines.append(f"Content-Length: {len(response.body)}")
    elif chunked:
        lines.append("Transfer-Encoding: chunked")
    return "\r\n".join([*lines, "", ""]).encode()


class Server:
    """Serves `routes` (by path) until `stop`."""

    def __init__(self, routes: Mapping[str, Handler]) -> None:
        self._routes = routes
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port: int | None = None
        """The port it listens on, once it does."""

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    async def start(self, host: str | None, port: int) -> int:
        """Listen on `host` (None: everywhere) and `port` (0: any free); returns the port. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=MAX_HEAD)
        bound: int = self._server.sockets[0].getsockname()[1]
        self.port = bound
        return bound

    async def stop(self, *, grace: float) -> None:
        """Stop listening; give open connections `grace` seconds to end by themselves, then cut them off."""
        if self._server is not None:
            self._server.close()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            # Cut off at the end is an end as well: asyncio before 3.12 reports a cancelled one as a fault.
            with suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
                request, response = await self._answer(reader)
                await _send(writer, request, response)
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[Request | None, Response]:
        try:
            if len(self._connections) > MAX_CONNECTIONS:
                raise BadRequest(HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_CONNECTIONS} connections are open")
            request = parse_request(await _read_head(reader))
            handler = self._routes.get(request.path)
            if handler is None:
                raise BadRequest(HTTPStatus.NOT_FOUND, f"there is: {' '.join(self._routes)}")
            return request, await handler(request)
        except BadRequest as error:
            return None, Response(status=error.status, body=f"{error}\n".encode())


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
    except asyncio.LimitOverrunError:
        raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request head too large") from None
    except asyncio.IncompleteReadError:
        raise ConnectionResetError from None


async def _send(writer: asyncio.StreamWriter, request: Request | None, response: Response) -> None:
    """`request` is None when it was refused."""
    head_only = request is not None and request.method == "HEAD"
    # A client of HTTP/1.0 knows no chunks: the end of the connection ends the body (RFC 9112 section 6.1).
    chunked = request is None or request.version != "HTTP/1.0"
    writer.write(render_head(response, chunked=chunked))
    body = response.body
    if isinstance(body, bytes):
        writer.write(b"" if head_only else body)
        await asyncio.wait_for(writer.drain(), WRITE_SECONDS)
        return
    async with aclosing(body) as chunks:
        if head_only:
            return
        at_once = 0
        async for chunk in chunks:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            await _drain(writer)
            at_once += 1
            if at_once % MAX_AT_ONCE == 0:
                await asyncio.sleep(0)
    if chunked:
        writer.write(b"0\r\n\r\n")
    await _drain(writer)


async def _drain(writer: asyncio.StreamWriter) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await writer.drain()
