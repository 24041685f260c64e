"""The API server away, while agents go on to measure: all that happened meanwhile is told when it is back.

It is away for 12 s; `make test-outage` runs this with two minutes.
"""

import os
import signal
import time
from datetime import UTC, datetime

import pytest

from ipsecping_lab.apiserver import ApiServer

from .cluster import Cluster
from .processes import OperatorProcess, eventually
from .reflectors import Reflector, spec

AWAY = float(os.environ.get("IPSECPING_TEST_OUTAGE", "12"))
"""Seconds."""


@pytest.mark.long
def test_an_outage_that_came_and_went_while_the_api_was_away_is_told_with_its_own_times(
    operator: OperatorProcess, cluster: Cluster, server: ApiServer, reflector: Reflector
) -> None:
    cluster.measured(spec(reflector.port, window="3s"))
    assert operator.running is not None
    pid = operator.running.pid
    server.kill()
    gone = datetime.now(UTC)
    try:
        reflector.end(signal.SIGKILL)
        eventually(lambda: "Healthy=False Down" in operator.log.read_text(), what="the check down")
        reflector.launch()
        eventually(
            lambda: "Healthy=True" in operator.log.read_text().rpartition("Healthy=False Down")[2],
            what="the check healthy",
        )
        before = operator.results("Accepted")
        time.sleep(max(AWAY - (datetime.now(UTC) - gone).total_seconds(), 2))
        assert operator.results("Accepted") > before, "agents are read on"
        assert operator.ask(operator.health)[0] == 200, "an API outage is no reason to be restarted"
    finally:
        back = datetime.now(UTC)
        server.start()
    eventually(lambda: "outages" in cluster.status(), what="the outage told", seconds=60)
    (outage,) = cluster.status()["outages"]
    assert outage["reason"] == "Down"
    assert gone.replace(microsecond=0) <= moment(outage["start"]) < moment(outage["end"]) <= back
    cluster.says("Healthy", "True", "WithinThresholds")
    eventually(
        lambda: (
            [reason for reason in reasons(cluster) if reason in ("Down", "WithinThresholds")][-2:]
            == ["Down", "WithinThresholds"]
        ),
        what="both transitions told",
    )
    assert operator.running.pid == pid


def reasons(cluster: Cluster) -> list[str]:
    """Of the events, in order."""
    return [event["reason"] for event in sorted(cluster.events(), key=lambda event: event["eventTime"])]


def moment(text: str) -> datetime:
    """An instant of a status."""
    return datetime.fromisoformat(text)
