"""Targets on loopback that behave as told, and rounds that measure them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from ipsecping.contract import Family, PlannedProbe, ProbeType, RoundResult
from ipsecping.net.clocks import Clock
from ipsecping.net.lookup import lookup
from ipsecping.net.resolve import Resolver
from ipsecping.rounds.prober import PathProber

from ...plans import check_of
from ...ports import free_port

LOOPBACK = ("127.0.0.1", "::1")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def probe(kind: ProbeType, **fields: Any) -> PlannedProbe:
    """A short probe: three packets, 10 ms apart; the timeout is long, for nobody waits for it in vain."""
    usual = {"name": "p", "count": 3, "spacing_ms": 10, "timeout_ms": 5000, "size": 0}
    return PlannedProbe(type=kind, **{**usual, **fields})


def by_family(find: Callable[[str], list[str]]) -> Callable[[str, Family], list[str]]:
    """The same names, of which one family is asked for."""
    return lambda name, family: [each for each in find(name) if (":" in each) is (family is Family.IPV6)]


@contextmanager
def prober(*, find: Callable[[str], list[str]] = lookup) -> Iterator[PathProber]:
    """A prober that resolves names by `find`."""
    made = PathProber(Clock(), Resolver(find, alone=by_family(find)))
    try:
        yield made
    finally:
        made.close()


async def measure(planned: PlannedProbe, target: str = "127.0.0.1") -> RoundResult:
    """One round of one probe."""
    with prober() as made:
        (result,) = await made.round(check_of(planned, target=target))
    return result


@asynccontextmanager
async def tcp_server(handler: Handler, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[int]:
    """The port of a TCP server. A handler's connection is closed when it returns."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts and says nothing until the other end goes."""
    while await reader.read(4096):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes at once."""


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Resets at once."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose accept queue is full: Linux drops every further SYN without a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first:
        first.connect(server.getsockname())
        yield server.getsockname()[1]


_CLOSED = {kind: free_port(kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)}
"""For all tests of this process: each costs a descriptor, which some tests count."""


def closed_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port on which nobody listens, and from which nobody sends."""
    return _CLOSED[socket.SocketKind(kind)]


class _Echo(asyncio.DatagramProtocol):
    def __init__(self, lose: Callable[[int, int], bool]) -> None:
        self._lose = lose
        self._count = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        number, self._count = self._count, self._count + 1
        if not self._lose(number, address[1]):
            self._transport.sendto(data, address)


@asynccontextmanager
async def udp_echo(
    host: str = "127.0.0.1", *, port: int = 0, lose: Callable[[int, int], bool] = lambda number, port: False
) -> AsyncIterator[int]:
    """The port of a UDP echo that drops packets by number (from 0) and source port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Echo(lose), local_addr=(host, port))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
