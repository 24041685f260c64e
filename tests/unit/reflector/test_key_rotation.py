"""Keys rotate on both sides while an agent measures against a reflector, both as processes."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest

from ipsecping.contract import PlannedProbe, ProbeType, StampOptions
from ipsecping.probes.stamp import LOOK_NS

from ...peers import ours
from ...plans import check_of, plan_file
from ...ports import free_port
from .sessions import NEW, OLD, write_keys


@contextmanager
def agent(port: int, key_file: Path, folder: Path) -> Iterator[IO[str]]:
    """The log of an agent that sends ten signed packets a second."""
    probe = PlannedProbe(
        name="datapath",
        type=ProbeType.STAMP,
        count=10,
        spacing_ms=95,
        timeout_ms=5000,
        size=160,
        port=port,
        options=StampOptions(key_file=str(key_file), ask_source=True),
    )
    check = check_of(probe, interval_ms=1000)
    plan = plan_file(folder, check)
    with subprocess.Popen(
        [sys.executable, "-m", "ipsecping", "agent", str(plan), "--listen", f"127.0.0.1:{free_port()}",
         "--log-results", "--log-format", "json"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            yield process.stderr
        finally:
            process.kill()


def results(log: IO[str], *, until: int = 0) -> list[dict[str, Any]]:
    """The next results up to one of a round that began after `until`."""
    found: list[dict[str, Any]] = []
    for line in log:
        said = json.loads(line)
        if said["message"] != "result":
            continue
        found.append(said)
        if datetime.fromisoformat(said["started_at"]) > datetime.fromtimestamp(until / 1e9, UTC):
            return found
    raise AssertionError("the agent has ended")


@pytest.mark.long
def test_keys_rotate_between_an_agent_and_a_reflector_without_a_lost_packet(tmp_path: Path) -> None:
    here, there = tmp_path / "sender.keys", tmp_path / "reflector.keys"
    write_keys(here, OLD)
    write_keys(there, OLD)
    steps: list[tuple[Path, tuple[str, ...]]] = [
        (there, (OLD, NEW)),  # both sides accept the new key ...
        (here, (NEW, OLD)),  # ... it signs ...
        (there, (NEW, OLD)),
        (here, (NEW,)),  # ... and the old one goes
        (there, (NEW,)),
    ]
    with ours.reflector("stamp", "--key-file", str(there)) as reflector:
        with agent(reflector.port, here, tmp_path) as log:
            seen = results(log)
            for path, keys in steps:
                write_keys(path, *keys)
                if path == there:
                    _await_keys(reflector, len(keys))
                    noticed = time.time_ns()
                else:
                    noticed = time.time_ns() + LOOK_NS  # before the next packet after so long
                seen += results(log, until=noticed)
        counters = reflector.stop()
    # On a busy machine a round may be late, and says so; then it has no figures.
    assert {said.get("lost", 0) for said in seen} == {0}
    assert {said.get("invalid") for said in seen} <= {None, "LateTicks", "CPUThrottled"}
    assert {said.get("source_seen") for said in seen if "sent" in said} == {"127.0.0.1"}
    assert counters["dropped"] == {}


def _await_keys(reflector: ours.Reflector, count: int) -> None:
    assert reflector.process.stderr is not None
    for line in reflector.process.stderr:
        if f": {count} keys" in json.loads(line)["message"]:
            return
    raise AssertionError("the reflector has ended")
