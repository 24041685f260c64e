"""Where to listen: an address, or every address of both families."""

import socket
from contextlib import closing

EVERYWHERE = ""
"""Stands for every address of this host, IPv4 and IPv6."""
_WILDCARDS = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))


def hosts(host: str) -> tuple[str, ...]:
    """The addresses to bind a socket each to: `host` itself, or the wildcards of the families that there are.

    A socket for each family, and not one for both: so a peer's address always looks as it is written, and an
    answer over UDP can leave from the very address that was asked.
    """
    if host != EVERYWHERE:
        return (host,)
    present = tuple(wildcard for family, wildcard in _WILDCARDS if _is_there(family, wildcard))
    # With neither family, binding says what is wrong.
    return present or (_WILDCARDS[0][1],)


def _is_there(family: socket.AddressFamily, wildcard: str) -> bool:
    """Whether the kernel (`ipv6.disable=1`) and the sandbox (RestrictAddressFamilies=) give such sockets."""
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.bind((wildcard, 0))
    except OSError:
        return False
    return True


def tcp_socket(host: str, port: int) -> socket.socket:
    """A socket bound to the address; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # What is left of earlier connections does not keep a new process from listening.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        sock.bind(found[0][4])
    except BaseException:
        sock.close()
        raise
    return sock
