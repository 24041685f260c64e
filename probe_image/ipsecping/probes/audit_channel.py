"""The sockets of one audit: what is sent and what comes is counted and bounded."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ..contract import LossReason
from ..contract.methods.audit import MAX_PACKETS
from ..net.connected_socket import ConnectedSocket, TooBigHere, open_connected_ping, open_connected_udp
from ..net.errors import NotSent
from ..net.sender import Sender
from .audit_verdict import Record

MAX_CAME = 4 * MAX_PACKETS
"""Datagrams of an audit; with more of them it is given up."""

Came = Callable[[bytes], None]
"""Gets each datagram that comes to a socket."""


class AuditChannel:
    """All sockets to one reflector, in a running event loop. Times in nanoseconds.

    They stay open to the end, so that no late answer meets another case.
    """

    def __init__(
        self,
        record: Record,
        *,
        address: str,
        port: int,
        timeout: int,
        until: int,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Count in `record`. Nothing is sent after `until` (monotonic); `told` hears how much was sent."""
        self.record = record
        self.address, self.port = address, port
        self.refusals: Counter[LossReason] = record.refusals
        self.failed_here = False
        """This host could not send one (ENOBUFS, ENOMEM, ...)."""
        self._timeout, self._until, self._told = timeout, until, told
        self._sockets: list[ConnectedSocket] = []
        self._news = asyncio.Event()

    def close(self) -> None:
        """Close the sockets."""
        for sock in self._sockets:
            sock.close()

    def open(self, sender: Sender, came: Came) -> ConnectedSocket:
        """Open a socket to the reflector's port. Raises OSError."""
        return self._watched(open_connected_udp(self.address, self.port, sender=sender), came)

    def open_ping(self, sender: Sender, came: Came) -> ConnectedSocket:
        """Open a socket for echo requests to the reflector's host. Raises OSError and PingForbidden."""
        return self._watched(open_connected_ping(self.address, sender=sender), came)

    def send(self, sock: ConnectedSocket, data: bytes) -> bool:
        """Send; False: it did not leave."""
        if self.record.packets >= MAX_PACKETS:
            return False
        try:
            sock.send(data)
        except (NotSent, TooBigHere) as error:
            reason = error.reason if isinstance(error, NotSent) else LossReason.MESSAGE_TOO_BIG
            self.failed_here |= reason is None
            if reason is not None and sock is self._sockets[0]:
                self.refusals[reason] += 1
            return False
        self.record.packets += 1
        self._told(self.record.packets)
        return True

    async def wait(self, happened: Callable[[], bool]) -> bool:
        """Wait until something has happened, at most for the timeout, and not longer than may be sent."""
        deadline = min(time.monotonic_ns() + self._timeout, self._until)
        while not happened():
            rest = deadline - time.monotonic_ns()
            if rest <= 0 or self.record.flooded:
                return False
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), rest / 1e9)
        return True

    def over(self, needed: int = 0) -> bool:
        """Whether nothing more may be sent, or not for so long."""
        return (
            self.record.flooded
            or self.record.packets >= MAX_PACKETS
            or time.monotonic_ns() + needed >= self._until
        )

    def _watched(self, sock: ConnectedSocket, came: Came) -> ConnectedSocket:
        self._sockets.append(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), partial(self._readable, sock, came))
        return sock

    def _readable(self, sock: ConnectedSocket, came: Came) -> None:
        arrivals, refusals = sock.receive()
        if sock is self._sockets[0]:
            self.refusals.update(refusal.reason for refusal in refusals)
        for arrival in arrivals:
            self.record.came += 1
            came(arrival.data)
        if self.record.came > MAX_CAME:
            self.record.flooded = True
            for each in self._sockets:
                asyncio.get_running_loop().remove_reader(each.fileno())
        self._news.set()
