"""A program in Python that is forked from a process in which its modules are loaded already.

For tests that start it often: to load them anew each time takes longer than what is tested. It is a process
like any other, with arguments, environment and output of its own. Only what has to change Python before the
modules are loaded (a clock, a resolver) cannot be done in it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class Forked:
    """A running `python -m MODULE`, with what is used of `subprocess.Popen`."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        preload: Sequence[str],
        log: Path,
        env: Mapping[str, str],
    ) -> None:
        """Its output is appended to ``log``. The first program that is started settles what to `preload`."""
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload([*preload])
        words = (module, [*arguments], str(log), {**env})
        self._process = forking.Process(target=_run, args=words, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit status, as `wait`; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, negative for a signal. Raises subprocess.TimeoutExpired after so many seconds."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send it, unless the program has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _run(module: str, arguments: list[str], log: str, env: dict[str, str]) -> None:
    """Become the program."""
    # It ends with the process it was forked from, which ends with the tests: a killed run leaves nothing.
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # By one of these descriptors that process learns that the tests have ended: it ends when nobody holds it
    # any more.
    os.closerange(2 + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(env)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
