"""What no route explains: addresses between which no host sends anything, whatever its network.

The kernel refuses them by the same errors as a blackhole route (EINVAL) or a policy (EACCES) does.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address

from ..addresses import unmapped
from .host_calls import HostRefused
from .message_batch import SocketAddress

_BROADCAST = IPv4Address("255.255.255.255")


def misaddressed(error: OSError, sock: socket.socket, target: SocketAddress) -> OSError:
    """Return the error of sending to a socket address, HostRefused where the addresses alone explain it."""
    if error.errno not in (errno.EINVAL, errno.EACCES):
        return error
    source, address = unmapped(str(sock.getsockname()[0])), unmapped(str(target[0]))
    what = _mistake(source, address, has_zone=len(target) > 3 and target[3] != 0)
    return error if what is None else HostRefused(f"to send to {address}{what}", error)


def _mistake(
    source: IPv4Address | IPv6Address, target: IPv4Address | IPv6Address, *, has_zone: bool
) -> str | None:
    if source.is_loopback and not target.is_loopback:
        return f" from {source}, which does not leave it"
    if isinstance(target, IPv6Address):
        return " without a zone (%INTERFACE)" if target.is_link_local and not has_zone else None
    return ", which is no host's address" if target == _BROADCAST else None
