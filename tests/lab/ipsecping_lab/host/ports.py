"""Ports of 127.0.0.1 for programs that cannot choose one themselves: never the same for two of them.

They lie below those that the kernel gives to outgoing connections, so none is taken while its program is
being restarted. Test processes that run side by side see each other's through Unix sockets in the abstract
namespace, which last as long as the process that asked and, like ports, belong to a network namespace.
"""

from __future__ import annotations

import random
import socket

from ..errors import LabError

_RANGE = range(20000, 30000)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port for a stream or datagram socket that nobody has, this process's for as long as it lives.

    Raises:
        LabError: all are taken.
    """
    for port in random.sample(_RANGE, len(_RANGE)):
        if _reserve(port) and _is_free(port, kind):
            return port
    raise LabError(f"no port of 127.0.0.1 is free from {_RANGE.start} to {_RANGE.stop - 1}")


def _reserve(port: int) -> bool:
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0ipsecping-test-port-{port}")
    except OSError:
        mark.close()
        return False
    mark.detach()
    return True


def _is_free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
