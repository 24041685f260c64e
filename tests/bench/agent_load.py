"""What an agent with thousands of targets costs: CPU per round trip, losses of its own, memory.

A reflector and an agent run on loopback, each on a core of its own; the targets are addresses of 127.0.0.0/8.
Nothing on loopback loses packets, so each loss is the prober's or the reflector's, and their counters tell.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ipsecping.contract import Plan, PlannedProbe, ProbeType, plan_to_json

from ..ports import free_port
from .diagnoses import HEADERS, diagnosing, opened
from .processes import cpu_seconds, pss_mib, rss_mib, run_on
from .scraper import Scrapes, scraping
from .targets import plan_of

PROGRAM = [sys.executable, "-m", "ipsecping"]
TYPES = {"stamp": ProbeType.STAMP, "udp-echo": ProbeType.UDP_ECHO, "icmp": ProbeType.ICMP}


@dataclass(slots=True)
class Figures:
    """What was read from the agent's results."""

    rounds: int = 0
    sent: int = 0
    received: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    invalid: Counter[str] = field(default_factory=Counter)
    clocks: Counter[str] = field(default_factory=Counter)

    def add(self, result: dict[str, object]) -> None:
        """Count one round."""
        self.rounds += 1
        self.sent += int(str(result["sent"]))
        self.received += int(str(result["received"]))
        losses = result.get("losses") or {}
        assert isinstance(losses, dict)
        self.losses.update(losses)
        self.clocks[str(result["clock"])] += 1
        if result.get("invalid"):
            self.invalid[str(result["invalid"])] += 1


def plan(*, kind: ProbeType, targets: int, interval: int, spacing: int, port: int) -> Plan:
    """One probe to each target: one packet every `spacing` ms, rounds every `interval` ms."""
    probe = PlannedProbe(
        name="p",
        type=kind,
        count=max(interval // spacing, 1),
        spacing_ms=spacing,
        timeout_ms=2000,
        size=64,
        port=None if kind is ProbeType.ICMP else port,
    )
    return opened(plan_of(probe, targets=targets, interval_ms=interval))


@contextmanager
def running(arguments: list[str], *, core: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A prober command on one core, ended with SIGTERM."""
    with log.open("wb") as output:
        process = subprocess.Popen([*PROGRAM, *arguments], stderr=output)
    run_on(core, process.pid)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def metric(text: str, name: str) -> float:
    """One figure of a metrics page, summed over labels."""
    lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def get(port: int, path: str) -> str:
    """The body at a path of the agent."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        text: str = answer.read().decode()
        return text


def await_agent(port: int) -> None:
    """Until the agent answers."""
    for _ in range(200):
        try:
            get(port, "/healthz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the agent does not answer")


def results(port: int) -> Figures:
    """The results that the agent holds now."""
    figures, now = Figures(), time.time_ns()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/results", headers=HEADERS)
    with urllib.request.urlopen(request, timeout=60) as stream:
        for line in stream:
            result = json.loads(line).get("result")
            if result is not None:
                figures.add(result)
                if result["startedAt"] + result["duration"] > now:
                    break
    return figures


def measure(arguments: argparse.Namespace, folder: Path) -> list[tuple[str, str]]:
    """Run the two processes and return the table's lines."""
    kind = TYPES[arguments.type]
    port, http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    file = folder / "plan.json"
    made = plan(
        kind=kind,
        targets=arguments.targets,
        interval=arguments.interval,
        spacing=arguments.spacing,
        port=port,
    )
    file.write_text(json.dumps(plan_to_json(made)))
    served = "--udp-echo" if kind is ProbeType.UDP_ECHO else "--stamp"
    reflect = ["reflect", served, f"0.0.0.0:{port}", "--allow", "127.0.0.0/8", "--rate", "1000000"]
    with (
        running(reflect, core=1, log=folder / "reflector.log") as reflector,
        running(
            ["agent", str(file), "--listen", f"127.0.0.1:{http}"], core=0, log=folder / "agent.log"
        ) as agent,
    ):
        begun = time.monotonic()
        await_agent(http)
        started = time.monotonic() - begun
        time.sleep(2 * arguments.interval / 1000 + arguments.warm_up)  # each path has had its first round
        before = cpu_seconds(agent.pid), cpu_seconds(reflector.pid), time.monotonic()
        with scraping(http, every=arguments.scrape) as scrapes, ExitStack() as asking:
            asked_for = asking.enter_context(diagnosing(http, made)) if arguments.diagnose else "none"
            time.sleep(arguments.seconds)
        after = cpu_seconds(agent.pid), cpu_seconds(reflector.pid), time.monotonic()
        asked = time.monotonic()
        get(http, "/healthz")
        healthz = time.monotonic() - asked
        memory = pss_mib(agent.pid), pss_mib(reflector.pid)
        figures = results(http)
        metrics = get(http, "/metrics")
        peak = rss_mib(agent.pid, "VmHWM")
        agent.send_signal(signal.SIGSTOP)  # what follows is to have the core to itself
        try:
            bare = bare_loop(arguments, kind, port)
        finally:
            agent.send_signal(signal.SIGCONT)
    elapsed = after[2] - before[2]
    trips = elapsed * arguments.targets * 1000 / arguments.spacing
    agent_cpu, reflector_cpu = after[0] - before[0], after[1] - before[1]
    counters = (folder / "reflector.log").read_text().strip().splitlines()[-1][-300:]
    return [
        ("targets", f"{arguments.targets} ({arguments.type}, 1 packet every {arguments.spacing} ms each)"),
        ("agent ready after", f"{started:.2f} s"),
        ("agent CPU a round trip", f"{agent_cpu / trips * 1e6:.1f} us ({agent_cpu / elapsed:.0%} of a core)"),
        ("a bare loop's right after it", bare),
        ("reflector CPU a round trip", f"{reflector_cpu / trips * 1e6:.1f} us"),
        ("agent PSS, reflector PSS", f"{memory[0]:.1f} MiB, {memory[1]:.1f} MiB"),
        ("agent RSS, highest", f"{peak:.1f} MiB"),
        ("/healthz under load", f"{healthz * 1000:.1f} ms"),
        *waits(scrapes),
        ("rounds read, packets sent", f"{figures.rounds}, {figures.sent}"),
        ("packets lost", f"{figures.sent - figures.received} {dict(figures.losses)}"),
        ("rounds invalid", f"{sum(figures.invalid.values())} {dict(figures.invalid)}"),
        ("rounds by clock", str(dict(figures.clocks))),
        ("since the start: rounds, invalid, skipped, failed", " ".join(
            f"{metric(metrics, f'ipsecping_agent_{name}_total'):.0f}"
            for name in ("rounds", "rounds_invalid", "rounds_skipped", "round_failures")
        )),
        ("diagnoses meanwhile", str(asked_for)),
        ("reflector's own count", counters),
    ]  # fmt: skip


def bare_loop(arguments: argparse.Namespace, kind: ProbeType, port: int) -> str:
    """What a loop that only sends and reads costs at the same pace, woken as often as the agent's packets."""
    if kind is ProbeType.UDP_ECHO:
        return "none (it speaks STAMP and ICMP)"
    pace = str(arguments.targets * 1000 // arguments.spacing)
    far_end = [] if kind is ProbeType.ICMP else ["--stamp", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.baseline", pace, "8", "10", *far_end], stdout=subprocess.PIPE
    )
    run_on(0, process.pid)
    output, _ = process.communicate(timeout=60)
    if process.returncode:
        return "not measured, see above"
    told = json.loads(output)
    return f"{told['cpu_us']:.1f} us ({told['received']} of {told['sent']} answered)"


def waits(scrapes: Scrapes) -> list[tuple[str, str]]:
    """Lines about how long others waited for the agent's event loop, and what scrapes took."""
    waited = sorted(scrapes.waited)
    longest = f"{waited[-1] * 1000:.1f} ms ({waited[len(waited) * 99 // 100] * 1000:.1f} ms at p99)"
    lines = [("longest wait for a turn", longest)]
    if scrapes.took:
        each = ", ".join(f"{seconds:.2f}" for seconds in scrapes.took)
        lines.append(("scrapes took", f"{each} s ({scrapes.octets / 1e6:.1f} MB)"))
    return lines


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m tests.bench.agent_load --targets 10000 --seconds 20",
    )
    parser.add_argument("--targets", type=int, default=1000, help="addresses probed (%(default)s)")
    parser.add_argument("--type", choices=TYPES, default="stamp", help="probe type (%(default)s)")
    parser.add_argument("--interval", type=int, default=10_000, help="of the rounds, ms (%(default)s)")
    parser.add_argument("--spacing", type=int, default=1000, help="of the packets, ms (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="measured time (%(default)s)")
    parser.add_argument("--warm-up", type=float, default=2, help="after the second interval, s (%(default)s)")
    parser.add_argument("--scrape", type=float, metavar="S", help="read /metrics every S seconds meanwhile")
    parser.add_argument("--diagnose", action="store_true", help="ask for diagnoses meanwhile, one by one")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    with tempfile.TemporaryDirectory() as folder:
        for name, value in measure(arguments, Path(folder)):
            print(f"{name:<50}{value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
