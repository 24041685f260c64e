"""The server: one request a connection, everything bounded in number, size and time.

Ours rather than `http.server`'s, because that one takes a thread for each stream, and threads that wake up
beside the event loop delay the packets that it sends; and rather than aiohttp's, because that one bounds
neither connections nor the time of a request head.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from types import MappingProxyType

from .listening import hosts, tcp_socket
from .messages import BadRequest, Request, Response, not_allowed, parse_request, render_head
from .places import Place, Places, Stage, origin

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Connections that are accepted in one turn of the event loop (asyncio calls it the backlog) ..."""
WAITING = 1024
"""... and those that wait in the kernel for theirs."""
MAX_AT_ONCE = 16
"""Chunks of a stream that are written before packets get their turn."""
MAX_CHUNK = 65_536
"""Bytes of a body that are handed to a connection at once: each holds no more than this."""

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one server."""

    strangers: int = 64
    """Connections of those who have not proved who they are.

    More than come in five turns of the event loop (`AT_ONCE` each): from then on a request that was there has
    been read, so that no crowd takes the place of somebody who has already asked.
    """
    trusted: int = 8
    """Connections of those who have."""
    head_octets: int = 8192
    head_seconds: float = 5.0
    """A client has this long to send its request head."""
    stall_seconds: float = 30.0
    """A reader that takes nothing for this long is cut off."""
    linger_seconds: float = 2.0
    """After its answer, what a client still sends is read for this long ..."""
    linger_octets: int = 262_144
    """... and up to this much."""


DEFAULT = Limits()
NO_ROUTES: Mapping[str, Handler] = MappingProxyType({})


class Refusal(StrEnum):
    """Why a connection did not end well."""

    DISPLACED = "Displaced"
    """It made room for another one."""
    HEAD_TIMEOUT = "HeadTimeout"
    """No request came in time."""
    STALLED = "Stalled"
    """It did not take its answer in time."""
    BAD_REQUEST = "BadRequest"
    UNAUTHORIZED = "Unauthorized"
    """It asked for what is not for everybody."""


class Server:
    """Serves `routes` until `stop`. Belongs to one event loop."""

    def __init__(
        self,
        routes: Mapping[str, Handler],
        *,
        posts: Mapping[str, Handler] = NO_ROUTES,
        limits: Limits = DEFAULT,
    ) -> None:
        """`routes` answer GET and HEAD, by path; one that ends in a slash stands for all below it.

        `posts` answer POST.
        """
        self._routes = routes
        self._posts = posts
        self._limits = limits
        self._places = Places(strangers=limits.strangers, trusted=limits.trusted)
        self._open: dict[Place, tuple[asyncio.Task[None], asyncio.WriteTransport]] = {}
        self._servers: list[asyncio.Server] = []
        self.port: int | None = None
        """The port it listens on, once it does."""
        self.refused: Counter[Refusal] = Counter()

    @property
    def connections(self) -> int:
        """Connections that are open now; those that made room are gone, though their tasks may still end."""
        return len(self._places)

    async def start(self, host: str, port: int) -> int:
        """Listen on `host` (empty: everywhere) and `port` (0: any free); returns the port. Raises OSError."""
        bound = port
        try:
            for each in hosts(host):
                sock = tcp_socket(each, bound)
                bound = sock.getsockname()[1]
                server = await asyncio.start_server(
                    self._accept, sock=sock, limit=self._limits.head_octets, backlog=AT_ONCE
                )
                self._servers.append(server)
                sock.listen(WAITING)
        except OSError:
            self._close()
            raise
        self.port = bound
        return bound

    async def stop(self, *, grace: float) -> None:
        """Stop listening; give open connections `grace` seconds to end by themselves, then cut them off."""
        self._close()
        tasks = [task for task, _ in self._open.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        peer = writer.get_extra_info("peername")
        place = Place(origin=origin(str(peer[0])) if peer else "", moved=time.monotonic())
        self._open[place] = task, writer.transport
        self._cut(self._places.take(place))
        # Nothing waits in this process but what `_flush` waits for: so an end is never held up by a reader.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            # A client that has gone shows as whatever its network says (ENOTCONN, EHOSTUNREACH, ...).
            # Cut off at the end is an end as well: asyncio before 3.12 reports a cancelled one as a fault.
            with suppress(OSError, asyncio.CancelledError):
                await self._serve(place, reader, writer)
        finally:
            self._places.leave(place)
            del self._open[place]
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    def _cut(self, place: Place | None) -> None:
        """End the connection that makes room."""
        if place is None or place not in self._open:
            return
        self.refused[Refusal.DISPLACED] += 1
        task, transport = self._open[place]
        transport.abort()
        task.cancel()

    async def _serve(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await self._read_head(reader)
        except TimeoutError:
            self.refused[Refusal.HEAD_TIMEOUT] += 1
            return
        place.stage, place.moved = Stage.ANSWERING, time.monotonic()
        request, response = await self._answer(head, reader)
        if response.trusted:
            self._cut(self._places.trust(place))
        try:
            async with asyncio.timeout(response.seconds):
                await self._send(place, writer, request, response)
        except TimeoutError:
            self.refused[Refusal.STALLED] += 1
            writer.transport.abort()
            return
        place.stage, place.moved = Stage.ANSWERED, time.monotonic()
        await self._linger(reader, writer)

    async def _read_head(self, reader: asyncio.StreamReader) -> bytes | BadRequest:
        """Raises TimeoutError, and ConnectionError when the client goes before it has asked."""
        try:
            return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self._limits.head_seconds)
        except asyncio.LimitOverrunError:
            return BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request head too large")
        except asyncio.IncompleteReadError:
            raise ConnectionResetError from None

    async def _answer(
        self, head: bytes | BadRequest, reader: asyncio.StreamReader
    ) -> tuple[Request | None, Response]:
        """The response, and the request unless that was refused."""
        try:
            if isinstance(head, BadRequest):
                raise head
            asked = parse_request(head)
            request = replace(asked, content=partial(self._content, asked, reader))
            return request, await self._handler(request)(request)
        except BadRequest as error:
            unauthorized = error.status is HTTPStatus.UNAUTHORIZED
            self.refused[Refusal.UNAUTHORIZED if unauthorized else Refusal.BAD_REQUEST] += 1
            return None, Response(status=error.status, body=f"{error}\n".encode(), headers=error.headers)
        except ConnectionError:
            raise  # the client has gone
        except Exception:
            log.exception("answering a request: a fault of this program")
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            return None, Response(status=status, body=b"a fault of this program, see its log\n")

    def _handler(self, request: Request) -> Handler:
        """Raises BadRequest where there is none."""
        path = request.path
        above = (route for route in self._routes if route[1:].endswith("/") and path.startswith(route))
        found = self._routes.get(path) or self._routes.get(next(above, path))
        posted = self._posts.get(path)
        handler = posted if request.method == "POST" else found
        if handler is not None:
            return handler
        if found is None and posted is None:
            raise BadRequest(HTTPStatus.NOT_FOUND, f"there is: {' '.join({**self._routes, **self._posts})}")
        raise not_allowed(*(("GET", "HEAD") if found else ()), *(("POST",) if posted else ()))

    async def _content(self, request: Request, reader: asyncio.StreamReader, most: int) -> bytes:
        """See Request."""
        length = request.length
        if length is None:
            raise BadRequest(HTTPStatus.LENGTH_REQUIRED, "the field Content-Length is needed")
        if length > most:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {most} bytes")
        try:
            return await asyncio.wait_for(reader.readexactly(length), self._limits.head_seconds)
        except TimeoutError:
            raise BadRequest(HTTPStatus.REQUEST_TIMEOUT, "the content did not come in time") from None
        except asyncio.IncompleteReadError:
            raise ConnectionResetError from None

    async def _send(
        self, place: Place, writer: asyncio.StreamWriter, request: Request | None, response: Response
    ) -> None:
        """`request` is None when it was refused. Raises TimeoutError when the reader takes nothing."""
        head_only = request is not None and request.method == "HEAD"
        # A client of HTTP/1.0 knows no chunks: the connection's end ends the body (RFC 9112 section 6.1).
        chunked = request is None or request.version != "HTTP/1.0"
        writer.write(render_head(response, chunked=chunked))
        body = response.body
        if isinstance(body, bytes):
            for start in () if head_only else range(0, len(body), MAX_CHUNK):
                writer.write(body[start : start + MAX_CHUNK])
                await self._flush(place, writer)
            await self._flush(place, writer)
            return
        async with aclosing(body) as chunks:
            if head_only:
                await self._flush(place, writer)
                return
            at_once = 0
            async for chunk in chunks:
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                await self._flush(place, writer)
                at_once += 1
                if at_once % MAX_AT_ONCE == 0:
                    await asyncio.sleep(0)
        if chunked:
            writer.write(b"0\r\n\r\n")
        await self._flush(place, writer)

    async def _flush(self, place: Place, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._limits.stall_seconds):
            await writer.drain()
        place.moved = time.monotonic()

    async def _linger(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read what the client still sends: closed with bytes unread, TCP resets and the answer may be lost.

        RFC 9112 section 9.6.
        """
        writer.write_eof()
        left = self._limits.linger_octets
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger_seconds):
                while left > 0 and (data := await reader.read(self._limits.head_octets)):
                    left -= len(data)
