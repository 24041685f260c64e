"""A machine whose first process is systemd: Debian in User-mode Linux, with no network but loopback."""

import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ipsecping_lab.host.commands import run
from ipsecping_lab.ipsec import uml
from ipsecping_lab.ipsec.supervisor import drain
from ipsecping_lab.layout import SOURCE

MEMORY = "256M"
BOOT_SECONDS = 90.0
PATIENCE = 60.0
"""Seconds after which what was asked for is taken for stuck, on a busy machine too."""
POLL_SECONDS = 0.1
MOST_ASKED = 3000
"""Bytes of a request: the guest's serial line holds 4095, and hangs for good when it gets more."""
_AGENT = SOURCE / "guest" / "agent.py"


class Failed(AssertionError):
    """A command in the guest failed; the message has what it said."""


class Machine:
    """A running guest. What is done in it is done by root in the directory of the payload."""

    def __init__(self, serial: socket.socket) -> None:
        self._serial = serial
        self._answers = serial.makefile("rb")

    def close(self) -> None:
        """End the serial line."""
        self._answers.close()
        self._serial.close()

    def await_boot(self) -> None:
        """Wait until the guest does what it is asked for."""
        self._serial.settimeout(BOOT_SECONDS)
        while self._next().get("event") != "ready":
            pass

    def run(self, command: str, *, timeout: float = PATIENCE) -> str:
        """Run a command line of bash to its end; returns what it printed. Raises Failed."""
        status, said, errors = self.attempt(command, timeout=timeout)
        if status != 0:
            raise Failed(f"{command}: status {status}\n{said}\n{errors}")
        return said

    def attempt(self, command: str, *, timeout: float = PATIENCE) -> tuple[int, str, str]:
        """Its status, output and errors, whatever they are."""
        argv = ["bash", "-e", "-u", "-o", "pipefail", "-c", command]
        request = json.dumps({"id": 1, "op": "run", "argv": argv, "timeout": timeout}).encode() + b"\n"
        assert len(request) <= MOST_ASKED, "too long for the serial line: put it into the payload"
        self._serial.settimeout(timeout + PATIENCE)
        self._serial.sendall(request)
        while "rc" not in (answer := self._next()):
            pass
        return answer["rc"], answer["out"], answer["err"]

    def eventually(self, command: str, wanted: Callable[[str], bool], *, seconds: float = PATIENCE) -> str:
        """Run a command again and again until it succeeds and prints what is wanted; returns that."""
        deadline = time.monotonic() + seconds
        while True:
            status, said, errors = self.attempt(command)
            if status == 0 and wanted(said):
                return said
            if time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)  # which leaves the guest its one CPU
            else:
                raise Failed(f"{command}: still status {status} after {seconds:.0f} s\n{said}\n{errors}")

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit as systemd shows them."""
        said = self.run(f"systemctl show {unit} --property={','.join(names)}")
        return dict(line.split("=", 1) for line in said.splitlines())

    def _next(self) -> dict[str, Any]:
        while line := self._answers.readline():
            with suppress(ValueError):  # chatter from before the line was raw
                answer: dict[str, Any] = json.loads(line)
                if "event" not in answer or answer["event"] == "ready":
                    return answer
        raise Failed("the guest ended")


@contextmanager
def booted(disk: Path, shim: Path, payload: Mapping[str, bytes]) -> Iterator[Machine]:
    """A guest that runs from a copy of the disk, with the files of the payload in its working directory."""
    with ExitStack() as stack:
        state = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="ipsecping-guest-", dir="/var/tmp"))
        )
        run(["cp", "--sparse=always", disk, state / "disk"])
        shutil.copyfile(shim, state / "shim.so")
        (state / "payload").write_bytes(_archive({**payload, "agent.py": _AGENT.read_bytes()}))
        for path in (state, *state.iterdir()):
            shutil.chown(path, uml.USER, uml.GROUP)
        ours, theirs = socket.socketpair()
        console_read, console_write = os.pipe()
        guest = uml.spawn(
            _command_line(state, serial=theirs.fileno(), console=console_write),
            home=state,
            shim=state / "shim.so",
            log=state / "console",
            descriptors=(theirs.fileno(), console_write),
        )
        stack.callback(_end, guest)
        machine = stack.enter_context(closing(Machine(ours)))
        theirs.close()
        os.close(console_write)
        threading.Thread(target=drain, args=(console_read, state / "console"), daemon=True).start()
        try:
            machine.await_boot()
        except (TimeoutError, Failed) as error:
            said = (state / "console").read_text(errors="replace")[-4000:]
            raise Failed(f"the guest did not boot ({error}):\n{said}") from None
        yield machine


def _command_line(state: Path, *, serial: int, console: int) -> list[str]:
    return [
        "linux.uml",
        f"mem={MEMORY}",
        f"ubd0={state}/disk",
        f"ubd1r={state}/payload",
        "root=/dev/ubda",
        "rootfstype=ext4",
        "rw",
        "init=/lib/systemd/systemd",
        "systemd.unit=multi-user.target",
        "lsm=yama",
        *uml.common_words(state, serial=serial, console=console),
    ]


def _archive(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _end(guest: "subprocess.Popen[bytes]") -> None:
    """The end of its serial line powers a guest off; what does not end so is killed."""
    with suppress(subprocess.TimeoutExpired):
        guest.wait(5)
    uml.end_session(guest.pid)
    guest.wait()


UNIT = "ipsecping-reflector"
