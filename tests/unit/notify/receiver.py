"""A receiver of notifications on loopback, which behaves as it is told."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ipsecping_operator.notification_settings import Endpoint, endpoint

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def takes(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def answers(text: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return behave


@dataclass
class Receiver:
    """Who listens, and what came: header fields and content."""

    behave: Behaviour = takes
    came: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None

    @property
    def endpoint(self) -> Endpoint:
        return endpoint(f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}/hook?x=1")

    @property
    def contents(self) -> list[Any]:
        return [json.loads(content) for _, content in self.came]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        """Listen on the port that it had before, if any."""
        server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.tls, ssl_handshake_timeout=2 if self.tls else None
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            named = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            content = await reader.readexactly(int(named["content-length"]))
            self.came.append(({"request": head[0], **_fields(head)}, content))
            await self.behave(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


def _fields(head: list[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
