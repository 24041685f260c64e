"""Children that something of the cluster's refuses: Ready names who, in their words, and what helps."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.kube.kinds import CONFIG_MAP, CRON_JOB, DEPLOYMENT

from ...ports import free_port
from ..refusing import admission_policy, make, of_the_cluster, quota, webhook_configuration
from .cluster import Cluster, condition_of
from .processes import OperatorProcess, eventually, operator_process


def says(cluster: Cluster, name: str, *parts: str) -> None:
    """Wait until Ready is False and its message has all these parts."""
    cluster.shows(
        lambda status: (
            (ready := condition_of(status, "Ready"))["reason"] == "WorkloadUnavailable"
            and all(part in ready["message"] for part in parts)
        ),
        what=f"Ready of {name} says {parts}",
        name=name,
    )


def in_force(cluster: Cluster, *kind: str) -> Callable[[], bool]:
    """Whether nothing of this kind can be made any more."""
    words = ("create", *kind, "--dry-run=server")
    return lambda: cluster.kubectl.run(*words).returncode != 0


def test_a_policy_or_a_webhook_that_refuses_children_is_named_and_all_is_well_once_it_goes(
    operator: OperatorProcess, cluster: Cluster, server: ApiServer
) -> None:
    kubectl = cluster.kubectl
    frozen = admission_policy(kubectl, DEPLOYMENT, {"expression": "false", "message": "label owner is due"})
    with of_the_cluster(kubectl, *frozen):
        eventually(in_force(cluster, "deployment", "x", "--image=x"), what="the policy in force")
        cluster.check({}, name="policy")
        says(cluster, "policy", frozen[0]["metadata"]["name"], "label owner is due", "podLabels")
    # It answers nothing: that is no refusal of the object, but nothing is made either.
    hook = webhook_configuration(server, kubectl, CONFIG_MAP, f"https://127.0.0.1:{free_port()}/")
    with of_the_cluster(kubectl, hook):
        eventually(in_force(cluster, "configmap", "x"), what="the webhook in force")
        cluster.check({}, name="webhook")
        says(cluster, "webhook", "policy.example.com", "has to answer")
    eventually(lambda: len(cluster.children("deployment")) == 2, what="what was refused is made", seconds=120)
    assert operator.ask(operator.health)[0] == 200


def test_a_quota_of_children_is_named(operator: OperatorProcess, cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    full = {"hard": {"count/deployments.apps": "0"}, "used": {"count/deployments.apps": "0"}}
    make(kubectl, quota(full["hard"]), full)
    eventually(in_force(cluster, "deployment", "x", "--image=x"), what="the quota in force")
    cluster.check({})
    says(cluster, "hq", "exceeded quota: few", "raise that ResourceQuota", "the operator tries again")
    kubectl("delete", "resourcequota", "few")
    kubectl("annotate", "itc", "hq", f"noted={json.dumps('now')}")
    eventually(lambda: cluster.children("deployment"), what="the Deployment made", seconds=120)


OWNED = {
    "expression": "has(object.metadata.labels) && 'example.com/owner' in object.metadata.labels",
    "message": "label example.com/owner is due",
}


def test_a_policy_that_wants_labels_of_every_child_is_met_by_the_defaults(
    server: ApiServer, cluster: Cluster, tmp_path: Path
) -> None:
    kubectl = cluster.kubectl
    flags = (f"--namespaces={kubectl.namespace}", cluster.key_secret())
    given = "--probe-defaults={labels: {example.com/owner: network}}"
    policies = [
        each for kind in (CONFIG_MAP, DEPLOYMENT, CRON_JOB) for each in admission_policy(kubectl, kind, OWNED)
    ]
    with of_the_cluster(kubectl, *policies):
        eventually(in_force(cluster, "deployment", "x", "--image=x"), what="the policy for Deployments")
        eventually(in_force(cluster, "configmap", "x"), what="the policy for ConfigMaps")
        without = operator_process(server.kubeconfig, tmp_path, *flags, name="without")
        without.start()
        cluster.check({})
        says(
            cluster,
            "hq",
            "label example.com/owner is due",
            "--probe-defaults",
            "labels and annotations of all",
        )
        without.clear_up()
        with_labels = operator_process(server.kubeconfig, tmp_path, *flags, given, name="with")
        with_labels.start()
        cluster.check({"schedule": {"cron": "*/5 * * * *"}}, name="cron")
        cluster.one("deployment")
        cluster.one("cronjob")
        assert len(cluster.children("configmap")) == 2
        with_labels.clear_up()


QUOTA = 'pods "ipsecping-hq-x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=4'


@pytest.mark.long
def test_a_round_s_pod_that_is_refused_is_told_in_the_words_of_who_refuses(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"cron": "*/5 * * * *"}})
    name = cluster.one("cronjob")["metadata"]["name"]
    due = datetime.now(UTC).replace(second=0, microsecond=0)
    cluster.not_created("Job", f"{name}-{int(due.timestamp()) // 60}", QUOTA)
    cluster.not_created("Job", f"{name}-1", "pods is forbidden: of another round")
    cluster.set_status("cronjob", name, {"lastScheduleTime": due.isoformat().replace("+00:00", "Z")})
    says(cluster, "hq", "no pod can be made for the round of", "exceeded quota: few", "spec.schedule.history")
    # The quota lets the next one through.
    plan = cluster.one("configmap")
    cluster.finish_round(cluster.one("cronjob"), plan)
    cluster.says("Ready", "True", "Reconciled")


def test_a_pod_that_is_refused_on_some_nodes_is_told_in_the_words_of_who_refuses(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"placement": {"everyNode": True}})
    daemon_set = cluster.one("daemonset")
    name = daemon_set["metadata"]["name"]
    cluster.node_pod(daemon_set, "w1")
    cluster.count_nodes(name, desired=3, scheduled=1, available=1)
    says(cluster, "hq", "waiting for 2 of 3 nodes", "kubectl describe daemonset")
    cluster.not_created("DaemonSet", name, QUOTA)
    says(cluster, "hq", "no pod was made for 2 of them: ", "exceeded quota: few", "raise that ResourceQuota")
    cluster.count_nodes(name, desired=3, available=3)
    cluster.says("Ready", "True", "Reconciled")
