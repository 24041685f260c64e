"""Processes that the lab started, known by pid, start time and boot.

A process writes its own record before it becomes the program it is for, so there is no moment in which a
killed lab leaves a process behind that the next run does not know. Only recorded processes are ever ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import LabError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# $1 is the record; the rest is the command. The shell's pid and start time are those of what it becomes.
_RECORD_SELF = (
    'read -r boot </proc/sys/kernel/random/boot_id; start=$(cut -d" " -f22 /proc/$$/stat); '
    'printf \'{"pid": %s, "start": %s, "boot": "%s"}\\n\' $$ "$start" "$boot" >"$1.new" && '
    'mv "$1.new" "$1" && shift && exec "$@"'
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from a later one with the same pid by its start time and the machine's boot."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The running process ``pid``; None when there is none (or it has ended and waits to be reaped)."""
        started = _start_time(pid)
        return None if started is None else cls(pid, started, boot_id())

    @classmethod
    def read(cls, record: Path) -> Process | None:
        """The process that ``record`` names, running or not; None when there is no usable record."""
        try:
            known = json.loads(record.read_text())
            return cls(int(known["pid"]), int(known["start"]), str(known["boot"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, record: Path) -> None:
        new = record.with_name(record.name + ".new")
        new.write_text(json.dumps(asdict(self)) + "\n")
        new.rename(record)

    def alive(self) -> bool:
        return self.boot == boot_id() and _start_time(self.pid) == self.start

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it is still the same process."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ends within ``seconds``."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def end(self, *, grace: float) -> None:
        """SIGTERM, then SIGKILL after ``grace`` seconds; with no grace SIGKILL at once.

        Raises:
            LabError: it is still there ten seconds after SIGKILL.
        """
        if grace > 0:
            self.send(signal.SIGTERM)
            if self.wait(grace):
                return
        self.send(signal.SIGKILL)
        if not self.wait(10):
            raise LabError(f"process {self.pid} does not end, even by SIGKILL")

    def child(self) -> Process | None:
        """Its first child: the program behind an ``nsenter`` or ``unshare`` that waits for it."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return None
        return Process.of(int(text.split()[0])) if text.split() else None

    def name(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/comm").read_text().strip()
        except OSError:
            return ""

    def age(self) -> float:
        """Seconds since it started."""
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return uptime - self.start / os.sysconf("SC_CLK_TCK")


def running(record: Path) -> Process | None:
    """The process of ``record`` if it is running."""
    process = Process.read(record)
    return process if process is not None and process.alive() else None


def launch(
    argv: Sequence[str | Path],
    *,
    record: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process of its own session that outlives the caller and has recorded itself."""
    record.unlink(missing_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            ["/bin/sh", "-c", _RECORD_SELF, "sh", str(record), *(str(word) for word in argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=None if env is None else dict(env),
            cwd="/",
            start_new_session=True,
        )


def boot_id() -> str:
    return _BOOT_ID.read_text().strip()


def _start_time(pid: int) -> int | None:
    try:
        # the name in parentheses may contain spaces: count fields behind its end
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])
