"""One target, a hundred packets a second: what the programs of the command line cost, start included."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ..peers import debian, ours
from ..peers.missing import PeerMissing
from ..peers.processes import listening
from ..ports import free_port
from .processes import pss_mib

COUNT, EVERY_MS = 500, 10
TARGET = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Other:
    """A program of others: what it is given, and where it is, or why it cannot be had here."""

    name: str
    arguments: tuple[str, ...]
    program: str | PeerMissing


def others() -> list[Other]:
    """Find or fetch them: for that there must still be a way to the network."""
    every = str(EVERY_MS / 1000)
    return [
        Other("ping", ("-q", "-c", str(COUNT), "-i", every, TARGET), _program("ping", "iputils-ping")),
        Other("fping", ("-q", "-c", str(COUNT), "-p", str(EVERY_MS), TARGET), _program("fping", "fping")),
        Other(
            "irtt",
            ("client", "-q", "-i", f"{EVERY_MS}ms", "-d", f"{COUNT * EVERY_MS}ms"),
            _program("irtt", "irtt"),
        ),
    ]


def _program(name: str, package: str) -> str | PeerMissing:
    try:
        return debian.program(name, package)
    except PeerMissing as error:
        return error


def rows(found: Sequence[Other], folder: Path) -> Iterator[list[str]]:
    """Program, CPU time of a round trip with the program's start shared out over all, memory at half time."""
    pace = ["-c", str(COUNT), "-i", f"{EVERY_MS}ms", "--json"]
    prober = [sys.executable, "-m", "ipsecping", "ping", TARGET]
    with ours.reflector("stamp") as reflector:
        yield ["ipsecping ping, STAMP", *figures([*prober, "--stamp", str(reflector.port), *pace])]
    yield ["ipsecping ping, ICMP", *figures([*prober, *pace])]
    for other in found:
        if isinstance(other.program, PeerMissing):
            yield [other.name, str(other.program), "-"]
            continue
        with irtt_server(other.program, folder) if other.name == "irtt" else nullcontext(0) as port:
            target = [f"{TARGET}:{port}"] if port else []
            yield [other.name, *figures([other.program, *other.arguments, *target])]


def figures(command: Sequence[str]) -> list[str]:
    """Run it to its end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(COUNT * EVERY_MS / 2000)
    pss = pss_mib(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return [f"exit code {process.returncode}", "-"]
    return [f"{(usage.ru_utime + usage.ru_stime) / COUNT * 1e6:.0f} us", f"{pss:.1f} MiB"]


@contextmanager
def irtt_server(program: str, folder: Path) -> Iterator[int]:
    """Its target, on a free port."""
    port = free_port(socket.SOCK_DGRAM)
    with listening([program, "server", "-b", f"{TARGET}:{port}", "-i", "0"], port, log=folder / "irtt.log"):
        yield port
