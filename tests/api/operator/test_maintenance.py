"""Windows of maintenance on a real API server: what is silent meanwhile, and what comes after."""

import signal
from datetime import datetime, timedelta

import pytest

from ... import argocd
from ...kstatus import kstatus
from .clocks import Clock
from .cluster import Cluster
from .processes import OperatorProcess, eventually

IN_MAINTENANCE = "ipsecping_check_maintenance{"
OUTAGES = "ipsecping_outages_total{"


def written(instant: datetime) -> str:
    """As the status has it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.long
def test_an_outage_begins_only_when_the_window_closes(
    clocked: OperatorProcess, cluster: Cluster, clock: Clock
) -> None:
    # No round is due for a year: nothing but a timer can open the window.
    measured = {"schedule": {"cron": "0 0 1 1 *"}, "thresholds": {"window": "1s"}}
    cluster.check(measured)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")

    closes = clock.now() + timedelta(hours=2)
    window = {"name": "upgrade", "until": written(closes), "reason": "new firmware"}
    later = {"from": written(clock.now() + timedelta(hours=1))}
    cluster.check(measured | {"maintenance": [window | later]})
    cluster.says("Maintenance", "False", "WindowClosed")
    window["from"] = written(clock.now() + timedelta(seconds=3))
    cluster.check(measured | {"maintenance": [window]})
    cluster.says("Maintenance", "True", "WindowOpen")
    for _ in range(3):
        cluster.finish_round(cron_job, plan, received=0)
    cluster.says("Healthy", "False", "Down")

    def holds() -> None:
        status = cluster.status()
        assert "outages" not in status
        assert status["maintenance"] == {"open": window}
        assert status["lossPercent"] == "100.00"
        assert written(closes) in cluster.kubectl("get", "itc", "hq")
        assert clocked.sample(IN_MAINTENANCE) == 1
        assert clocked.sample(OUTAGES) == 0
        found = cluster.kubectl.get("itc", "hq")
        assert kstatus(found) == "Current"
        ((said, message),) = argocd.health(found)
        assert said == "Suspended"
        assert message.startswith("Down: no answer")
        assert cluster.warnings() == []

    holds()
    clocked.end(signal.SIGKILL)
    clocked.start()
    eventually(lambda: clocked.sample(IN_MAINTENANCE) == 1, what="the window after a restart")
    holds()

    sooner = written(clock.now() + timedelta(seconds=6))
    cluster.check(measured | {"maintenance": [window | {"until": sooner}]})
    cluster.says("Maintenance", "False", "WindowsOver")
    eventually(lambda: cluster.warnings() == ["Down"], what="the event of the outage")
    (outage,) = cluster.status()["outages"]
    assert outage["start"] == sooner
    assert cluster.condition("Maintenance")["lastTransitionTime"] == sooner
    assert "in maintenance until" in outage["message"]
    assert clocked.sample(IN_MAINTENANCE) == 0
    assert clocked.sample(OUTAGES) == 1


def test_a_window_opens_again_where_the_clock_is_set_back(
    clocked: OperatorProcess, cluster: Cluster, clock: Clock
) -> None:
    begin = clock.now()
    window = {
        "name": "now",
        "from": written(begin - timedelta(hours=1)),
        "until": written(begin + timedelta(hours=1)),
    }
    cluster.check({"schedule": {"cron": "0 0 1 1 *"}, "maintenance": [window]})
    cluster.says("Maintenance", "True", "WindowOpen")
    clock.set(timedelta(hours=2))
    cluster.says("Maintenance", "False", "WindowsOver")
    clock.set(timedelta())
    cluster.says("Maintenance", "True", "WindowOpen")
    cluster.check({"schedule": {"cron": "0 0 1 1 *"}})
    eventually(lambda: not cluster.condition("Maintenance"), what="no word of windows")
    assert cluster.warnings() == []
    assert clocked.sample(IN_MAINTENANCE) == 0
