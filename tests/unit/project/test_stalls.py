"""What failed while the machine stood still is tried again, twice at the most, and nothing else is."""

import os
import time
from collections.abc import Callable

import pytest

from ...stalls import LIMIT, Stalls, StallWatch, stood_still

pytest_plugins = ["pytester"]

TESTS = """
import pytest
attempts = []

@pytest.mark.real_time
def test_timing():
    attempts.append(1)
    assert len(attempts) > {failures}

@pytest.mark.real_time
def test_well():
    pass
"""
INI = """
[pytest]
markers = real_time
filterwarnings = error
asyncio_default_fixture_loop_scope = function
"""


class Stalled(StallWatch):
    """A machine that stands still for so long (seconds) at each attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def start(self) -> None:
        """Watch nothing."""

    @property
    def longest(self) -> float:
        """Whatever this machine does."""
        return self.seconds

    @longest.setter
    def longest(self, _: float) -> None:
        pass


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Runs a test that fails so often on a machine that stands still for so long."""

    def running(*, failures: int, stall: float, tests: str = TESTS) -> pytest.RunResult:
        pytester.makeini(INI)
        pytester.makepyfile(test_it=tests.format(failures=failures))
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", plugins=[Stalls(Stalled(stall))])

    return running


@pytest.mark.parametrize("failures", [1, 2])
def test_a_failure_for_a_stall_is_tried_again_and_told(
    run: Callable[..., pytest.RunResult], failures: int
) -> None:
    result = run(failures=failures, stall=0.34)
    result.assert_outcomes(passed=2)
    stalls = " and ".join(["340 ms"] * failures)
    result.stdout.fnmatch_lines([f"tried again: test_it.py::test_timing, for a stall of {stalls}"])


def test_what_fails_three_times_fails(run: Callable[..., pytest.RunResult]) -> None:
    run(failures=3, stall=0.34).assert_outcomes(passed=1, failed=1)


def test_a_failure_without_a_stall_is_final(run: Callable[..., pytest.RunResult]) -> None:
    result = run(failures=1, stall=LIMIT)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*tried again*")


def test_a_test_that_has_nothing_to_do_with_time_is_never_tried_again(
    run: Callable[..., pytest.RunResult],
) -> None:
    tests = TESTS.replace("@pytest.mark.real_time", "")
    run(failures=1, stall=0.34, tests=tests).assert_outcomes(passed=1, failed=1)


def test_a_fixture_that_fails_for_a_stall_is_made_again(run: Callable[..., pytest.RunResult]) -> None:
    tests = """
import pytest
attempts = []

@pytest.fixture(scope="session")
def server():
    attempts.append(1)
    assert len(attempts) > {failures}
    return len(attempts)

@pytest.mark.real_time
def test_timing(server):
    assert server == 2
"""
    run(failures=1, stall=0.34, tests=tests).assert_outcomes(passed=1)


def test_each_cpu_is_watched_by_itself() -> None:
    watch = StallWatch()
    watch.start()
    try:
        wanted = [{cpu} for cpu in sorted(os.sched_getaffinity(0))]
        deadline = time.monotonic() + 60
        while [os.sched_getaffinity(each.native_id or 0) for each in watch.threads] != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        watch.stop()


def test_a_process_that_computes_does_not_stand_still() -> None:
    assert stood_still(asked=0.01, took=0.5, own=0.49) == 0
    assert stood_still(asked=0.01, took=0.5, own=0.09) == pytest.approx(0.4)
    assert stood_still(asked=0.01, took=0.01, own=0.01) == 0
