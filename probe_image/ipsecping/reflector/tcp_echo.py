"""TCP echo (RFC 862), in TLS where there is a certificate: for probes of TCP connects and TLS handshakes.

Everything is bounded: connections in all and of each source, handshakes and bytes a second, the time of a
handshake, of silence and of a reader that takes nothing, the life of a connection, and what is done of it at
once. The bytes echoed are held nowhere but in transit.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from ..net.tcp import Channel, ExchangeFailed, SocketStream
from ..net.tls import TlsStream
from ..wire.ntp import NANOSECONDS
from .admission import Admission, Drop
from .sources import source_of

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
MAX_PER_PEER = 32
MAX_HANDSHAKES, MAX_HANDSHAKES_PER_PEER = 200, 50
"""TLS handshakes begun in a second, in all and of one source: each costs about a millisecond."""
UNPACED_OCTETS = 262_144
"""A connection has so many echoed as fast as they come."""
RATE, TOTAL_RATE = 262_144, 8_388_608
"""Bytes a second from then on, in one connection and in all."""
BUFFER = 65_536
"""Bytes that the kernel holds for a connection, each way (it takes twice as much memory)."""
ACCEPTED_AT_ONCE = 16
ACCEPT_AGAIN_SECONDS = 1.0
"""After having run out of descriptors."""
HANDSHAKE_SECONDS = 5.0
IDLE_SECONDS = 30.0
LIFE_SECONDS = 600.0


class Refusal(StrEnum):
    """Why a connection was closed at once, beside the reasons in Drop."""

    TOO_MANY = "TooManyConnections"
    """All of them together, or those of one source; or handshakes in this second."""
    HANDSHAKE_FAILED = "HandshakeFailed"
    """TLS was not spoken, or not in time."""


@dataclass(slots=True)
class TcpCounters:
    """What a listener has done since its start."""

    accepted: int = 0
    """Connections that were served."""
    open: int = 0
    octets: int = 0
    """Bytes echoed."""
    refused: Counter[Drop | Refusal] = field(default_factory=Counter)
    last: dict[Drop | Refusal, str] = field(default_factory=dict)
    """From whom the newest of these came."""
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


class Pace:
    """How long to wait so that at most `rate` bytes a second pass. Times in seconds, passed in."""

    __slots__ = ("_free_at", "_rate")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free_at = 0.0

    def delay(self, octets: int, now: float) -> float:
        """How long to wait after so many bytes at `now`."""
        self._free_at = max(self._free_at, now) + octets / self._rate
        return self._free_at - now


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
        """Connections of each source: an IPv6 host with many addresses is one."""
        self._handshakes: Counter[str] = Counter()
        self._second = 0
        self._pace = Pace(TOTAL_RATE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sock: socket.socket | None = None
        self.address = ""
        self.port = 0
        self.counters = TcpCounters()

    async def start(self, address: str, port: int) -> None:
        """Listen. Raises OSError."""
        flags = socket.AI_PASSIVE | socket.AI_NUMERICHOST
        info = socket.getaddrinfo(address or None, port, type=socket.SOCK_STREAM, flags=flags)
        family, _, _, _, bound = info[0]
        self._sock = socket.create_server(bound, family=family, backlog=self._max_connections)
        self._sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # connections inherit them
            self._sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        self.address, self.port = self._sock.getsockname()[:2]
        self._watch()

    async def stop(self) -> None:
        """Close the listening socket and all connections."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watch(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().add_reader(self._sock, self._accept_some)

    def _accept_some(self) -> None:
        """Take in the connections that wait, not too many before others get their turn."""
        assert self._sock is not None
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, source = self._sock.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:  # no descriptors left, no memory
                log.warning("port %d: %s", self.port, error.strerror)
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._sock)
                loop.call_later(ACCEPT_AGAIN_SECONDS, self._watch)
                return
            self._accept(connection, str(source[0]))

    def _accept(self, connection: socket.socket, address: str) -> None:
        connection.setblocking(False)
        stream = SocketStream(connection)
        peer = source_of(address)
        refused = self._refuse(address, peer, time.monotonic_ns())
        if refused is not None:
            self.counters.refused[refused] += 1
            self.counters.last[refused] = address
            stream.close()
            return
        self._peers[peer] += 1
        self.counters.open += 1
        task = asyncio.create_task(self._serve(stream))
        self._tasks.add(task)
        task.add_done_callback(partial(self._over, stream, peer))

    def _refuse(self, address: str, peer: str, now: int) -> Drop | Refusal | None:
        if refused := self._admission.refuse(address, now):
            return refused
        if self.counters.open >= self._max_connections or self._peers[peer] >= self._max_per_peer:
            return Refusal.TOO_MANY
        if self._tls is not None and not self._may_shake_hands(peer, now // NANOSECONDS):
            return Refusal.TOO_MANY
        return None

    def _may_shake_hands(self, peer: str, second: int) -> bool:
        """Count a handshake of this second, unless there were too many."""
        if second != self._second:
            self._second = second
            self._handshakes.clear()
        begun = self._handshakes
        if begun.total() >= MAX_HANDSHAKES or begun[peer] >= MAX_HANDSHAKES_PER_PEER:
            return False
        begun[peer] += 1
        return True

    def _over(self, stream: SocketStream, peer: str, task: asyncio.Task[None]) -> None:
        stream.close()
        self._tasks.discard(task)
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]
        self.counters.open -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection from %s failed", peer, exc_info=error)

    async def _serve(self, stream: SocketStream) -> None:
        channel: Channel = stream
        if self._tls is not None:
            # Only now: a connection in its handshake counts among those that are bounded.
            channel = TlsStream(stream, self._tls)
            try:
                async with asyncio.timeout(self._handshake_seconds):
                    await channel.handshake()
            except (TimeoutError, ExchangeFailed):
                self.counters.refused[Refusal.HANDSHAKE_FAILED] += 1
                return
        self.counters.accepted += 1
        with suppress(ExchangeFailed):
            try:
                async with asyncio.timeout(LIFE_SECONDS):
                    await self._echo(channel)
            except TimeoutError:
                self.counters.timed_out += 1
                stream.cut_off()

    async def _echo(self, channel: Channel) -> None:
        own, octets = Pace(RATE), 0
        while True:
            async with asyncio.timeout(self._idle_seconds):
                data = (await channel.receive()).data
                if not data:
                    break
                await channel.send(data)
            self.counters.octets += len(data)
            octets += len(data)
            if octets > UNPACED_OCTETS:
                now = time.monotonic()
                await asyncio.sleep(max(own.delay(len(data), now), self._pace.delay(len(data), now)))
        async with asyncio.timeout(self._idle_seconds):
            await channel.end()


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 and up with that certificate chain and key (PEM files). Raises OSError and ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
