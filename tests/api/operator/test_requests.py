"""What a check costs the API: a bounded number of requests to make it, and none for what changes nothing."""

import json
import signal

from .cluster import Cluster
from .processes import OperatorProcess, eventually


def requests(operator: OperatorProcess) -> dict[str, int]:
    """Requests so far, by verb; without watches, and without the lists made once for all checks."""
    counts: dict[str, int] = {}
    for line in operator.ask(operator.metrics)[1].splitlines():
        if line.startswith("ipsecping_operator_api_requests_total"):
            verb = line.split('verb="')[1].split('"')[0]
            counts[verb] = counts.get(verb, 0) + int(float(line.rpartition(" ")[2]))
    counts.pop("list", None)
    return counts


def test_a_check_is_made_and_reported_with_a_dozen_requests(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"interval": "1h"}, "probes": [{"name": "ping", "tcp": {"port": 1}}]})
    cluster.run_agent()
    cluster.says("Ready", "True", "Reconciled")
    spent = requests(operator)
    # Two children; the status when its pod is awaited, runs, is measured; the ReplicaSet of its pod; events.
    # Once for all checks: the key of the tokens, which was read and written.
    assert spent["apply"] <= 6
    assert spent["get"] == 1 + 1
    assert spent["create"] <= 4
    assert sum(spent.values()) <= 12 + 2


def test_what_happens_to_a_workload_without_consequence_costs_nothing(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"cron": "0 0 1 1 *"}})
    job = cluster.one("cronjob")
    cluster.finish_round(job, cluster.one("configmap"))
    cluster.says("Healthy", "True", "WithinThresholds")
    before = requests(operator)
    for number in range(20):
        patch = json.dumps({"status": {"lastScheduleTime": f"2026-01-01T00:00:{number:02}Z"}})
        name = job["metadata"]["name"]
        cluster.kubectl("patch", "cronjob", name, "--subresource=status", "--type=merge", f"--patch={patch}")
    cluster.finish_round(job, cluster.one("configmap"))
    eventually(lambda: requests(operator)["apply"] > before["apply"], what="the status with the second round")
    after = requests(operator)
    assert after["get"] - before["get"] == 1, "the second round's Job"
    assert after["apply"] - before["apply"] <= 2
    assert after["create"] == before["create"]


def test_a_restart_asks_for_nothing_pod_by_pod(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({"schedule": {"cron": "0 0 1 1 *"}})
    job, plan = cluster.one("cronjob"), cluster.one("configmap")
    for _ in range(5):
        cluster.finish_round(job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    eventually(lambda: cluster.status()["probes"][0]["sent"] == 50, what="all rounds counted")
    operator.end(signal.SIGKILL)
    operator.start()
    eventually(lambda: operator.results("Accepted") == 5, what="all rounds counted again")
    eventually(lambda: requests(operator).get("apply", 0) >= 2, what="the children made sure of")
    spent = requests(operator)
    assert spent["get"] == 1, "the key of the tokens"
    assert "create" not in spent
    assert spent["apply"] <= 3
