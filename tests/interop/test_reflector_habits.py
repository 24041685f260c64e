"""Our sender and the habits of routers' and scripts' reflectors: answers are taken, directions are right."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import PlannedProbe, ProbeType

from ..peers import ours
from ..peers.processes import listening
from ..plans import check_of, plan_file
from ..ports import free_port

ROOT = Path(__file__).parents[2]
STATEFUL = (
    "short-36", "short-38", "short-41", "short-43", "long", "ptp", "untold-times", "ttl-0", "from-1",
    "from-anywhere", "forgetful",
)  # fmt: skip


@contextmanager
def reflector(habit: str, tmp_path: Path, drop: str) -> Iterator[int]:
    port = free_port(socket.SOCK_DGRAM)
    argv = [sys.executable, "-m", "tests.peers.habits", habit, port, f"drop={drop}"]
    with listening(argv, port, log=tmp_path / "log", cwd=ROOT):
        yield port


@pytest.mark.parametrize("habit", STATEFUL)
def test_each_answer_is_taken_and_the_direction_of_loss_is_known(habit: str, tmp_path: Path) -> None:
    # Where a count begins is certain only if its first reply is here before the next packet leaves.
    spacing = "200ms" if habit.startswith("from") else "20ms"
    with reflector(habit, tmp_path, "3,6") as port:
        said = ours.ping("127.0.0.1", "--stamp", str(port), "-c", "10", "-i", spacing)
    assert (said["sent"], said["received"]) == (10, 8)
    assert (said["forward_lost"], said["reverse_lost"]) == (2, 0)
    assert said["rtt"]["min"] > 0


def test_a_stateless_one_names_no_direction(tmp_path: Path) -> None:
    with reflector("stateless", tmp_path, "3,6") as port:
        said = ours.ping("127.0.0.1", "--stamp", str(port), "-c", "10", "-i", "20ms")
    assert (said["sent"], said["received"]) == (10, 8)
    assert said.get("forward_lost") is None


@pytest.mark.parametrize(
    ("habit", "refused", "words"),
    [
        (
            "short-20",
            {"reason": "TooShort", "octets": 20, "count": 3},
            "3 answers were refused: 20 bytes, too short",
        ),
        (
            "foreign-timestamp",
            {"reason": "WrongTimestamp", "count": 3},
            "3 answers were refused: without our timestamp",
        ),
    ],
)
def test_answers_that_are_refused_are_counted_and_named(
    habit: str, refused: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with reflector(habit, tmp_path, "99") as port:
        options = ("127.0.0.1", "--stamp", str(port), "-c", "3", "-i", "10ms", "-W", "300ms")
        said = ours.ping(*options)
        argv = [sys.executable, "-m", "ipsecping", "ping", *options]
        shown = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=ours.PATIENCE
        ).stdout
    assert (said["received"], said["refused_answers"]) == (0, [refused])
    assert words in shown


def test_one_that_forgets_the_session_between_rounds_tells_each_rounds_losses(tmp_path: Path) -> None:
    with reflector("forgetful", tmp_path, "5,7,15,17") as port:
        probe = PlannedProbe(
            name="datapath", type=ProbeType.STAMP, count=10, spacing_ms=20, timeout_ms=300, size=44, port=port
        )
        rounds = two_rounds(plan_file(tmp_path, check_of(probe, interval_ms=2000)))
    assert [(each["forward_lost"], each["reverse_lost"]) for each in rounds] == [(2, 0), (2, 0)]


def two_rounds(plan: Path) -> list[dict[str, Any]]:
    """What an agent logs of its first two rounds."""
    argv = [sys.executable, "-m", "ipsecping", "agent", str(plan), "--listen", "127.0.0.1:0",
            "--log-results", "--log-format", "json"]  # fmt: skip
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            logged = (json.loads(line) for line in process.stderr)
            return list(islice((line for line in logged if "forward_lost" in line), 2))
        finally:
            process.kill()
