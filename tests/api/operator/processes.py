"""The operator, an agent and a reflector as real processes on loopback."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipsecping_lab.host.forked import Forked
from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.compile import compile_check
from ipsecping_operator.permission import Permissions
from ipsecping_operator.permission_settings import networks

from ...ports import free_port


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("IPSECPING_")}
    return kept | {"PYTHONUNBUFFERED": "1"}


def eventually(holds: Callable[[], object], *, what: str, seconds: float = 60) -> None:
    """Wait until it holds; fails the test with `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


_PROGRAMS = ("ipsecping", "ipsecping_operator")
_MODULES = (
    "ctypes",
    "ipsecping_operator.cli",
    "ipsecping_operator.app.lifecycle",
    "ipsecping.cli.agent",
    "ipsecping.cli.reflect",
    "ipsecping.agent.control_watch",
    "ipsecping.agent.service",
    "ipsecping.probes",
    "ipsecping.reflector.service",
    "ipsecping.rounds.prober",
)
"""What the programs load as they start."""


@dataclass
class Process:
    """A program of ours, started and ended by the test; its output goes to a file.

    It is forked from a process that has loaded its modules: to load them takes more CPU than most tests do.
    One whose Python is changed before that has to load them itself.
    """

    words: list[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    running: "subprocess.Popen[bytes] | Forked | None" = None

    def launch(self) -> None:
        """Start it and go on; its output is appended to the log."""
        env = {**_environment(), **self.env}
        dash, program, *arguments = self.words
        if dash == "-m" and program in _PROGRAMS and "PYTHONPATH" not in self.env:
            self.running = Forked(program, arguments, preload=_MODULES, log=self.log, env=env)
            return
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                # A killed test run leaves nothing behind.
                ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, *self.words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
            )

    def end(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 20) -> int:
        """Send the signal and wait; the exit status."""
        assert self.running is not None
        self.running.send_signal(number)
        status = self.running.wait(seconds)
        self.running = None
        return status

    def stop_if_running(self) -> None:
        """Leave nothing behind."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None


@dataclass
class OperatorProcess(Process):
    """`ipsecping-operator run` with its two ports."""

    health: str = ""
    ready: str = ""
    metrics: str = ""

    def start(self) -> None:
        """Start it and wait until it works."""
        self.launch()
        eventually(
            lambda: self.ask(self.ready) == (200, "ok\n"), what=f"the operator's /readyz, see {self.log}"
        )

    def ask(self, url: str) -> tuple[int, str]:
        """Status and body of a GET; 0 when nothing answers."""
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def results(self, outcome: str) -> float:
        """How many results had that outcome (Accepted, Missed, ...)."""
        return self.sample(f'ipsecping_operator_results_total{{outcome="{outcome}"}}')

    def sample(self, series: str) -> float:
        """The value of the one series whose name and labels begin so; 0 when there is none."""
        lines = [line for line in self.ask(self.metrics)[1].splitlines() if line.startswith(series)]
        assert len(lines) <= 1, lines
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    def clear_up(self) -> None:
        """End it if it runs; its log is shown when the test fails."""
        self.stop_if_running()
        if self.log.exists():
            print(self.log.read_text())  # noqa: T201 - pytest shows it with a failure


TARGETS = "*=0.0.0.0/0,::/0,127.0.0.0/8,127.0.0.1/32,::1/128"
"""Everything here is on loopback, the API server too. A test's own flag takes the place of this one."""


def children_of(check: Mapping[str, Any], settings: ChildSettings) -> tuple[dict[str, Any], ...]:
    """What an operator as `operator_process` makes it, of some namespaces, applies for a check."""
    permissions = Permissions(targets=networks(TARGETS), api_server=("127.0.0.1",))
    return build_children(permissions.limited(compile_check(check)), settings)


def operator_process(kubeconfig: Path, workdir: Path, *flags: str, name: str = "operator") -> OperatorProcess:
    """An operator that writes statuses every second; not started yet."""
    health, metrics = free_port(), free_port()
    words = [
        "-m",
        "ipsecping_operator",
        "run",
        f"--kubeconfig={kubeconfig}",
        "--probe-image=registry.example.com/probe:1",
        "--status-interval=1s",
        # Tests of something else make outages that nobody has to explain.
        "--diagnosis=false",
        f"--allow-targets={TARGETS}",
        f"--healthz-port=127.0.0.1:{health}",
        f"--metrics-port=127.0.0.1:{metrics}",
        *flags,
    ]
    return OperatorProcess(
        words=words,
        log=workdir / f"{name}.log",
        health=f"http://127.0.0.1:{health}/healthz",
        ready=f"http://127.0.0.1:{health}/readyz",
        metrics=f"http://127.0.0.1:{metrics}/metrics",
    )
