"""Echo messages over a raw ICMP socket, for who may open one and no ping socket.

A ping socket's identifier, checksum and demultiplexing are the kernel's; a raw socket gets each ICMP message
of the host. So an identifier is chosen here, and a filter in the kernel lets in only replies to it. What is
above sees no difference: messages as `wire.icmp` reads them. raw(7); RFC 3542 section 3 for ICMPv6.
"""

import errno
import secrets
import socket
from collections.abc import Callable
from typing import TypeVar

from ..wire import icmp
from . import source_filter
from .errors import PingForbidden
from .host_calls import HostRefused, closed_on_error, new_socket

T = TypeVar("T")


class RawEcho:
    """Of one raw ICMP or ICMPv6 socket: makes its messages what a ping socket's are."""

    __slots__ = ("_ipv6", "identifier", "own")

    def __init__(self, sock: socket.socket) -> None:
        """Has the kernel filter `sock`. Raises HostRefused."""
        self._ipv6 = sock.family == socket.AF_INET6
        self.identifier = 1 + secrets.randbelow(0xFFFF)
        self.own = source_filter.echo_replies(self.identifier, ipv6=self._ipv6)
        """The filter: what other filters of the socket have to begin with."""
        source_filter.attach(sock, self.own + source_filter.ACCEPT)

    def outgoing(self, message: bytes) -> bytes:
        """The message with our identifier, and a checksum where the kernel makes none."""
        return icmp.identified(message, self.identifier, ipv6=self._ipv6)

    def incoming(self, datagram: bytes) -> bytes:
        """The message in what came: with IPv4, a raw socket gives the IP header as well."""
        return datagram if self._ipv6 else icmp.without_ip_header(datagram)

    def is_ours(self, quote: bytes) -> bool:
        """Whether an ICMP error is about a message of ours; every raw socket is told of those of all."""
        return icmp.identifier(quote) == self.identifier


def open_echo(
    family: int, over_ping: Callable[[socket.socket], T], over_raw: Callable[[socket.socket, RawEcho], T]
) -> T:
    """Make something of a ping socket, or of a raw one where no ping socket may be opened.

    As ping(8) does: with a ping socket the kernel keeps others' replies from us. It takes the socket over.
    Raises PingForbidden where neither may be opened, and what the two raise.
    """
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    try:
        sock = new_socket(family, socket.SOCK_DGRAM, protocol)
    except HostRefused as refusal:
        try:
            sock = new_socket(family, socket.SOCK_RAW, protocol)
        except HostRefused as error:
            if error.errno in (errno.EPERM, errno.EACCES):
                raise PingForbidden from refusal
            raise
        return closed_on_error(sock, lambda raw: over_raw(raw, RawEcho(raw)))
    return closed_on_error(sock, over_ping)
