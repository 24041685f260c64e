"""A program that is forked from a process which has its modules."""

import os
import signal
import subprocess
import sys
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


TESTS_THAT_ARE_KILLED = """
import sys, time
from pathlib import Path

from ipsecping_lab.host.forked import Forked

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    Forked("ends_as_told", ["stay"], preload=[], log=Path(sys.argv[1], "log"), env={})
    time.sleep(600)
"""


def test_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "ends_as_told.py").write_text(PROGRAM.replace("__name__", "os.getpid()"))
    (tmp_path / "tests.py").write_text(TESTS_THAT_ARE_KILLED)
    sources = {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, str(tmp_path / "tests.py"), str(tmp_path)]
    log = tmp_path / "log"
    with subprocess.Popen(words, env=os.environ | sources) as tests:
        wait_until(lambda: log.exists() and "stay" in log.read_text(), what="it runs", seconds=60)
        tests.kill()
    program = log.read_text().split()[0]
    wait_until(lambda: has_ended(program), what="its end", seconds=60)


def has_ended(pid: str) -> bool:
    """Whether it is gone, or waits for somebody to ask for its exit status."""
    status = Path("/proc", pid, "status")
    return not status.exists() or "State:\tZ" in status.read_text()
