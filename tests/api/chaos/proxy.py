"""The way from the operator to the API server, as unreliable as it is told to be.

It passes TCP on and decrypts nothing: a request whose answer it swallows has been carried out.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass

BEGUN = 3
"""Pieces that a client has sent on a connection once TLS stands and a request is on its way."""


@dataclass(eq=False, slots=True)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    asked: int = 0

    def abort(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """Listens on a port of 127.0.0.1 once started; belongs to the event loop that started it."""

    def __init__(self, port: int, to: int) -> None:
        self.refusing = False
        """No connection gets through."""
        self.delay = 0.0
        """Seconds that each piece waits at most, in either direction."""
        self.to_lose = 0
        """Answers (or watch events) still to be swallowed, each with its connection."""
        self.lost = 0
        """Answers that were swallowed."""
        self.port = port
        self._to = to
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Listen no more, and cut all connections."""
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def cut(self) -> int:
        """Cut all connections, watches and requests alike; how many there were."""
        cut = list(self._connections)
        for connection in cut:
            connection.abort()
        return len(cut)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, to_server)
        self._connections.add(connection)
        pumps = [
            asyncio.create_task(self._pump(reader, to_server, connection, asks=True)),
            asyncio.create_task(self._pump(from_server, writer, connection, asks=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            connection.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._connections.discard(connection)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: _Connection,
        *,
        asks: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(random.uniform(0, self.delay))
                if asks:
                    connection.asked += 1
                elif self.to_lose > 0 and connection.asked >= BEGUN:
                    self.to_lose -= 1
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()
