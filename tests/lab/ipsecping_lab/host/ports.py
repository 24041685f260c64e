"""Ports of 127.0.0.1 for programs that cannot choose one themselves: never the same for two of them.

They lie below those that the kernel gives to outgoing connections and to whoever asks for any port, so none
is taken while its program is being restarted, or while it has to be closed. Test processes that run side by
side see each other's through Unix sockets in the abstract namespace, which last as long as the process that
asked and, like ports, belong to a network namespace.
"""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack

from ..errors import LabError

_RANGE = range(20000, 30000)


def free_port(kind: int = socket.SOCK_STREAM, *, count: int = 1) -> int:
    """A port for a stream or datagram socket that nobody has, this process's for as long as it lives.

    Of a `count` of ports in a row it is the first.

    Raises:
        LabError: all are taken.
    """
    for first in random.sample(_RANGE, len(_RANGE) - count + 1):
        ports = range(first, first + count)
        with ExitStack() as marks:
            if all(_is_reserved(port, marks) and _is_free(port, kind) for port in ports):
                marks.pop_all()
                return first
    raise LabError(f"no port of 127.0.0.1 is free from {_RANGE.start} to {_RANGE.stop - 1}")


def _is_reserved(port: int, marks: ExitStack) -> bool:
    """Whether the port's mark could be taken; it is held until `marks` are closed, or this process ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mark:
        try:
            mark.bind(f"\0ipsecping-test-port-{port}")
        except OSError:
            return False
        marks.callback(os.close, mark.detach())
    return True


def _is_free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
