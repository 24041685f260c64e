"""The lab's network namespace, and command lines that run something inside namespaces."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .commands import run

_CLONE_NEWNET = 0x40000000


def make_network(pin: Path) -> None:
    """Create the network namespace pinned at ``/run/netns/NAME``, with loopback up; idempotent."""
    if not is_network(pin):
        pin.unlink(missing_ok=True)  # what a killed `ip netns add` or a foreign hand left
        run(["ip", "netns", "add", pin.name])
    # Nothing outside has its IPv6 addresses: they need not be looked for, for a second, before they are used.
    run([*in_network(pin), "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"])
    run([*in_network(pin), "ip", "link", "set", "lo", "up"])


def is_network(pin: Path) -> bool:
    """Whether a namespace is pinned there, and not just an empty file."""
    try:
        return os.stat(pin).st_dev == os.stat("/proc/self/ns/net").st_dev  # noqa: PTH116
    except FileNotFoundError:
        return False


def remove_network(pin: Path) -> None:
    """Remove it with all its interfaces; nothing when it is not there."""
    if is_network(pin):
        run(["ip", "netns", "delete", pin.name])
    pin.unlink(missing_ok=True)


def in_network(pin: Path) -> list[str]:
    """The words before a command that shall run in that network namespace.

    Not ``ip netns exec``: it mounts another /sys, which hides the cgroups.
    """
    return ["nsenter", f"--net={pin}", "--"]


def in_node(pid: int) -> list[str]:
    """The words before a command that shall run in all namespaces of the node whose PID 1 is ``pid``."""
    return ["nsenter", f"--target={pid}", "--net", "--mount", "--pid", "--uts", "--"]


@contextmanager
def entered_network(pin: Path) -> Iterator[None]:
    """The calling thread is in that network namespace while the body runs."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor: int) -> None:
        if libc.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {pin}")

    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(pin, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(there)
        try:
            yield
        finally:
            enter(here)
    finally:
        os.close(there)
        os.close(here)


def flush_routes(pins: Iterable[Path]) -> None:
    """Forget cached path MTUs in these network namespaces; those that are gone meanwhile do not matter."""
    for pin in pins:
        with suppress(OSError), entered_network(pin):
            Path("/proc/sys/net/ipv4/route/flush").write_text("1")
            # The same of IPv6 leaves path MTUs where they are: they are routes that have to be deleted.
            run(["ip", "-6", "route", "flush", "cache"], check=False)
