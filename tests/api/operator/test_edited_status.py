"""A status is what the operator decided, whoever else writes it."""

import json
import time

import pytest

from .cluster import Cluster
from .processes import OperatorProcess

EDITED = 'ipsecping_operator_status_writes_total{outcome="edited"}'


def test_a_status_edited_by_hand_is_put_right(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({"schedule": {"cron": "*/5 * * * *"}})
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    for _ in range(3):
        cluster.finish_round(cron_job, plan, received=0)
    cluster.says("Healthy", "False", "Down")
    time.sleep(3)
    assert operator.sample(EDITED) == 0, "its own writes are nobody else's"
    conditions = [
        {**each, "status": "True", "reason": "WithinThresholds"} if each["type"] == "Healthy" else each
        for each in cluster.status()["conditions"]
    ]
    patch = json.dumps({"status": {"conditions": conditions}})
    cluster.kubectl("patch", "itc", "hq", "--subresource=status", "--type=merge", "-p", patch)
    cluster.says("Healthy", "False", "Down", seconds=15)
    time.sleep(3)
    assert operator.sample(EDITED) == 1


@pytest.mark.long
def test_what_was_made_up_in_a_status_does_not_stand_even_where_nothing_is_measured(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    """Figures, outages, and what the operator never writes: an apply leaves such a field to who added it."""
    cluster.check({"schedule": {"cron": "*/5 * * * *"}, "suspend": True})
    cluster.says("Healthy", "Unknown", "Suspended")
    time.sleep(3)
    right = cluster.status()
    assert operator.sample(EDITED) == 0
    outage = {"start": "2026-01-01T00:00:00Z", "reason": "Down", "message": "made up"}
    condition = {**right["conditions"][0], "type": "Maintenance"}
    for made_up in (
        {"pathMTU": 68, "lossPercent": "100.00", "rtt": {"p50": "9.00ms"}},
        {"outages": [outage]},
        {"paths": [{"name": "other", "state": "Healthy"}]},
        {"conditions": [*right["conditions"], condition]},
        {"observedGeneration": 99},
    ):
        edited = operator.sample(EDITED)
        patch = json.dumps({"status": made_up})
        cluster.kubectl("patch", "itc", "hq", "--subresource=status", "--type=merge", "-p", patch)
        end = time.monotonic() + 60
        while cluster.status() != right and time.monotonic() < end:
            time.sleep(0.2)
        assert cluster.status() == right
        assert operator.sample(EDITED) == edited + 1
    time.sleep(3)
    assert operator.sample(EDITED) == 5, "what is right is not written again"


def test_what_was_edited_while_no_operator_ran_is_not_taken_for_what_one_has_measured(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"cron": "*/5 * * * *"}})
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    for _ in range(3):
        cluster.finish_round(cron_job, plan, received=0)
    cluster.says("Healthy", "False", "Down")
    (outage,) = cluster.status()["outages"]
    operator.stop_if_running()
    made_up = {"outages": [{**outage, "start": "2026-01-01T00:00:00Z"}], "pathMTU": 68}
    patch = json.dumps({"status": made_up})
    cluster.kubectl("patch", "itc", "hq", "--subresource=status", "--type=merge", "-p", patch)
    operator.start()
    end = time.monotonic() + 60
    while "pathMTU" in cluster.status() and time.monotonic() < end:
        time.sleep(0.2)
    status = cluster.status()
    assert "pathMTU" not in status
    assert [each["start"] for each in status["outages"]] != ["2026-01-01T00:00:00Z"]
    cluster.says("Healthy", "False", "Down")
    assert operator.sample(EDITED) == 1


def test_a_status_that_a_backup_put_back_is_written_anew_once_and_believed_from_then_on(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"cron": "*/5 * * * *"}})
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    for _ in range(3):
        cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    operator.stop_if_running()
    kept = json.dumps({"status": cluster.status()})
    for patch in ('{"status": null}', kept):
        cluster.kubectl("patch", "itc", "hq", "--subresource=status", "--type=merge", "-p", patch)
    for edits in (1, 0):
        operator.start()
        cluster.says("Healthy", "True", "WithinThresholds")
        time.sleep(3)
        assert operator.sample(EDITED) == edits
        operator.stop_if_running()
        assert operator.log.read_text().count("its status was edited while no operator ran") == 1
