"""What the C library says of a name (`getaddrinfo`); blocks, for as long as the servers are silent."""

import socket

from ..addresses import unmapped
from ..contract import Family

NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})
"""Errors that say that there is no such name, or no address of the family."""
SOCKET_FAMILIES = {Family.IPV6: socket.AF_INET6, Family.IPV4: socket.AF_INET}
"""In the order in which the families are asked for one by one."""


def lookup(name: str) -> list[str]:
    """The addresses of a name, the system's preferred one first; blocks. Raises OSError.

    The C library, asked for both families at once, also says that there is no such name if the servers say so
    of one family and fail at the other: a CoreDNS may answer AAAA itself while its upstream is away. So
    before that is believed, each family is asked for alone.
    """
    try:
        return _lookup(name, socket.AF_UNSPEC)
    except socket.gaierror as error:
        if error.errno not in NO_SUCH_NAME:
            raise
        found = [address for each in SOCKET_FAMILIES.values() for address in _unless_absent(name, each)]
        if not found:
            raise
        return found


def lookup_alone(name: str, family: Family) -> list[str]:
    """The addresses of one family, none where there are none; blocks. Raises OSError."""
    return _unless_absent(name, SOCKET_FAMILIES[family])


def _unless_absent(name: str, family: int) -> list[str]:
    try:
        return _lookup(name, family)
    except socket.gaierror as error:
        if error.errno not in NO_SUCH_NAME:
            raise
        return []


def _lookup(name: str, family: int) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_DGRAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, f"not a name: {error}") from error
    return list(dict.fromkeys(_as_borne(str(item[4][0])) for item in found))


def _as_borne(address: str) -> str:
    """Of an IPv4-mapped address, as some zones have them, the IPv4 address: ICMPv6 has no way to it."""
    bare = unmapped(address)
    return str(bare) if bare.version == 4 else address
