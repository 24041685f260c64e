"""System calls that no packet on the path can make fail: what they refuse is this host's fault.

The same errno means different things from different calls. EPROTO or ENOPROTOOPT of send(2) and connect(2) is
how the kernel tells an ICMP error (`icmp_err_convert` in net/ipv4/icmp.c); of socket(2) or setsockopt(2) it
is a kernel or a sandbox that lacks something. So errors are sorted by call, here, where the call is known.
"""

import logging
import socket
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)

_NAMES = {
    (socket.SOL_SOCKET, 26): "SO_ATTACH_FILTER",
    (socket.SOL_SOCKET, 37): "SO_TIMESTAMPING",
    (socket.SOL_SOCKET, socket.SO_LINGER): "SO_LINGER",
    (socket.IPPROTO_TCP, socket.TCP_NODELAY): "TCP_NODELAY",
    (socket.IPPROTO_IP, socket.IP_TOS): "IP_TOS",
    (socket.IPPROTO_IP, socket.IP_TTL): "IP_TTL",
    (socket.IPPROTO_IP, 10): "IP_MTU_DISCOVER",
    (socket.IPPROTO_IP, 11): "IP_RECVERR",
    (socket.IPPROTO_IP, 25): "IP_RECVFRAGSIZE",
    (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS): "IPV6_UNICAST_HOPS",
    (socket.IPPROTO_IPV6, 23): "IPV6_MTU_DISCOVER",
    (socket.IPPROTO_IPV6, 25): "IPV6_RECVERR",
    (socket.IPPROTO_IPV6, socket.IPV6_TCLASS): "IPV6_TCLASS",
    (socket.IPPROTO_IPV6, 77): "IPV6_RECVFRAGSIZE",
}
"""As ip(7), ipv6(7), tcp(7) and socket(7) call them; Python's socket module lacks some."""

_told: set[str] = set()


class HostRefused(OSError):
    """This host refuses what a probe needs of it; the message names the call."""

    def __init__(self, call: str, error: OSError) -> None:
        super().__init__(error.errno, f"this host refuses {call}: {error.strerror or error}")


def new_socket(family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket as of socket(2). Raises HostRefused."""
    try:
        return socket.socket(family, kind, protocol)
    except OSError as error:
        raise HostRefused("socket()", error) from error


def closed_on_error(sock: socket.socket, make: Callable[[socket.socket], T]) -> T:
    """Have something take the socket over; where that fails, the socket is closed."""
    try:
        return make(sock)
    except BaseException:
        sock.close()
        raise


def set_option(sock: socket.socket, level: int, option: int, value: int | bytes) -> None:
    """Set an option that the socket is of no use without. Raises HostRefused, which names it."""
    try:
        sock.setsockopt(level, option, value)
    except OSError as error:
        name = _NAMES.get((level, option), f"option {option} of level {level}")
        raise HostRefused(f"setsockopt({name})", error) from error


def try_option(sock: socket.socket, level: int, option: int, value: int | bytes, *, without: str) -> bool:
    """Set an option that can be done without; False: this host lacks it, and the log has said so once.

    `without`: what follows, for a person.
    """
    try:
        set_option(sock, level, option, value)
    except HostRefused as error:
        if (said := str(error.strerror)) not in _told:
            _told.add(said)
            log.warning("%s: %s", said, without)
        return False
    return True
