"""TCP echo (RFC 862), in TLS where there is a certificate: for probes of TCP connects and TLS handshakes.

Everything is bounded: connections in all and per address, the time of a handshake, of silence and of a
reader that takes nothing, the life of a connection. The octets echoed are held nowhere but in transit.
"""

import asyncio
import logging
import ssl
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from .admission import Admission, Drop

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
MAX_PER_PEER = 32
CHUNK = 16_384
"""Octets in transit in one connection."""
HANDSHAKE_SECONDS = 5.0
IDLE_SECONDS = 30.0
LIFE_SECONDS = 600.0


class Refusal(StrEnum):
    """Why a connection was closed at once, beside the reasons in Drop."""

    TOO_MANY = "TooManyConnections"
    """All of them together, or those of one address."""
    HANDSHAKE_FAILED = "HandshakeFailed"
    """TLS was not spoken, or not in time."""


@dataclass(slots=True)
class TcpCounters:
    """What a listener has done since its start."""

    accepted: int = 0
    """Connections that were served."""
    open: int = 0
    octets: int = 0
    """Octets echoed."""
    refused: Counter[Drop | Refusal] = field(default_factory=Counter)
    timed_out: int = 0
    """Connections closed for their silence or their age."""

    def to_json(self) -> dict[str, object]:
        """For the log."""
        return {
            "accepted": self.accepted,
            "octets": self.octets,
            "refused": {str(reason): count for reason, count in sorted(self.refused.items())},
            "timedOut": self.timed_out,
        }


class TcpEcho:
    """One listening socket."""

    def __init__(
        self,
        *,
        admission: Admission,
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = IDLE_SECONDS,
        handshake_seconds: float = HANDSHAKE_SECONDS,
        max_connections: int = MAX_CONNECTIONS,
        max_per_peer: int = MAX_PER_PEER,
    ) -> None:
        self._admission = admission
        self._tls = tls
        self._idle_seconds = idle_seconds
        self._handshake_seconds = handshake_seconds
        self._max_connections = max_connections
        self._max_per_peer = max_per_peer
        self._peers: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.address = ""
        self.port = 0
        self.counters = TcpCounters()

    async def start(self, address: str, port: int) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, address, port, limit=CHUNK)
        self.address, self.port = self._server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Close the listening socket and all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = writer.get_extra_info("peername")
        peer = str(source[0]) if source else ""  # gone before it was accepted
        refused = self._refuse(peer) if peer else Refusal.HANDSHAKE_FAILED
        if refused is not None:
            self.counters.refused[refused] += 1
            writer.transport.abort()
            return
        # The connection below TLS: a TLS transport closed by both sides cannot be aborted (Python 3.11).
        connection = writer.transport
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._peers[peer] += 1
        self.counters.open += 1
        try:
            await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            self._peers[peer] -= 1
            if not self._peers[peer]:
                del self._peers[peer]
            self.counters.open -= 1
            connection.abort()

    def _refuse(self, peer: str) -> Drop | Refusal | None:
        if refused := self._admission.refuse(peer, time.monotonic_ns()):
            return refused
        if self.counters.open >= self._max_connections or self._peers[peer] >= self._max_per_peer:
            return Refusal.TOO_MANY
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._tls is not None:
            # Only now: a connection in its handshake counts among those that are bounded.
            try:
                await writer.start_tls(self._tls, ssl_handshake_timeout=self._handshake_seconds)
            except (OSError, ssl.SSLError):
                self.counters.refused[Refusal.HANDSHAKE_FAILED] += 1
                return
        self.counters.accepted += 1
        with suppress(OSError, ssl.SSLError):
            try:
                async with asyncio.timeout(LIFE_SECONDS):
                    await self._echo(reader, writer)
            except TimeoutError:
                self.counters.timed_out += 1

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(self._idle_seconds):
                data = await reader.read(CHUNK)
                if not data:
                    break
                writer.write(data)
                await writer.drain()
            self.counters.octets += len(data)
        async with asyncio.timeout(self._idle_seconds):
            writer.close()
            await writer.wait_closed()


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 and up with that certificate chain and key (PEM files). Raises OSError and ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
