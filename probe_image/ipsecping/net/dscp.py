"""The differentiated services code point of what a socket sends (RFC 2474)."""

import socket

from .host_calls import set_option

ECN_BITS = 2
"""The code point stands in the upper six bits of the byte, above the two of ECN (RFC 3168)."""


def set_dscp(sock: socket.socket, dscp: int) -> None:
    """Mark all that `sock` sends with the code point (0..63). Raises HostRefused."""
    if not dscp:
        return
    if sock.family == socket.AF_INET6:
        set_option(sock, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << ECN_BITS)
    else:
        set_option(sock, socket.IPPROTO_IP, socket.IP_TOS, dscp << ECN_BITS)
