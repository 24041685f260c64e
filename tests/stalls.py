"""Tries a test again that failed while this machine stood still, and says so.

What measures in real time fails where a busy machine gives it no turn for a while. But
to try again whatever the reason hides faults. So it takes evidence: a thread that asks to be woken every few
milliseconds, and was woken much later. A failure without that is final, as is the third of a test.
pytest-rerunfailures runs it again; here is decided whether.
"""

import os
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from time import monotonic, process_time  # by name: tests put another clock into the module
from typing import Any

import pytest

TICK = 0.01
"""Seconds between two looks."""
LIMIT = 0.1
"""So much later than asked for (seconds), the machine stood still."""
RERUNS = 2
MARK = "real_time"
OVER_LOOPBACK = ("agent", "cli", "collector", "notify", "outputs", "prober", "reflector", "serving")
"""Folders of unit tests that talk over loopback, where a machine that stands still makes answers late."""
FOLDERS = [
    Path(__file__).parent / name
    for name in ("api", "e2e", "interop", "network", "systemd", *(f"unit/{each}" for each in OVER_LOOPBACK))
]
"""All tests in there have the mark. Of other unit tests, those that say so."""


def stood_still(*, asked: float, took: float, own: float) -> float:
    """Seconds for which this process had no turn: it `asked` to be woken after so long, and it `took` longer.

    Not while it computed by itself (`own`): a test may hold the interpreter.
    """
    return max(0.0, took - asked - own)


class StallWatch:
    """The longest time that this process had no turn; threads of its own watch from `start` on.

    One on each CPU that it may use: what a test has started may be on one that stood still, and the test on
    another.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        """Seconds, since it was last set to 0."""
        self._over = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        """Watch from now on; once is enough."""
        if not self.threads:
            self.threads = [
                threading.Thread(target=self._look, args=(cpu,), name=f"stall-watch-{cpu}", daemon=True)
                for cpu in sorted(os.sched_getaffinity(0))
            ]
            for thread in self.threads:
                thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        for thread in self.threads:
            thread.join()

    def _look(self, cpu: int) -> None:
        os.sched_setaffinity(0, {cpu})  # of this thread alone
        before, own_before = monotonic(), process_time()
        while not self._over.wait(TICK):
            now, own = monotonic(), process_time()
            stall = stood_still(asked=TICK, took=now - before, own=own - own_before)
            self.longest = max(self.longest, stall)
            before, own_before = now, own


class Stalls:
    """The plugin: marks the tests that may be tried again, and tells in the summary which were."""

    def __init__(self, watch: StallWatch) -> None:
        self.watch = watch

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What measures in real time may be tried again, for a stall."""
        files = {item.path for item in items}
        timed = {file for file in files if any(file.is_relative_to(folder) for folder in FOLDERS)}
        for item in items:
            if item.path in timed:
                item.add_marker(MARK)
            if item.get_closest_marker(MARK):
                item.add_marker(
                    pytest.mark.flaky(reruns=RERUNS, condition=lambda: self.watch.longest > LIMIT)
                )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Watch while a test of the kind runs."""
        if item.get_closest_marker(MARK):
            self.watch.start()
        return (yield)

    def pytest_runtest_logstart(self) -> None:
        """Each attempt begins anew."""
        self.watch.longest = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the stall in the report, which may go to another process."""
        report = yield
        if report.failed:
            report.user_properties.append((MARK, self.watch.longest))
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was tried again, and why."""
        for test, stalls in tried_again(terminalreporter.stats.get("rerun", [])):
            terminalreporter.write_line(
                f"tried again: {test}, for a stall of {' and '.join(stalls)}", yellow=True
            )

    def pytest_unconfigure(self) -> None:
        """Watch no more."""
        self.watch.stop()


def tried_again(reports: list[pytest.TestReport]) -> Iterator[tuple[str, list[str]]]:
    """Each test that was tried again, and the stalls for which it was."""
    found: dict[str, list[str]] = {}
    for report in reports:
        stalls = (seconds for name, seconds in report.user_properties if name == MARK)
        found.setdefault(report.nodeid, []).extend(f"{float(str(each)) * 1000:.0f} ms" for each in stalls)
    yield from found.items()
