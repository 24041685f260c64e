"""What a packet costs our reflector, by size and by what it holds: CPU time of its process, in one run.

Each content is sent in bursts, all contents in turn and several times over, so that what else the machine
does meets all of them; the median of the turns is shown (the kernel books the time of a process that is
running late, so one burst may seem to cost nothing and the next one twice). `--against` puts another
checkout's reflector beside it, burst by burst. On loopback only: this is no tool to flood others with.
"""

import argparse
import hmac
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from struct import pack
from tempfile import TemporaryDirectory

from .stamp_flood import await_reflector

SIZES = (64, 1472, 9000)
KEY = bytes(range(16))
BURST = 32
"""Packets on their way at once: fewer than a batch, and than the least receive queue has room for."""
NO_LIMIT = ("--rate", "100000000", "--total-rate", "100000000")
_PLAIN = pack("!IQHH28x", 1, 0xED003780_12345678, 0x2001, 7)


def contents(size: int) -> dict[str, bytes]:
    """STAMP packets of that size: as probes send them, and as somebody would who wants them to be costly."""
    room = size - len(_PLAIN)

    def filled(unit: bytes) -> bytes:
        return _PLAIN + (unit * (room // len(unit) + 1))[:room]

    def location(unit: bytes) -> bytes:
        inside = (unit * size)[: room - 8]
        return _PLAIN + pack("!BBHHH", 0x80, 2, room - 4, 0, 0) + inside

    return {
        "Extra Padding": _PLAIN + pack("!BBH", 0x80, 1, room - 4) + bytes(room - 4),
        "zeros": _PLAIN + bytes(room),
        "zeros, then a one": _PLAIN + bytes(room - 1) + b"\1",
        "empty TLVs": filled(b"\x80\x20\0\0"),
        "Class of Service TLVs": filled(b"\x80\x04\0\x04\x88\0\0\0"),
        "Direct Measurement TLVs": filled(b"\x80\x05\0\x0c" + bytes(12)),
        "empty sub-TLVs": location(b"\x80\x07\0\0"),
        "sub-TLVs of zeros": location(bytes(4))[:-1] + b"\1",
        "Location questions": location(b"\x80\x07\0\x10" + bytes(16)),
        "random": _PLAIN[:16] + (_RANDOM * 40)[: size - 16],
    }


_RANDOM = hmac.digest(KEY, b"random", "sha256") * 8


def sealed(size: int) -> dict[str, bytes]:
    """For a reflector with `--keys-for-tlvs`: an HMAC over everything, good or not."""
    length = size - len(_PLAIN) - 24
    covered = b"" if length < 0 else pack("!BBH", 0x80, 1, length) + bytes(length)
    good = hmac.digest(KEY, _PLAIN[:4] + covered, "sha256")[:16]
    head = _PLAIN + covered + b"\x80\x08\0\x10"
    return {"HMAC TLV, one key": head + good, "HMAC TLV, forged": head + bytes(16)}


class Far:
    """One reflector, and a socket that is connected to it."""

    def __init__(self, process: "subprocess.Popen[bytes]", sock: socket.socket) -> None:
        self._schedstat = Path(f"/proc/{process.pid}/schedstat")
        self._sock = sock

    def cost(self, packet: bytes) -> float:
        """Microseconds of CPU time a packet of one burst."""
        before = self._cpu()
        for _ in range(BURST):
            self._sock.send(packet)
        for _ in range(BURST):
            self._sock.recv(65_535)
        return (self._cpu() - before) / BURST / 1000

    def _cpu(self) -> int:
        return int(self._schedstat.read_text().split()[0])


@contextmanager
def reflector(checkout: Path, folder: Path, *options: str) -> Iterator[Far]:
    """The reflector of a checkout, answering."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    log = folder / f"{port}.log"
    command = [sys.executable, "-m", "ipsecping", "reflect", "--stamp", f"127.0.0.1:{port}"]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [*command, "--allow", "127.0.0.0/8", *NO_LIMIT, *options],
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(checkout / "probe_image")},
        ) as process,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        try:
            await_reflector(log, process)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
            sock.settimeout(10)
            sock.connect(("127.0.0.1", port))
            yield Far(process, sock)
        finally:
            process.terminate()


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m tests.bench.reflector_cost --turns 20 --against ../main",
    )
    parser.add_argument("--turns", type=int, default=20, help="bursts of each content (%(default)s)")
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout")
    arguments = parser.parse_args()
    checkouts = [Path.cwd(), *([arguments.against.resolve()] if arguments.against else [])]
    with TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        keys = folder / "keys"
        keys.write_text(f"hex:{KEY.hex()}\n")
        keys.chmod(0o600)
        with_keys = ("--key-file", str(keys), "--keys-for-tlvs")
        kinds = [
            (kind, [running.enter_context(reflector(each, folder, *options)) for each in checkouts])
            for kind, options in ((contents, ()), (sealed, with_keys))
        ]
        packets = [
            (size, what, packet, far)
            for size in SIZES
            for kind, far in kinds
            for what, packet in kind(size).items()
        ]
        seen: list[list[list[float]]] = [[[] for _ in checkouts] for _ in packets]
        for _ in range(arguments.turns):
            for (_, _, packet, far), turns in zip(packets, seen, strict=True):
                for each, costs in zip(far, turns, strict=True):
                    costs.append(each.cost(packet))
    medians = [[statistics.median(costs) for costs in turns] for turns in seen]
    print("us of CPU a packet, and how many times a plain one of 64 bytes")
    plain = medians[0]
    for (size, what, _, _), found in zip(packets, medians, strict=True):
        columns = "".join(
            f"{cost:>10.1f}{cost / base:>7.1f}x" for cost, base in zip(found, plain, strict=True)
        )
        print(f"{size:>6}  {what:<26}{columns}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
