"""One target, a hundred packets a second: what the programs of the command line cost, start included."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from ..peers import debian, ours
from ..peers.missing import PeerMissing
from ..peers.processes import listening
from ..ports import free_port
from .processes import pss_mib

COUNT, EVERY_MS = 500, 10
TARGET = "127.0.0.1"


def rows(folder: Path) -> Iterator[list[str]]:
    """Program, CPU time of a round trip with the program's start shared out over all, memory at half time."""
    pace = ["-c", str(COUNT), "-i", f"{EVERY_MS}ms", "--json"]
    prober = [sys.executable, "-m", "ipsecping", "ping", TARGET]
    with ours.reflector("stamp") as reflector:
        yield ["ipsecping ping, STAMP", *figures([*prober, "--stamp", str(reflector.port), *pace])]
    yield ["ipsecping ping, ICMP", *figures([*prober, *pace])]
    for name, package, arguments in (
        ("ping", "iputils-ping", ["-q", "-c", str(COUNT), "-i", str(EVERY_MS / 1000), TARGET]),
        ("fping", "fping", ["-q", "-c", str(COUNT), "-p", str(EVERY_MS), TARGET]),
        ("irtt", "irtt", ["client", "-q", "-i", f"{EVERY_MS}ms", "-d", f"{COUNT * EVERY_MS}ms"]),
    ):
        try:
            program = debian.program(name, package)
        except PeerMissing as error:
            yield [name, str(error)]
            continue
        with irtt_server(program, folder) if name == "irtt" else nullcontext(0) as port:
            yield [name, *figures([program, *arguments, *([f"{TARGET}:{port}"] if port else [])])]


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
