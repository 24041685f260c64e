"""Whether an address is this host's, where the kernel lets sockets be bound to others' as well.

`net.ipv4.ip_nonlocal_bind` and its like for IPv6, as hosts have them whose addresses move between machines
(keepalived, HAProxy): on the one that does not have the address now, bind(2) says nothing of that. IPv4 then
calls it a missing route when something is sent, and IPv6 sends what nobody can answer.
"""

import errno
import socket
from pathlib import Path

from ..addresses import parse_address
from .host_calls import new_socket

_SETTINGS = {
    socket.AF_INET: Path("/proc/sys/net/ipv4/ip_nonlocal_bind"),
    socket.AF_INET6: Path("/proc/sys/net/ipv6/ip_nonlocal_bind"),
}
_OWN_IPV6, _LOOPBACK_MTU = Path("/proc/net/if_inet6"), Path("/sys/class/net/lo/mtu")
_IPV6_MTU = 24
"""Of <linux/in6.h>: MTU of the way that a connected socket's packets take."""
_ANY_PORT = 9
_OPTIMISTIC, _TENTATIVE = 0x04, 0x40
"""Of <linux/if_addr.h>; what another host was found to have stays tentative."""


def may_be_foreign(family: int) -> bool:
    """Whether sockets of this family can be bound to addresses that this host does not have."""
    return _text(_SETTINGS[socket.AF_INET6 if family == socket.AF_INET6 else socket.AF_INET]) == "1"


def is_own(sock: socket.socket) -> bool:
    """Whether this host has the address that a socket is bound to, or its whole network (ip-route(8), local).

    Raises HostRefused.
    """
    name = sock.getsockname()
    with new_socket(sock.family, socket.SOCK_DGRAM) as other:
        try:
            other.bind((name[0], 0, *name[2:]))
            other.connect((name[0], _ANY_PORT, *name[2:]))  # sends nothing
        except OSError as error:
            return error.errno == errno.EADDRINUSE  # no port is free: it cannot be told
        if sock.family != socket.AF_INET6:
            return True
        if has_usable(_text(_OWN_IPV6), str(name[0]), zone=name[3]):
            return True
        return str(other.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)) == _text(_LOOPBACK_MTU)


def has_usable(own: str, address: str, *, zone: int) -> bool:
    """Whether an IPv6 address stands in `own`, the text of /proc/net/if_inet6, as one that packets may bear.

    One that another host may have is not (RFC 4862 section 5.4), unless it is optimistic (RFC 4429).
    `zone`: the index of the only interface that may have it, 0 for any.
    """
    octets = parse_address(address).packed.hex()
    for line in own.splitlines():
        found, index, _, _, flags, *_ = line.split()
        if found == octets and zone in (0, int(index, 16)):
            return not int(flags, 16) & _TENTATIVE or bool(int(flags, 16) & _OPTIMISTIC)
    return False


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeError):
        return ""
