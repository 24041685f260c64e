"""How far the prober's round-trip times are from the truth, on an idle machine and on one that is busy.

Truth is a capture on the loopback interface, stamped by the kernel: (reply - request) - (T3 - T2). Two
probers measure at the same time: the one that users have, and the same one without the kernel's timestamps,
which reads the clock itself. Busy means: every core is kept busy by other processes, for a bounded time.
"""

import argparse
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from ..ports import free_port
from .agent_load import PROGRAM, running
from .pcap import Datagram
from .rtt_against_capture import percentile, residence

PERCENTILES = (50, 90, 99, 100)
ETH_P_ALL = 3
SO_TIMESTAMPNS = 35
PACKET_OUTGOING = 4
WITHOUT_STAMPS = [
    sys.executable,
    "-c",
    "import sys; from ipsecping.net import timestamping; timestamping.SEND_AND_RECEIVE = 0; "
    "from ipsecping.cli.main import main; sys.exit(main())",
]
SPIN = "import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"

Sample = tuple[int, int]
"""(reflector's port, sequence number)."""


class Capture:
    """Requests leaving and replies arriving on the loopback interface, for the given reflector ports."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._requests: dict[Sample, int] = {}
        self.round_trips: dict[Sample, int] = {}
        """Nanoseconds, the reflector's own time taken off."""
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sock.bind(("lo", ETH_P_ALL))
        self._sock.setblocking(False)

    def close(self) -> None:
        """End the capture."""
        self._sock.close()

    def read(self, patience: float) -> None:
        """Take in what has come, after at most `patience` seconds."""
        select.select([self._sock], [], [], patience)
        while True:
            try:
                packet, items, _, address = self._sock.recvmsg(2048, 128)
            except BlockingIOError:
                return
            if len(packet) >= 28 and packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_UDP and items:
                seconds, nanoseconds = struct.unpack_from("=qq", items[0][2])
                self._take(
                    packet, seconds * 1_000_000_000 + nanoseconds, outgoing=address[2] == PACKET_OUTGOING
                )

    def _take(self, packet: bytes, at: int, *, outgoing: bool) -> None:
        header = (packet[0] & 15) * 4
        source, destination = struct.unpack_from("!HH", packet, header)
        payload = packet[header + 8 :]
        if destination in self._ports and outgoing:
            self._requests[destination, int.from_bytes(payload[:4], "big")] = at
        elif source in self._ports and not outgoing:
            sample = source, int.from_bytes(payload[24:28], "big")
            reply = Datagram(
                time=at,
                source="",
                source_port=source,
                destination="",
                destination_port=destination,
                payload=payload,
            )
            if sample in self._requests:
                self.round_trips[sample] = at - self._requests[sample] - residence(reply)


def errors(count: int, *, busy: bool) -> dict[str, list[int]]:
    """|reported - captured| of each packet, sorted, by prober; and the captured round-trip times."""
    probers = {"kernel timestamps": PROGRAM, "userspace clock": WITHOUT_STAMPS}
    ports = [free_port(socket.SOCK_DGRAM) for _ in probers]
    capture = Capture(ports)
    seconds = count * 0.01 + 3
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.callback(capture.close)
        served = [word for port in ports for word in ("--stamp", f"127.0.0.1:{port}")]
        log = Path(folder) / "reflector.log"
        stack.enter_context(running(["reflect", *served, "--allow", "127.0.0.0/8"], core=1, log=log))
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        while log.read_text().count("answering") < len(ports):
            time.sleep(0.05)
        for _ in range(os.cpu_count() or 1 if busy else 0):
            spinner = subprocess.Popen([sys.executable, "-c", SPIN.format(seconds=seconds)])
            stack.callback(spinner.wait)
        options = ["-c", str(count), "-i", "10ms", "--json", "--samples"]
        running_probers = [
            subprocess.Popen(
                [*command, "ping", "127.0.0.1", "--stamp", str(port), *options],
                stdout=(Path(folder) / str(port)).open("wb"),
            )
            for command, port in zip(probers.values(), ports, strict=True)
        ]
        while any(prober.poll() is None for prober in running_probers):
            capture.read(0.1)
        capture.read(0.1)
        found = {"(captured RTT)": sorted(capture.round_trips.values())}
        for name, port in zip(probers, ports, strict=True):
            samples = json.loads((Path(folder) / str(port)).read_text())["samples"]
            found[name] = sorted(
                abs(sample["rtt_ns"] - capture.round_trips[port, sample["sequence"]])
                for sample in samples
                if (port, sample["sequence"]) in capture.round_trips
            )
    return found


def main() -> int:
    """Print the table; 1 when the prober errs by more than the limit at p99."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m tests.bench.rtt_error --count 500   (as root: it captures packets)",
    )
    parser.add_argument("--count", type=int, default=500, help="packets of each prober (%(default)s)")
    parser.add_argument(
        "--limit-us",
        type=float,
        default=100,
        help="allowed error of kernel timestamps at p99 (%(default)s us)",
    )
    arguments = parser.parse_args()
    failed = False
    print(f"{'error in us':<28}" + "".join(f"{f'p{p}' if p < 100 else 'max':>10}" for p in PERCENTILES))
    for busy in (False, True):
        found = errors(arguments.count, busy=busy)
        for name, values in found.items():
            title = f"{'busy' if busy else 'idle'}: {name}"
            cells = "".join(f"{percentile(values, p) / 1000:>10.1f}" for p in PERCENTILES)
            print(f"{title:<28}{cells}   {len(values)} packets")
        failed |= percentile(found["kernel timestamps"], 99) > arguments.limit_us * 1000
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
