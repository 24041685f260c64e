"""Results of CronJobs: the termination messages of the check's own pods, each counted once."""

from typing import Any

import pytest

from .cluster import RUNNING, Cluster, ended, owner
from .processes import OperatorProcess, eventually
from .rounds import message

CRON = {"schedule": {"cron": "*/5 * * * *"}}


def sent(cluster: Cluster) -> int:
    """Packets in the window."""
    probes: list[dict[str, Any]] = cluster.status().get("probes", [])
    return sum(probe["sent"] for probe in probes)


@pytest.mark.smoke
def test_a_finished_round_becomes_the_status(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check(CRON)
    times = [12.0] * 9 + [14.0]
    cluster.finish_round(cluster.one("cronjob"), cluster.one("configmap"), rtt_ms=times)
    cluster.says("Healthy", "True", "WithinThresholds")
    status = cluster.status()
    assert status["lossPercent"] == "0.00"
    assert status["rtt"]["min"] == "12.00ms"
    assert status["rtt"]["max"] == "14.00ms"
    assert status["headline"] == {"path": "default", "probe": "ping"}
    (probe,) = status["probes"]
    assert (probe["sent"], probe["received"], probe["type"]) == (10, 10, "ICMP")
    columns = cluster.kubectl("get", "itc", "hq").splitlines()[1].split()
    assert columns[:5] == ["hq", "127.0.0.1", "True", "WithinThresholds", "0.00"]
    assert columns[5].startswith("12.0")


def test_loss_is_named_with_its_limit(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check(CRON)
    cluster.finish_round(cluster.one("cronjob"), cluster.one("configmap"), received=8)
    assert cluster.says("Healthy", "False", "LossHigh") == (
        "20.00 % of 10 packets lost in 5m (limit 1 %) on default/ping"
    )
    (outage,) = cluster.status()["outages"]
    assert outage["reason"] == "LossHigh"
    assert "end" not in outage


def test_each_pod_is_counted_once_however_often_it_is_seen(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    pods = [cluster.finish_round(cron_job, plan) for _ in range(3)]
    eventually(lambda: sent(cluster) == 30, what="three rounds in the window")
    for pod in pods:
        cluster.kubectl("label", "pod", pod, "seen=again")
    cluster.finish_round(cron_job, plan)
    eventually(lambda: sent(cluster) == 40, what="the fourth round in the window")
    assert operator.results("Accepted") == 4


def test_a_message_of_a_pod_the_check_does_not_own_changes_nothing(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    template = cron_job["spec"]["jobTemplate"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    # Its labels and its message are the check's in every detail; its owner is nobody's.
    orphan = {"name": "orphan", "labels": labels}
    cluster.make({"apiVersion": "v1", "kind": "Pod", "metadata": orphan, "spec": template["spec"]})
    # This one even has a Job, with the CronJob's name in its owner reference but another UID.
    stranger = cron_job | {"metadata": cron_job["metadata"] | {"uid": "11111111-1111-1111-1111-111111111111"}}
    impostor = cluster.pod(stranger, template, ("batch/v1", "Job"))
    # And this one claims the right Job by name, but not by UID.
    job = cluster.kubectl.get("job", impostor["metadata"]["name"])
    reference = owner(job | {"metadata": job["metadata"] | {"uid": "22222222-2222-2222-2222-222222222222"}})
    third = {"name": "third", "labels": labels, "ownerReferences": [reference]}
    cluster.make({"apiVersion": "v1", "kind": "Pod", "metadata": third, "spec": template["spec"]})
    for name in ("orphan", impostor["metadata"]["name"], "third"):
        cluster.set_status("pod", name, ended(message(plan, received=0)))
    cluster.finish_round(cron_job, plan)
    eventually(lambda: sent(cluster) == 20, what="the second round of its own")
    dropped = 'ipsecping_operator_objects_dropped_total{kind="Pod",reason="NoOwner"}'
    eventually(lambda: operator.sample(dropped) >= 1, what="the pod without an owner dropped")
    eventually(lambda: operator.results("ForeignPod") >= 1, what="the impostor's result dropped")
    assert operator.results("ForeignPod") == 1
    assert operator.results("Accepted") == 2
    assert cluster.condition("Healthy")["status"] == "True"


def test_another_check_s_result_in_an_own_pod_changes_nothing(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cluster.check(CRON, name="other")
    cluster.finish_round(cluster.one("cronjob", check="hq"), cluster.one("configmap", check="other"))
    eventually(lambda: operator.results("ForeignCheck") == 1, what="the foreign result counted as dropped")
    cluster.says("Healthy", "Unknown", "NoResults")


def test_a_round_that_ends_without_a_result_is_said(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.set_status("pod", cluster.round_pod(cron_job), ended("", exit_code=137, reason="OOMKilled"))
    cluster.says("Ready", "False", "WorkloadUnavailable", saying="OOMKilled, exit code 137")
    cluster.finish_round(cron_job, plan)
    cluster.says("Ready", "True", "Reconciled")
    cluster.says("Healthy", "True", "WithinThresholds")


def test_a_round_beside_an_injected_proxy_is_counted_and_its_pod_ended(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    pod = cluster.round_pod(cron_job)
    status = ended(message(plan))
    proxy = RUNNING["containerStatuses"][0] | {"name": "istio-proxy"}
    # The kubelet sorts them by name; the pod runs on, since the proxy does.
    status |= {"phase": "Running", "containerStatuses": [proxy, *status["containerStatuses"]]}
    cluster.set_status("pod", pod, status)
    cluster.says("Healthy", "True", "WithinThresholds")
    eventually(
        lambda: cluster.kubectl.get("pod", pod)["spec"].get("activeDeadlineSeconds") == 1,
        what="the pod that the proxy keeps is ended",
    )
    cluster.says("Ready", "True", "Reconciled")
