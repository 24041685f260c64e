"""Peers as processes: started, waited for until they answer, and ended."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 60.0
_LOOK_EVERY = 0.02


class NotListening(Exception):
    """A peer ended, or listened on nothing in time; the message has what it said."""


@contextmanager
def running(
    argv: Sequence[object], *, log: Path, cwd: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A peer program with its output in `log`, killed when the body is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def listening(argv: Sequence[object], port: int, *, log: Path, cwd: Path | None = None) -> Iterator[None]:
    """The same, with the body entered once something listens on that UDP port.

    Raises:
        NotListening: see there.
    """
    with running(argv, log=log, cwd=cwd) as process:
        deadline = time.monotonic() + PATIENCE
        while not is_bound(process.pid, port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotListening(f"{argv[0]} does not listen on UDP port {port}: {log.read_text()[-2000:]}")
            time.sleep(_LOOK_EVERY)
        yield


def is_bound(pid: int, port: int) -> bool:
    """Whether a UDP socket has this port in the network namespace of that process."""
    wanted = f":{port:04X} "
    for table in ("udp", "udp6"):
        with suppress(OSError):
            if any(wanted in line for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()):
                return True
    return False
