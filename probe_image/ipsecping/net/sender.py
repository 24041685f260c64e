"""From where a socket sends, and what it writes into headers: address, interface, port, TTL, DSCP."""

import errno
import os
import socket
from typing import NamedTuple

from ..addresses import is_ipv6, parse_address
from .dscp import set_dscp
from .host_calls import HostRefused, new_socket, set_option
from .own_address import is_own, may_be_foreign

SO_BINDTODEVICE = 25


class SourceUnavailable(HostRefused):
    """This host has no such address or interface, or the port is taken; nothing is said of the path."""


class Sender(NamedTuple):
    """What a probe asks for of its sockets; by default all is the kernel's choice."""

    dscp: int = 0
    """Code point, 0 to 63."""
    ttl: int | None = None
    """TTL or hop limit."""
    source: str | None = None
    """An address of this host, or the name of an interface (socket(7), SO_BINDTODEVICE)."""
    port: int = 0
    """Source port; 0: any free one."""

    def prepare(self, sock: socket.socket) -> None:
        """Make `sock` send accordingly, before it is connected. Raises HostRefused and SourceUnavailable.

        A TCP port has to be held (`hold`).
        """
        set_dscp(sock, self.dscp)
        if self.port and sock.type == socket.SOCK_STREAM:
            set_option(sock, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.ttl is not None:
            set_ttl(sock, self.ttl)
        self._leave_from(sock)

    def hold(self, sock: socket.socket) -> socket.socket:
        """Have a TCP socket stand for the port, which nobody else has: connections may then come from it.

        Raises SourceUnavailable.
        """
        self._leave_from(sock)
        set_option(sock, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not before: others might have the port
        return sock

    def _leave_from(self, sock: socket.socket) -> None:
        address = ""
        if self.source is not None:
            if is_interface(self.source):
                self._from_interface(sock, self.source)
            else:
                address = self.source
        if address or self.port:
            self._bind(sock, address)

    @staticmethod
    def _from_interface(sock: socket.socket, name: str) -> None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, name.encode() + b"\0")
        except OSError as error:
            raise SourceUnavailable(f"to send from interface {name}", error) from error

    def _bind(self, sock: socket.socket, address: str) -> None:
        where = f"to send from {address or 'any address'}{f' port {self.port}' if self.port else ''}"
        ipv6 = sock.family == socket.AF_INET6
        if address and (parse_address(address).version == 6) is not ipv6:
            error = OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            raise SourceUnavailable(f"{where} to an {'IPv6' if ipv6 else 'IPv4'} address", error)
        try:
            sock.bind(
                socket.getaddrinfo(address, self.port, sock.family, flags=socket.AI_NUMERICHOST)[0][4]
                if address
                else ("", self.port)
            )
        except OSError as error:
            raise SourceUnavailable(where, error) from error
        if address and may_be_foreign(sock.family) and not is_own(sock):
            absent = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
            raise SourceUnavailable(where, absent)


DEFAULT = Sender()
"""Everything by the kernel."""


def set_ttl(sock: socket.socket, ttl: int) -> None:
    """Have all further packets leave with this TTL or hop limit. Raises HostRefused."""
    ipv6 = sock.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
    set_option(sock, level, socket.IPV6_UNICAST_HOPS if ipv6 else socket.IP_TTL, ttl)


def interface_index(source: str | None) -> int:
    """The index of the interface (RFC 3493) that packets from this source leave by; 0: routes decide.

    An interface that is removed and made anew has another index: sockets that were bound to the one before
    send nothing any more. Nor do those bound to an address that the host has lost, and the kernel's word for
    it may be that there is no route, or none at all (IPv6): so this has to be asked.

    Raises HostRefused, SourceUnavailable where the host has no such interface or address.
    """
    if source is None:
        return 0
    if is_interface(source):
        try:
            return socket.if_nametoindex(source)
        except OSError as error:
            absent = OSError(errno.ENODEV, os.strerror(errno.ENODEV))
            raise SourceUnavailable(f"to send from interface {source}", absent) from error
    with new_socket(socket.AF_INET6 if is_ipv6(source) else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            Sender(source=source).prepare(sock)
        except SourceUnavailable as error:
            if error.errno != errno.EADDRINUSE:  # the address is there, though no port is free
                raise
        return int(sock.getsockname()[3]) if sock.family == socket.AF_INET6 else 0


def is_interface(source: str) -> bool:
    """Whether it is no address, and so names an interface."""
    try:
        parse_address(source)
    except ValueError:
        return True
    return False
