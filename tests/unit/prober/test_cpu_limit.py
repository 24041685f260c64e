"""A real prober in a real control group (version 1) whose CPU limit is too small for it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CPU = Path("/sys/fs/cgroup/cpu")
PERIOD_US = 100_000
QUOTA_US = 20_000
PLAN = {
    "version": 1,
    "checks": [
        {
            "uid": "u",
            "namespace": "n",
            "name": "c",
            "generation": 1,
            "tunnelName": "t",
            "path": "default",
            "target": "127.0.0.1",
            "intervalMs": None,
            # Nobody listens on port 1: each packet is refused at once, and no responder is needed.
            "probes": [
                {
                    "name": "p",
                    "type": "UDPEcho",
                    "count": 60,
                    "spacingMs": 10,
                    "timeoutMs": 100,
                    "size": 64,
                    "port": 1,
                }
            ],
        }
    ],
}


@pytest.fixture
def group() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root to make a control group")
    if not (CPU / "cpu.cfs_quota_us").exists():
        pytest.skip(f"needs the cpu controller of control groups version 1 at {CPU}")
    made = CPU / f"ipsecping-test-{os.getpid()}"
    made.mkdir()
    try:
        (made / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (made / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
        # On a busy machine too, the limit holds it back and not the others.
        (made / "cpu.shares").write_text(str(1 << 18))
        yield made
    finally:
        made.rmdir()


def command_in(group: Path, *arguments: str) -> list[str]:
    """A command line that enters the group before the program starts."""
    return ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", *arguments]


def test_a_prober_held_back_by_its_cpu_limit_calls_the_round_invalid(group: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    # A neighbour in the same group uses up the quota of each period.
    with subprocess.Popen(command_in(group, sys.executable, "-c", "while True: pass")) as neighbour:
        try:
            prober = command_in(group, sys.executable, "-m", "ipsecping", "run", str(plan), "--json")
            done = subprocess.run(prober, capture_output=True, text=True, timeout=120)
        finally:
            neighbour.kill()
    held_back = json.loads(done.stdout)
    assert held_back["invalid"] == "CPUThrottled"
    assert held_back["losses"] == {"Refused": held_back["sent"]}
