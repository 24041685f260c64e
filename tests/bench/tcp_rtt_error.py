"""Hold the TCP probe's round-trip times against a packet capture on loopback, idle and with every core busy.

    unshare -n sh -c 'ip link set lo up; .venv/bin/python -m tests.bench.tcp_rtt_error'   (root)

The namespace of its own keeps other programs' traffic out of the capture.

Truth is what AF_PACKET's kernel timestamps say: (SYN-ACK arrives) - (SYN leaves). Beside the probe's figure,
which the kernel takes, stands the time at which this process noticed: what a prober with a clock of its own
reports.
"""

import asyncio
import multiprocessing
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ipsecping.contract import PlannedProbe, ProbeType, TcpOptions
from ipsecping.net.clocks import Clock
from ipsecping.probes import tcp

from ..news import News

PACKETS = 500
SPACING = 0.01
SO_TIMESTAMPNS = 35
ETHERTYPE_IPV4, IP_PROTOCOL_TCP = b"\x08\0", 6
SYN, SYN_ACK = 0x02, 0x12
PERCENTILES = (50, 90, 99, 100)


class Connect(NamedTuple):
    """One connect; nanoseconds."""

    reported: int
    noticed: int


class Capture(threading.Thread):
    """SYNs to one port and their SYN-ACKs; there is one connect at a time."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._over = threading.Event()
        self._left: list[int] = []
        self._came: list[int] = []
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._sock.bind(("lo", 0))
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.settimeout(0.2)

    def run(self) -> None:
        while not self._over.is_set():
            try:
                frame, ancillary, _, sender = self._sock.recvmsg(128, 128)
            except TimeoutError:
                continue
            if frame[12:14] != ETHERTYPE_IPV4 or frame[23] != IP_PROTOCOL_TCP:
                continue
            source, destination = struct.unpack_from("!HH", frame, 34)
            seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2])
            at = seconds * 1_000_000_000 + nanoseconds
            leaving = sender[2] == socket.PACKET_OUTGOING
            if frame[47] == SYN and destination == self._port and leaving:
                self._left.append(at)
            elif frame[47] == SYN_ACK and source == self._port and not leaving:
                self._came.append(at)

    def round_trips(self) -> list[int]:
        """Stop; the round trip of each connect in order, nanoseconds."""
        deadline = time.monotonic() + 5
        while len(self._came) < PACKETS and time.monotonic() < deadline:
            time.sleep(0.01)
        self._over.set()
        self.join()
        self._sock.close()
        return [came - left for left, came in zip(self._left, self._came, strict=True)]


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many cores busy."""
    started = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(processes)]
    for process in started:
        process.start()
    try:
        yield
    finally:
        for process in started:
            process.terminate()
            process.join()


def _spin() -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        pass


async def connects(port: int) -> list[Connect]:
    """One connect after the other."""
    probe = PlannedProbe(
        name="p", type=ProbeType.TCP, count=1, spacing_ms=10, timeout_ms=2000, size=0, port=port,
        options=TcpOptions(),
    )  # fmt: skip
    session = tcp.open_session(probe, "127.0.0.1", Clock())
    made = []
    for _ in range(PACKETS):
        answered = News()
        packet = session.send(answered)
        await answered.wait()
        noticed = time.monotonic_ns() - packet.sent_at
        made.append(Connect(packet.rtt or 0, noticed))
        await asyncio.sleep(SPACING)
    session.close()
    return made


def measure(load: int) -> dict[str, list[int]]:
    """Absolute errors of both clocks against the capture, sorted; nanoseconds."""
    with socket.create_server(("127.0.0.1", 0), backlog=PACKETS) as server, busy(load):
        capture = Capture(server.getsockname()[1])
        capture.start()
        made = asyncio.run(connects(server.getsockname()[1]))
        truth = capture.round_trips()
    pairs = list(zip(made, truth, strict=True))
    return {
        "kernel (the probe)": sorted(abs(connect.reported - true) for connect, true in pairs),
        "own clock": sorted(abs(connect.noticed - true) for connect, true in pairs),
    }


def main() -> None:
    """Print the table."""
    print(f"{'|error| in us, ' + str(PACKETS) + ' connects':<42}" + "".join(f"p{p:<11}" for p in PERCENTILES))
    cores = os.cpu_count() or 1
    for name, load in (("idle", 0), (f"{cores} of {cores} cores busy", cores)):
        for clock, errors in measure(load).items():
            figures = (errors[-(-len(errors) * p // 100) - 1] / 1000 for p in PERCENTILES)
            print(f"{name + ', ' + clock:<42}" + "".join(f"{figure:<12.1f}" for figure in figures))


if __name__ == "__main__":
    main()
