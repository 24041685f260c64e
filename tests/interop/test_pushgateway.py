"""`ipsecping run` against the real Prometheus Pushgateway."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..peers import debian
from ..ports import free_port

PLAN = {
    "version": 1,
    "checks": [
        {
            "uid": name,
            "namespace": "network",
            "name": name,
            "generation": 1,
            "tunnelName": name,
            "path": "default",
            "target": "127.0.0.1",
            "intervalMs": None,
            # Nobody listens there: every packet is refused at once.
            "probes": [
                {
                    "name": "echo",
                    "type": "UDPEcho",
                    "count": 3,
                    "spacingMs": 10,
                    "timeoutMs": 100,
                    "size": 64,
                    "port": 1,
                }
            ],
        }
        for name in ("hq-dc1", "site/two")
    ],
}


@pytest.fixture
def gateway() -> Iterator[str]:
    program = debian.program("prometheus-pushgateway", "prometheus-pushgateway")
    port = free_port()
    command = [program, f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:  # it says when it listens, and ends the stream when it cannot
                if "listen" in line.lower():
                    break
            wait_for_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the Pushgateway does not listen")


def groups(gateway: str) -> dict[str, Any]:
    """What the gateway holds, by check."""
    with urllib.request.urlopen(f"{gateway}/api/v1/metrics", timeout=10) as answer:
        content = json.load(answer)
    return {group["labels"]["check"]: group for group in content["data"]}


def value(group: dict[str, Any], metric: str) -> float:
    return float(group[metric]["metrics"][0]["value"])


def test_each_check_is_a_group_that_the_next_run_replaces(gateway: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    command = [sys.executable, "-m", "ipsecping", "run", str(plan), "--pushgateway", gateway]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (1, "")  # measured, and nothing answered
    held = groups(gateway)
    assert set(held) == {"hq-dc1", "site/two"}
    for name, group in held.items():
        assert group["labels"] == {"job": "ipsecping", "namespace": "network", "check": name}
        assert group["last_push_successful"] is True
        assert value(group, "ipsecping_packets_sent_total") == 3
        assert value(group, "ipsecping_loss_ratio") == 1
        assert group["ipsecping_rtt_seconds"]["type"] == "HISTOGRAM"


def test_with_a_textfile_the_counters_grow_over_runs(gateway: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    outputs = ["--pushgateway", gateway, "--textfile", str(tmp_path / "ipsecping.prom")]
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "ipsecping", "run", str(plan), *outputs], timeout=60)
    assert value(groups(gateway)["hq-dc1"], "ipsecping_packets_sent_total") == 6
