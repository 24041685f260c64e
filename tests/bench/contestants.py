"""The probers that are compared, each doing the same: one ICMP echo a second to each of many targets."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Protocol

from ipsecping.contract import PlannedProbe, ProbeType, plan_to_json
from ipsecping.contract.plan import MAX_CHECKS

from .processes import cpu_seconds, pss_mib, run_on
from .targets import address, plan_of

CORE = 0
START_SECONDS = 30.0
ROUND_MS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a prober did in a stretch of time, by its own account; CPU time and memory by the kernel's."""

    sent: int
    received: int
    cpu: float
    pss: float

    @property
    def microseconds(self) -> float:
        """CPU time of a round trip."""
        return self.cpu / max(self.received, 1) * 1e6

    @property
    def loss(self) -> float:
        """Share of packets without an answer: nothing on loopback loses any but the prober itself."""
        return 1 - self.received / max(self.sent, 1)


class Contestant(Protocol):
    """One prober."""

    name: str

    def measure(self, targets: int, seconds: float, folder: Path) -> Sample:
        """Run it on one core against so many targets."""

    def first(self, folder: Path) -> list[str] | None:
        """How it is started to send to one target at once; None when it sends only when asked."""


class Refused(Exception):
    """A prober takes no such number of targets; the message says how many."""


class Stuck(Exception):
    """It did not become ready, or did not end."""


@contextmanager
def started(command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process on CORE, ended when the body is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, preexec_fn=lambda: run_on(CORE)
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def to_its_end(command: Sequence[str], log: Path, seconds: float) -> tuple[str, float, float]:
    """Run a program that ends by itself; its output, CPU seconds, and memory after half of the time."""
    with started(command, log) as process:
        time.sleep(seconds / 2)
        pss = pss_mib(process.pid)
        deadline = time.monotonic() + seconds + START_SECONDS
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > deadline:
                raise Stuck(f"{command[0]} does not end")
            time.sleep(0.05)
        cpu = cpu_seconds(process.pid)
    return log.read_text(), cpu, pss


def fetch(port: int, path: str) -> str:
    """The body at a path on loopback. Raises Stuck when none comes."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except OSError as error:
        raise Stuck(f"no answer on port {port}: {error}") from error


def await_http(port: int, path: str) -> None:
    """Until it answers."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            fetch(port, path)
        except Stuck:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def total(metrics: str, name: str) -> int:
    """A metric, summed over its labels."""
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in metrics.splitlines()
        if re.split(r"[{ ]", line, maxsplit=1)[0] == name
    )


def in_time(received: int, took: float, allowed: float) -> int:
    """One packet a second was asked for: of a run that took longer than allowed, only that share counts."""
    return received if took <= allowed else int(received * allowed / took)


class IPsecPing:
    """Our agent, with one check a target."""

    name = "ipsecping agent"
    port = 19109

    def command(self, targets: int, folder: Path) -> list[str]:
        """Its command line."""
        probe = PlannedProbe(
            name="p", type=ProbeType.ICMP, count=ROUND_MS // 1000, spacing_ms=1000, timeout_ms=1000, size=56
        )
        file = folder / "plan.json"
        plan = plan_of(probe, targets=targets, interval_ms=ROUND_MS)
        file.write_text(json.dumps(plan_to_json(plan)))
        return [sys.executable, "-m", "ipsecping", "agent", str(file), "--listen", f"127.0.0.1:{self.port}"]

    def first(self, folder: Path) -> list[str]:
        """See Contestant: `run`, since the agent spreads its first rounds over the interval."""
        self.command(1, folder)
        return [sys.executable, "-m", "ipsecping", "run", str(folder / "plan.json")]

    def measure(self, targets: int, seconds: float, folder: Path) -> Sample:
        """See Contestant."""
        if targets > MAX_CHECKS:
            raise Refused(f"a plan has at most {MAX_CHECKS}")
        lines: list[bytes] = []
        follower = threading.Thread(target=self._follow, args=(lines,))
        with started(self.command(targets, folder), folder / "log") as process:
            await_http(self.port, "/healthz")
            follower.start()
            time.sleep(2 * ROUND_MS / 1000)
            since, cpu = time.time_ns(), cpu_seconds(process.pid)
            time.sleep(seconds)
            until, cpu = time.time_ns(), cpu_seconds(process.pid) - cpu
            pss = pss_mib(process.pid)
            time.sleep(ROUND_MS / 1000 + 1)  # the last rounds' answers and time-outs
        follower.join()
        asked = targets * (until - since) // 1_000_000_000
        return Sample(sent=asked, received=min(received(lines, since, until), asked), cpu=cpu, pss=pss)

    def _follow(self, lines: list[bytes]) -> None:
        """Take the results as they come, as an operator does: the agent holds those of some seconds only."""
        url = f"http://127.0.0.1:{self.port}/v1/results"
        with suppress(OSError), urllib.request.urlopen(url, timeout=30) as stream:  # what is missing is lost
            lines += stream


def received(lines: Iterable[bytes], since: int, until: int) -> int:
    """Answers of the rounds begun in that time (nanoseconds since the epoch) that the agent vouches for."""
    results = (json.loads(line).get("result") for line in lines)
    return sum(
        result["received"]
        for result in results
        if result is not None and since <= result["startedAt"] < until and not result.get("invalid")
    )


class SmokepingProber:
    """prometheus-smokeping-prober (Go)."""

    name = "smokeping_prober"
    port = 19374

    def __init__(self, program: str) -> None:
        self._program = program

    def command(self, targets: int, folder: Path) -> list[str]:
        """Its command line."""
        file = folder / "smokeping.yml"
        hosts = "\n".join(f"    - {address(number)}" for number in range(targets))
        file.write_text(f"targets:\n- interval: 1s\n  network: ip4\n  protocol: icmp\n  hosts:\n{hosts}\n")
        return [self._program, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{self.port}"]

    def first(self, folder: Path) -> list[str]:
        """See Contestant."""
        return self.command(1, folder)

    def measure(self, targets: int, seconds: float, folder: Path) -> Sample:
        """See Contestant."""
        with started(self.command(targets, folder), folder / "log") as process:
            await_http(self.port, "/metrics")
            time.sleep(2)
            before, cpu = fetch(self.port, "/metrics"), cpu_seconds(process.pid)
            time.sleep(seconds)
            cpu, after = cpu_seconds(process.pid) - cpu, fetch(self.port, "/metrics")
            pss = pss_mib(process.pid)
        names = ("smokeping_requests_total", "smokeping_response_duration_seconds_count")
        sent, received = (total(after, name) - total(before, name) for name in names)
        return Sample(sent=sent, received=received, cpu=cpu, pss=pss)


class BlackboxExporter:
    """prometheus-blackbox-exporter (Go): probes when it is asked, so something must ask (on another core)."""

    name = "blackbox_exporter"
    port = 19115
    askers = 16

    def __init__(self, program: str) -> None:
        self._program = program

    def command(self, targets: int, folder: Path) -> list[str]:
        """Its command line."""
        file = folder / "blackbox.yml"
        file.write_text("modules: {icmp: {prober: icmp, timeout: 1s, icmp: {preferred_ip_protocol: ip4}}}\n")
        return [self._program, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=error"]  # fmt: skip

    def first(self, folder: Path) -> None:
        """See Contestant."""

    def measure(self, targets: int, seconds: float, folder: Path) -> Sample:
        """See Contestant."""
        local = threading.local()

        def ask(number: int, at: float) -> bool:
            time.sleep(max(at - time.monotonic(), 0))
            if not hasattr(local, "connection"):
                local.connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            local.connection.request("GET", f"/probe?module=icmp&target={address(number)}")
            return b"\nprobe_success 1" in local.connection.getresponse().read()

        with started(self.command(targets, folder), folder / "log") as process:
            await_http(self.port, "/metrics")
            cpu, begin, count = cpu_seconds(process.pid), time.monotonic(), int(targets * seconds)
            with ThreadPoolExecutor(self.askers) as pool:
                times = (begin + number / targets for number in range(count))
                received = sum(pool.map(ask, (number % targets for number in range(count)), times))
            took = time.monotonic() - begin
            cpu, pss = cpu_seconds(process.pid) - cpu, pss_mib(process.pid)
        return Sample(sent=count, received=in_time(received, took, seconds + 1), cpu=cpu, pss=pss)


class Fping:
    """fping (C)."""

    name = "fping"

    def __init__(self, program: str) -> None:
        self._program = program

    def command(self, targets: int, folder: Path, seconds: float = 10) -> list[str]:
        """Its command line."""
        file = folder / "targets"
        file.write_text("".join(f"{address(number)}\n" for number in range(targets)))
        return [self._program, "-q", "-c", str(int(seconds)), "-p", "1000", "-t", "1000",
                "-i", f"{900 / targets:.3f}", "-f", str(file)]  # fmt: skip

    def first(self, folder: Path) -> list[str]:
        """See Contestant."""
        return self.command(1, folder)

    def measure(self, targets: int, seconds: float, folder: Path) -> Sample:
        """See Contestant."""
        began = time.monotonic()
        said, cpu, pss = to_its_end(self.command(targets, folder, seconds), folder / "log", seconds)
        took = time.monotonic() - began
        counts = re.findall(r"xmt/rcv/%loss = (\d+)/(\d+)/", said)
        sent, received = (sum(int(pair[side]) for pair in counts) for side in (0, 1))
        return Sample(sent=sent, received=in_time(received, took, seconds + 2), cpu=cpu, pss=pss)


class BareLoop:
    """tests.bench.baseline: the least that Python can do."""

    name = "bare Python loop"

    def command(self, targets: int, folder: Path, seconds: float = 10) -> list[str]:
        """Its command line."""
        return [sys.executable, "-m", "tests.bench.baseline", str(targets), str(seconds)]

    def first(self, folder: Path) -> list[str]:
        """See Contestant."""
        return self.command(1, folder)

    def measure(self, targets: int, seconds: float, folder: Path) -> Sample:
        """See Contestant."""
        began = time.monotonic()
        said, cpu, pss = to_its_end(self.command(targets, folder, seconds), folder / "log", seconds)
        took, counts = time.monotonic() - began, json.loads(said)
        received = in_time(counts["received"], took, seconds + 3)
        return Sample(sent=counts["sent"], received=received, cpu=cpu, pss=pss)
