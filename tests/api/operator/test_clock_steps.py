"""Somebody sets the clock of the operator's node."""

import signal
import time
from datetime import datetime, timedelta

import pytest

from .clocks import Clock
from .cluster import Cluster
from .processes import OperatorProcess, eventually
from .reflectors import Reflector, spec

PATIENCE = 8
"""Rounds that are watched after each step: more than the window and what makes results stale."""


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_a_step_of_the_clock_is_no_outage_and_hides_none(
    clocked: OperatorProcess, cluster: Cluster, clock: Clock, reflector: Reflector, hours: int
) -> None:
    cluster.measured(spec(reflector.port))
    clock.set(timedelta(hours=hours))
    until = clocked.results("Accepted") + PATIENCE
    said = []
    while clocked.results("Accepted") < until:
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
    assert "the clock was set" in clocked.log.read_text()


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_an_operator_that_starts_under_another_clock_judges_anew(
    clocked: OperatorProcess, cluster: Cluster, clock: Clock, reflector: Reflector, hours: int
) -> None:
    cluster.measured(spec(reflector.port))
    clocked.end(signal.SIGKILL)
    reflector.end(signal.SIGKILL)
    clock.set(timedelta(hours=hours))
    clocked.start()
    cluster.says("Healthy", "False", "Down", seconds=20)


def moment(text: str) -> datetime:
    """An instant of a status."""
    return datetime.fromisoformat(text)
