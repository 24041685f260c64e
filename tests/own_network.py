"""A network namespace for this process: nothing in it but a loopback, on which ping sockets are allowed.

What is changed in there, this machine does not notice.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .peers import debian
from .peers.missing import PeerMissing

_CLONE_NEWNET = 0x40000000


def enter() -> None:
    """From here on nothing that this thread opens or starts reaches any network but its own loopback.

    Raises:
        PeerMissing: this user may not make network namespaces.
    """
    ip = debian.installed("ip", "iproute2")
    _call("unshare", _CLONE_NEWNET)
    subprocess.run([ip, "link", "set", "lo", "up"], check=True)
    # The kernel shows each reader the file of its own namespace.
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")


@contextmanager
def own_network() -> Iterator[None]:
    """The same for as long as the body runs. Raises PeerMissing."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter()
        try:
            yield
        finally:
            _call("setns", before, _CLONE_NEWNET)
    finally:
        os.close(before)


def _call(function: str, *arguments: int) -> None:
    """A system call that Python has from 3.12 on only."""
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments):
        raise PeerMissing(f"network namespaces need root: {function}: {os.strerror(ctypes.get_errno())}")
