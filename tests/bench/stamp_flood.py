"""STAMP round trips at full speed, through the sessions and sockets that the agent uses: a closed loop.

Each target has a window of packets under way; whatever becomes of one sends the next. The target is a
reflector process of our own on another core, on loopback only: this is no tool to flood others with.
"""

import argparse
import asyncio
import select
import socket
import subprocess
import sys
import time
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from ipsecping.contract import PlannedProbe, ProbeType
from ipsecping.measure.packet import Packet
from ipsecping.net import timestamping
from ipsecping.net.clocks import Clock
from ipsecping.probes import stamp
from ipsecping.probes.base import Session

from ..ports import free_port
from .agent_load import running
from .processes import cpu_seconds, run_on

BOOK = 1000
"""Packets of one target after which its book is closed, as after a round."""


class Target:
    """One session with its window."""

    def __init__(self, session: Session, window: int) -> None:
        self.session = session
        self.window = window
        self.answered = self.lost = 0
        self._book: list[Packet] = []
        self._under_way = 0
        self._filling = False
        self.ended = False

    def fill(self) -> None:
        """Send as many packets as the window has room for."""
        self._filling = False
        while not self.ended and self._under_way < self.window:
            packet = self.session.send(self)
            self._book.append(packet)
            self._under_way += not packet.settled
        if len(self._book) >= BOOK:
            done = self._book[: -self.window]
            self.session.ledger.attribute(done)
            self.lost += sum(not packet.answered for packet in done)
            del self._book[: -self.window]

    def updated(self, packet: Packet) -> None:
        """See Observer."""
        self._under_way -= 1
        self.answered += packet.answered
        if not self._filling:  # once for all answers that were read in one go
            self._filling = True
            asyncio.get_running_loop().call_soon(self.fill)


async def flood(port: int, *, targets: int, window: int, seconds: float) -> tuple[int, int, float, float]:
    """Packets answered and lost, elapsed and CPU seconds."""
    clock = Clock()
    probe = PlannedProbe(
        name="p", type=ProbeType.STAMP, count=1, spacing_ms=1, timeout_ms=2000, size=44, port=port
    )
    first = int(ip_address("127.1.0.1"))
    flows = [
        Target(stamp.METHOD.open(probe, str(ip_address(first + i)), clock), window) for i in range(targets)
    ]
    begun, cpu = time.monotonic(), time.process_time()
    for flow in flows:
        flow.fill()
    await asyncio.sleep(seconds)
    elapsed, cpu = time.monotonic() - begun, time.process_time() - cpu
    for flow in flows:
        flow.ended = True
        flow.session.close()
    return sum(flow.answered for flow in flows), sum(flow.lost for flow in flows), elapsed, cpu


def bare_loop(port: int, *, window: int, seconds: float) -> float:
    """CPU seconds a round trip of the least that Python must do: send, read the send stamp and the answer.

    How fast a machine is, and how busy others keep it, shows here as well: hold the engine against this.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        timestamping.enable_timestamps(sock, timestamping.SEND_AND_RECEIVE)
        sock.connect(("127.0.0.1", port))
        request, trips, under_way, cpu = bytes(44), 0, 0, time.process_time()
        buffers, room, errors = [bytearray(2048)], 128, timestamping.MSG_ERRQUEUE
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(window - under_way):
                sock.send(request)
            under_way = window
            select.select([sock], [], [], 1)
            with suppress(BlockingIOError):
                while True:
                    sock.recvmsg_into(buffers, room, errors)
            with suppress(BlockingIOError):
                while True:
                    sock.recvmsg_into(buffers, room)
                    trips += 1
                    under_way -= 1
        return (time.process_time() - cpu) / max(trips, 1)


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m tests.bench.stamp_flood --targets 8 --window 64 --seconds 5",
    )
    parser.add_argument("--targets", type=int, default=8, help="addresses (%(default)s)")
    parser.add_argument("--window", type=int, default=16, help="packets under way each (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="duration (%(default)s)")
    arguments = parser.parse_args()
    port = free_port(socket.SOCK_DGRAM)
    command = ["reflect", "--stamp", f"0.0.0.0:{port}", "--allow", "127.0.0.0/8", "--rate", "10000000"]
    command += ["--total-rate", "10000000"]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "reflector.log"
        with running(command, core=1, log=log) as reflector:
            run_on(0)
            await_reflector(log, reflector)
            bare = bare_loop(port, window=arguments.targets * arguments.window, seconds=2)
            before = cpu_seconds(reflector.pid)
            answered, lost, elapsed, cpu = asyncio.run(
                flood(port, targets=arguments.targets, window=arguments.window, seconds=arguments.seconds)
            )
            far = cpu_seconds(reflector.pid) - before
    for name, value in (
        ("round trips/s", f"{answered / elapsed:.0f}"),
        ("prober CPU per round trip", f"{cpu / answered * 1e6:.1f} us ({cpu / elapsed:.0%} of a core)"),
        ("a bare loop beside it", f"{bare * 1e6:.1f} us"),
        ("reflector CPU per round trip", f"{far / answered * 1e6:.1f} us ({far / elapsed:.0%} of a core)"),
        ("packets lost", str(lost)),
    ):
        print(f"{name:<30}{value}")
    return 0


def await_reflector(log: Path, process: subprocess.Popen[bytes]) -> None:
    """Until it says that it listens."""
    while process.poll() is None:
        if "answering" in log.read_text():
            return
        time.sleep(0.05)
    raise RuntimeError(log.read_text())


if __name__ == "__main__":
    sys.exit(main())
