"""Somebody sets the clock of the operator's node."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer

from . import settable
from .cluster import Cluster
from .processes import OperatorProcess, eventually, operator_process
from .reflectors import Reflector, spec

PATIENCE = 8
"""Rounds that are watched after each step: more than the window and what makes results stale."""


class Clock:
    """The operator's wall clock."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.file.touch()
        self.off = timedelta()
        self.set(self.off)

    def set(self, off: timedelta) -> None:
        """Let it be so far from the true time from now on."""
        self.off = off
        with self.file.open("r+b") as file:  # written over: the operator has it mapped
            file.write(settable.NANOSECONDS.pack(int(off.total_seconds()) * 1_000_000_000))

    def now(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) + self.off


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that is right."""
    return Clock(tmp_path / "offset")


@pytest.fixture
def operator(server: ApiServer, cluster: Cluster, clock: Clock, tmp_path: Path) -> Iterator[OperatorProcess]:
    """A running operator with that clock."""
    process = operator_process(
        server.kubeconfig, tmp_path, f"--namespaces={cluster.kubectl.namespace}", cluster.key_secret()
    )
    process.words = [settable.__file__, str(clock.file), *process.words[2:]]
    process.start()
    yield process
    process.clear_up()


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_a_step_of_the_clock_is_no_outage_and_hides_none(
    operator: OperatorProcess, cluster: Cluster, clock: Clock, reflector: Reflector, hours: int
) -> None:
    cluster.measured(spec(reflector.port))
    clock.set(timedelta(hours=hours))
    until = operator.results("Accepted") + PATIENCE
    said = []
    while operator.results("Accepted") < until:
        said.append(cluster.condition("Healthy")["reason"])
        time.sleep(0.1)
    assert set(said) == {"WithinThresholds"}
    eventually(
        lambda: abs(moment(cluster.status()["lastResultTime"]) - clock.now()) < timedelta(seconds=30),
        what="the newest result told in the new time",
    )
    reflector.end(signal.SIGKILL)
    cluster.says("Healthy", "False", "Down")
    (outage,) = cluster.status()["outages"]
    assert abs(moment(outage["start"]) - clock.now()) < timedelta(seconds=60)
    assert "the clock was set" in operator.log.read_text()


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_an_operator_that_starts_under_another_clock_judges_anew(
    operator: OperatorProcess, cluster: Cluster, clock: Clock, reflector: Reflector, hours: int
) -> None:
    cluster.measured(spec(reflector.port))
    operator.end(signal.SIGKILL)
    reflector.end(signal.SIGKILL)
    clock.set(timedelta(hours=hours))
    operator.start()
    cluster.says("Healthy", "False", "Down", seconds=20)


def moment(text: str) -> datetime:
    """An instant of a status."""
    return datetime.fromisoformat(text)
