"""A program that is forked from a process which has its modules."""

import signal
import subprocess
from pathlib import Path

import pytest

from ipsecping_lab.host.forked import Forked
from ipsecping_lab.host.waiting import wait_until

PROGRAM = """
import os, sys, time

print(__name__, sys.argv[1:], dict(os.environ), flush=True)
if sys.argv[1] == "stay":
    time.sleep(600)
sys.exit(int(sys.argv[1]))
"""


def program(directory: Path, *arguments: str) -> Forked:
    """Started, with its output in a file of the directory."""
    (directory / "ends_as_told.py").write_text(PROGRAM)
    return Forked("ends_as_told", arguments, preload=[], log=directory / "log", env={"OF": "its own"})


def test_it_has_arguments_environment_output_and_status_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "log").write_text("before\n")
    assert program(tmp_path, "3", "--flag").wait(60) == 3
    assert (tmp_path / "log").read_text() == "before\n__main__ ['3', '--flag'] {'OF': 'its own'}\n"


def test_it_is_waited_for_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    running = program(tmp_path, "stay")
    log = tmp_path / "log"
    wait_until(lambda: log.exists() and "stay" in log.read_text(), what="it runs", seconds=60)
    assert running.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.01)
    running.kill()
    assert running.wait(60) == -signal.SIGKILL == running.poll()
    running.send_signal(signal.SIGTERM)  # to nobody
