"""Finds the socket for a flow: few sockets for many targets, a source port of its own for each session."""

import asyncio
import socket
from typing import NamedTuple
from weakref import WeakKeyDictionary

from .clocks import Clock
from .flow import Flow
from .host_calls import closed_on_error, new_socket
from .message_batch import MessageBatch, SocketAddress
from .raw_echo import RawEcho, open_echo
from .raw_echo_socket import RawEchoSocket
from .sender import Sender, interface_index
from .shared_socket import SharedSocket
from .timestamp_warmup import await_timestamps

MAX_FLOWS = 2048
"""Flows of one socket: so many answers at once find room in its receive queue."""
MAX_SERVED = 65_536
"""A socket that has served so many targets gets no further ones."""
ASKED_EVERY = 20_000_000
"""Nanoseconds for which the interface that packets leave by is not looked up again. With an address as the
source a look-up takes a socket, a third of the cost of a round trip; thousands of rounds may begin in a
second.
"""


class Kind(NamedTuple):
    """Flows of one kind can share a socket."""

    family: int
    protocol: int
    """0 for UDP, IPPROTO_ICMP or IPPROTO_ICMPV6 for echo."""
    sender: Sender
    clock: Clock
    """What their timestamps are put on: a socket has one."""


class SocketPool:
    """The shared sockets of one event loop.

    To one target, a socket carries one flow and never another one after it: a STAMP session is known by its
    addresses and ports (RFC 8762 section 3), so a new session must come from a fresh port. Where the plan
    fixes the port, sessions follow one another on it, and tell their answers by what these carry back.
    """

    def __init__(self) -> None:
        self._sockets: dict[Kind, list[SharedSocket]] = {}
        self._batch: MessageBatch | None = None
        self._seed: str | None = None
        self._indexes: dict[str, int] = {}
        self._asked_at: int | None = None

    def interface_index(self, source: str, *, now: int) -> int:
        """As of `sender.interface_index`, of which this also raises the errors; perhaps from a moment ago.

        `now`: monotonic nanoseconds.
        """
        if self._asked_at is None or now - self._asked_at >= ASKED_EVERY:
            self._indexes.clear()
            self._asked_at = now
        index = self._indexes.get(source)
        if index is None:
            index = self._indexes[source] = interface_index(source)
        return index

    def seed(self, seed: str) -> str:
        """What the source ports of flows follow from: what was named first, so that probes share sockets."""
        if self._seed is None:
            self._seed = seed
        return self._seed

    def flow(self, kind: Kind, target: SocketAddress) -> Flow:
        """A flow to the target. Raises OSError when it takes a socket more and that cannot be had."""
        interface = interface_index(kind.sender.source)
        sockets = [shared for shared in self._sockets.get(kind, ()) if not shared.closed]
        self._sockets[kind] = sockets
        fixed = kind.sender.port != 0
        for shared in sockets:
            if (
                shared.interface == interface
                and len(shared) < MAX_FLOWS
                and not (shared.serves(target) if fixed else shared.has_served(target))
                and (fixed or shared.targets_served < MAX_SERVED)
            ):
                return shared.add(target, again=fixed)
        if self._batch is None:
            self._batch = MessageBatch()
        first = all(shared.closed for others in self._sockets.values() for shared in others)
        shared = open_socket(kind, self._batch)
        shared.interface = interface
        if first:
            await_timestamps()
        sockets.append(shared)
        return shared.add(target, again=fixed)


def open_socket(kind: Kind, batch: MessageBatch) -> SharedSocket:
    """A socket without flows yet, in a running event loop. Raises PingForbidden and OSError."""

    def shared(sock: socket.socket) -> SharedSocket:
        kind.sender.prepare(sock)
        return SharedSocket(sock, kind.clock, batch, confirm_drops=kind.protocol == 0)

    def raw(sock: socket.socket, echo: RawEcho) -> SharedSocket:
        kind.sender.prepare(sock)
        return RawEchoSocket(sock, kind.clock, batch, echo)

    if kind.protocol:
        return open_echo(kind.family, shared, raw)
    return closed_on_error(new_socket(kind.family, socket.SOCK_DGRAM), shared)


_BY_LOOP: "WeakKeyDictionary[asyncio.AbstractEventLoop, SocketPool]" = WeakKeyDictionary()


def running_pool() -> SocketPool:
    """The pool of the running event loop, which reads its sockets."""
    loop = asyncio.get_running_loop()
    pool = _BY_LOOP.get(loop)
    if pool is None:
        pool = _BY_LOOP[loop] = SocketPool()
    return pool
