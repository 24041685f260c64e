"""TCP source ports that are kept: a connection comes from the same port as the one before it.

Between two connections the port would be anybody's; so a socket that is bound to it, and neither connects nor
listens, stands for it all the while. One port serves connections to many targets, one at a time to each.
"""

import asyncio
import errno
import os
import socket
from weakref import WeakKeyDictionary

from .host_calls import closed_on_error, new_socket
from .sender import Sender, SourceUnavailable

Target = tuple[str, int]
"""Address and port."""


class HeldPort:
    """One port, held for some targets."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._targets: set[Target] = set()

    def take(self, target: Target, port: int) -> None:
        """Claim it for connections to a target. Raises SourceUnavailable where another probe has."""
        if target in self._targets:
            error = OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            raise SourceUnavailable(f"to connect from port {port} for two probes of {target[0]}", error)
        self._targets.add(target)

    def release(self, target: Target) -> None:
        """Give a claim back; the last one closes the socket."""
        self._targets.discard(target)
        if not self._targets:
            self._sock.close()

    @property
    def closed(self) -> bool:
        """It is held no more."""
        return self._sock.fileno() < 0


_HELD: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[int, str | None, int], HeldPort]]" = (
    WeakKeyDictionary()
)


def hold_port(family: int, sender: Sender, target: Target) -> HeldPort:
    """Hold the sender's port for connections to a target, in a running event loop.

    Raises HostRefused; SourceUnavailable where another process or another probe of the target has it.
    """
    held = _HELD.setdefault(asyncio.get_running_loop(), {})
    key = family, sender.source, sender.port
    found = held.get(key)
    if found is None or found.closed:
        found = held[key] = HeldPort(closed_on_error(new_socket(family, socket.SOCK_STREAM), sender.hold))
    found.take(target, sender.port)
    return found
