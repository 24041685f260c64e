"""A status is what the operator decided, whoever else writes it."""

import json
import time

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
