"""Packets in one piece: what a socket has to be told so that a packet shows the path's MTU."""

import socket
import struct
from collections.abc import Iterable

from .host_calls import set_option

# Of <linux/in.h> and <linux/in6.h>; Python's socket module lacks them.
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE = 10, 23, 3
_IP_RECVFRAGSIZE, _IPV6_RECVFRAGSIZE = 25, 77
_KINDS = {(socket.IPPROTO_IP, _IP_RECVFRAGSIZE), (socket.IPPROTO_IPV6, _IPV6_RECVFRAGSIZE)}
_INT = struct.Struct("=i")


def never_fragment(sock: socket.socket) -> None:
    """Send every packet in one piece, with Don't Fragment set, whatever path MTU the kernel has cached.

    IP_PMTUDISC_PROBE of ip(7) and ipv6(7): only the device's own MTU is a limit. Raises HostRefused.
    """
    if sock.family == socket.AF_INET6:
        set_option(sock, socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
    else:
        set_option(sock, socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_PROBE)


def tell_fragments(sock: socket.socket) -> None:
    """Have the kernel say of each packet received whether it came in fragments; see `fragment_size`.

    Raises HostRefused.
    """
    if sock.family == socket.AF_INET6:
        set_option(sock, socket.IPPROTO_IPV6, _IPV6_RECVFRAGSIZE, 1)
    else:
        set_option(sock, socket.IPPROTO_IP, _IP_RECVFRAGSIZE, 1)


def fragment_size(items: Iterable[tuple[int, int, bytes]]) -> int | None:
    """Bytes of the largest fragment, from the ancillary data of a packet; None: it came in one piece."""
    for level, kind, data in items:
        if (level, kind) in _KINDS and len(data) >= _INT.size:
            return int(_INT.unpack_from(data)[0]) or None
    return None
