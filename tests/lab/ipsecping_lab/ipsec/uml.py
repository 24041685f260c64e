"""The User-mode Linux process: its command line, its TAP, its start and its end."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..host.commands import run
from ..host.namespaces import entered_network, in_network
from ..layout import Layout
from . import topology

MEMORY = "192M"
USER, GROUP = "nobody", "nogroup"
"""Not root: guest root can remount the machine's file tree writable, and then only the user's rights hold."""
NICE = -20
"""More urgent than what else runs: a network that stands still because the machine is busy loses packets."""
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000


@dataclass(frozen=True, slots=True)
class Lines:
    """Descriptors that the guest gets. The console is a pipe: a file gives epoll errors."""

    serial: int
    console: int
    tap: int


def open_tap(layout: Layout) -> int:
    """A TAP in the lab's network namespace with address and routes; it lives as long as the descriptor."""
    with entered_network(layout.netns):
        # the device belongs to the namespace in which /dev/net/tun is opened
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", topology.TAP.encode(), _IFF_TAP | _IFF_NO_PI))
    lines = [f"link set {topology.TAP} up"]
    for near in topology.NEAR.values():
        lines += [
            f"addr replace {near.host} dev {topology.TAP}",
            f"route replace {near.far} via {near.left.ip}",
        ]
    run([*in_network(layout.netns), "ip", "-batch", "-"], stdin="\n".join(lines) + "\n")
    return tap


def command_line(layout: Layout, directory: Path, lines: Lines) -> list[str]:
    """``lab=`` is not the kernel's: it becomes a variable of the guest's first process."""
    return [
        "linux.uml",
        f"mem={MEMORY}",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        f"init={layout.guest}/init.sh",
        f"lab={layout.guest}",
        *common_words(directory, serial=lines.serial, console=lines.console),
        f"vec0:transport=fd,fd={lines.tap},vec=0,depth=64",
    ]


def common_words(directory: Path, *, serial: int, console: int) -> list[str]:
    """What every guest's command line has: its two lines, its directory, and to end when it panics."""
    return [
        "con=null",
        f"con0=null,fd:{console}",
        "ssl=null",
        f"ssl0=fd:{serial},fd:{serial}",
        f"uml_dir={directory}",
        "umid=uml",
        "quiet",
        "panic=1",
        "noreboot",
    ]


def start(layout: Layout, lines: Lines) -> subprocess.Popen[bytes]:
    """Start the gateways' guest."""
    directory = layout.state / "uml"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o755)
    shutil.chown(directory, USER, GROUP)
    guest = spawn(
        command_line(layout, directory, lines),
        home=directory,
        shim=layout.guest / "xstate_shim.so",
        log=layout.log_file("console"),
        descriptors=(lines.serial, lines.console, lines.tap),
    )
    _hurry(guest.pid)
    return guest


def _hurry(pid: int) -> None:
    """Have a process that leads its session go first, as far as one may."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        # Where the kernel shares a core among sessions, that counts within the own alone (sched(7)).
        with suppress(FileNotFoundError):
            Path(f"/proc/{pid}/autogroup").write_text(str(NICE))


def spawn(
    words: Sequence[str], *, home: Path, shim: Path, log: Path, descriptors: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Start a guest in a session of its own, as an unprivileged user, on one CPU.

    One CPU: its kernel and the processes in it take turns. On one they boot in 2 s, on two in 6 to 7 s.
    """
    with log.open("ab") as console:
        return subprocess.Popen(
            ["taskset", "--cpu-list", str(_cpu()), *words],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LD_PRELOAD": str(shim),
                "TMPDIR": "/dev/shm",  # the guest's memory: must be mappable as executable
                "HOME": str(home),
            },
            cwd="/",
            start_new_session=True,
            user=USER,
            group=GROUP,
            extra_groups=[],
        )


def end_session(pid: int) -> None:
    """Kill all of its session: helpers outlive a killed main process, and hold the TAP."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _cpu() -> int:
    wished = os.environ.get("LAB_CPU", "")
    return int(wished) if wished.isdigit() else max(os.sched_getaffinity(0))
