"""What an agent shows on /metrics: always its health, its results only where no operator exports them."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipsecping.agent.service import Service
from ipsecping.contract import PlannedCheck, RoundResult

from ..outputs.results import measured

CHECK = {
    "uid": "u",
    "namespace": "network",
    "name": "hq-dc1",
    "generation": 1,
    "tunnelName": "hq-dc1",
    "path": "default",
    "target": "127.0.0.1",
    "intervalMs": 1000,
    # Nobody listens there: every packet is refused at once.
    "probes": [
        {
            "name": "echo",
            "type": "UDPEcho",
            "count": 2,
            "spacingMs": 10,
            "timeoutMs": 100,
            "size": 64,
            "port": 1,
        }
    ],
}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"version": 1, "checks": [CHECK]}))
    return file


@contextmanager
def agent(plan: Path, *options: str, pod_uid: str | None) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """An agent that has measured; its URL and its process, whose standard error says `result` each time."""
    environment = {name: value for name, value in os.environ.items() if name != "POD_UID"}
    if pod_uid is not None:
        environment["POD_UID"] = pod_uid
    command = [sys.executable, "-m", "ipsecping", "agent", str(plan), "--listen", "127.0.0.1:0", *options]
    logging = ("--log-results", "--log-format", "json")
    with subprocess.Popen(
        [*command, *logging], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        port = ""
        try:
            for line in process.stderr:
                content = json.loads(line)
                if found := re.search(r"listening on port (\d+)", content["message"]):
                    port = found[1]
                # On a machine that stands still for a second, a round says so and nothing else.
                if content["message"] == "result" and "invalid" not in content:
                    assert (content["check"], content["sent"], content["lost_refused"]) == ("hq-dc1", 2, 2)
                    break
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()


def scrape(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize(
    ("options", "pod_uid", "exported"),
    [
        ((), None, True),
        ((), "1234", False),
        (("--export-results",), "1234", True),
        (("--no-export-results",), None, False),
    ],
)
def test_results_are_exported_where_no_operator_does(
    plan: Path, options: tuple[str, ...], pod_uid: str | None, exported: bool
) -> None:
    with agent(plan, *options, pod_uid=pod_uid) as (url, _):
        text = scrape(url)
    assert ("ipsecping_packets_sent_total{" in text) is exported
    assert "ipsecping_agent_paths 1.0" in text


async def test_a_path_that_leaves_the_plan_leaves_the_metrics(plan: Path) -> None:
    class Prober:
        async def round(self, check: PlannedCheck, *, start: int) -> list[RoundResult]:
            return [measured(check).result]

        def close(self) -> None:
            """Nothing to close."""

    service = Service(plan, lambda _: Prober(), pod_uid=None, export_results=True)
    stop = asyncio.Event()
    serving = asyncio.create_task(service.run(("127.0.0.1", 0), stop=stop))
    while service.agent.rounds == 0:
        await asyncio.sleep(0.01)
    port = service.server.port
    assert await asyncio.to_thread(scrape, f"http://127.0.0.1:{port}")
    await asyncio.to_thread(plan.write_text, json.dumps({"version": 1, "checks": []}))
    while service.agent.paths:
        await asyncio.sleep(0.01)
    text = await asyncio.to_thread(scrape, f"http://127.0.0.1:{port}")
    stop.set()
    await serving
    assert "hq-dc1" not in text
