"""Events on transitions, and only on those."""

import time

from .cluster import Cluster
from .processes import OperatorProcess, eventually


def test_a_transition_is_one_event_that_names_the_reason(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({"schedule": {"cron": "*/5 * * * *"}})
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    for _ in range(3):
        cluster.finish_round(cron_job, plan, received=0)
    cluster.says("Healthy", "False", "Down")
    eventually(lambda: cluster.events()[-1]["reason"] == "Down", what="the event of the outage")
    time.sleep(1)
    told = [(each["type"], each["reason"]) for each in cluster.events()]
    # The three rounds may be judged one by one or together.
    assert [each for each in told if each != ("Warning", "LossHigh")] == [
        ("Normal", "Reconciled"),
        ("Normal", "WithinThresholds"),
        ("Warning", "Down"),
    ]
    down = cluster.events()[-1]
    assert down["reportingController"] == "ipsecping-operator"
    assert "no answer to the last 30 packets in 3 rounds on default/ping" in down["note"]
    described = cluster.kubectl("describe", "itc", "hq")
    assert "Down" in described
    assert "ipsecping-operator" in described
