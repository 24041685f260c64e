"""The operator killed, the API server gone: nothing is lost, and nothing wrong is said."""

import signal
import time
from typing import Any

from ipsecping_lab.apiserver import ApiServer

from .cluster import Cluster
from .processes import OperatorProcess, eventually

CRON = {"schedule": {"cron": "*/5 * * * *"}}


def figures(cluster: Cluster) -> Any:
    """What was measured, as the status tells it."""
    status = cluster.status()
    return [(probe["sent"], probe["received"], probe["rtt"]) for probe in status.get("probes", [])]


def test_a_killed_operator_s_successor_knows_what_it_knew(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan, rtt_ms=11)
    cluster.finish_round(cron_job, plan, rtt_ms=13, received=9)
    cluster.says("Healthy", "False", "LossHigh")
    eventually(lambda: [sent for sent, *_ in figures(cluster)] == [20], what="both rounds in the status")
    before, condition, outages = (
        figures(cluster),
        cluster.condition("Healthy"),
        cluster.status()["outages"],
    )
    events = len(cluster.events())
    operator.end(signal.SIGKILL)
    cluster.finish_round(cron_job, plan, rtt_ms=15)  # while nobody looks
    operator.start()
    eventually(lambda: [sent for sent, *_ in figures(cluster)] == [30], what="all three rounds in the status")
    assert figures(cluster)[0][1] == before[0][1] + 10
    assert cluster.condition("Healthy")["lastTransitionTime"] == condition["lastTransitionTime"]
    assert [each["start"] for each in cluster.status()["outages"]] == [each["start"] for each in outages]
    assert len(cluster.events()) == events, "a restart is no transition"
    assert len(cluster.children("cronjob")) == 1


def test_an_operator_that_comes_back_to_nothing_new_writes_nothing(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cluster.finish_round(cluster.one("cronjob"), cluster.one("configmap"))
    cluster.says("Healthy", "True", "WithinThresholds")
    cluster.says("Ready", "True", "Reconciled")
    assert operator.end(signal.SIGTERM) == 0  # and has written what it knows
    version = cluster.kubectl.get("itc", "hq")["metadata"]["resourceVersion"]
    operator.start()
    eventually(lambda: operator.results("Accepted") == 1, what="the finished pod read again")
    time.sleep(2)
    assert cluster.kubectl.get("itc", "hq")["metadata"]["resourceVersion"] == version


def test_a_check_deleted_while_the_operator_is_down_leaves_no_trace(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({})
    cluster.says("Healthy", "Unknown", "NoResults")
    operator.end(signal.SIGKILL)
    cluster.kubectl("delete", "itc", "hq", "--timeout=10s")  # nothing holds it: no finalizer
    operator.start()
    cluster.check({}, name="another")
    cluster.says("Healthy", "Unknown", "NoResults", name="another")
    assert 'check="hq"' not in operator.ask(operator.metrics)[1]
    assert operator.sample("ipsecping_operator_checks") == 1


def test_an_edit_while_the_operator_is_down_is_carried_out_when_it_is_back(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"interval": "30s"}})
    cluster.one("deployment")
    operator.end(signal.SIGKILL)
    cluster.check(CRON)
    operator.start()
    cluster.one("cronjob")
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")


def test_the_api_server_restarts_and_the_operator_carries_on(
    operator: OperatorProcess, cluster: Cluster, server: ApiServer
) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    server.kill()
    time.sleep(3)
    assert operator.ask(operator.health)[0] == 200, "an API outage is no reason to be restarted"
    server.start()
    cluster.finish_round(cron_job, plan, received=0)
    cluster.says("Healthy", "False", "LossHigh", seconds=60)
    before = cluster.one("configmap")
    cluster.kubectl("delete", "configmap", before["metadata"]["name"])
    eventually(
        lambda: (
            [each["metadata"]["uid"] != before["metadata"]["uid"] for each in cluster.children("configmap")]
            == [True]
        ),
        what="the watch of ConfigMaps lives: a new one",
        seconds=60,
    )


def test_an_operator_without_its_crd_or_api_waits_for_them(
    operator: OperatorProcess, cluster: Cluster, server: ApiServer
) -> None:
    operator.end(signal.SIGTERM)
    server.kill()
    try:
        operator.launch()
        eventually(lambda: "waiting:" in operator.log.read_text(), what="it says what it waits for")
    finally:
        server.start()
    cluster.check({})
    cluster.one("deployment")
