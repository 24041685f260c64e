"""What the running operator makes, mends and removes."""

import json

from .cluster import Cluster
from .processes import OperatorProcess, eventually

AT_ONCE = 30
"""Seconds, on a busy machine too; the operator compares all by itself every five minutes only."""


def test_a_check_gets_its_children_owned_by_it(operator: OperatorProcess, cluster: Cluster) -> None:
    uid = cluster.check({})
    for kind in ("configmap", "deployment"):
        (reference,) = cluster.one(kind)["metadata"]["ownerReferences"]
        assert (reference["uid"], reference["controller"]) == (uid, True)
    assert cluster.children("cronjob") == []


def test_a_child_deleted_by_hand_comes_back_at_once(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({})
    for kind in ("deployment", "configmap"):
        before = cluster.one(kind)
        cluster.kubectl("delete", kind, before["metadata"]["name"], "--wait=false")
        eventually(
            lambda kind=kind, before=before: any(  # type: ignore[misc]
                each["metadata"]["uid"] != before["metadata"]["uid"] for each in cluster.children(kind)
            ),
            what=f"a new {kind}",
            seconds=AT_ONCE,
        )


def test_a_child_edited_by_hand_is_put_right(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({})
    deployment, plan = cluster.one("deployment"), cluster.one("configmap")
    name = deployment["metadata"]["name"]
    cluster.kubectl("scale", "deployment", name, "--replicas=3")
    cluster.kubectl("patch", "configmap", name, '--patch={"data":{"plan.json":"{}"}}')
    eventually(
        lambda: (
            cluster.one("deployment")["spec"]["replicas"] == 1
            and cluster.one("configmap")["data"] == plan["data"]
        ),
        what="the edited children put right",
    )


def test_nothing_is_applied_again_while_nothing_changes(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({})
    cluster.says("Ready", "False", "WorkloadUnavailable")
    name = cluster.one("deployment")["metadata"]["name"]
    applied = operator.sample('ipsecping_operator_api_requests_total{code="201",verb="apply"}')
    for _ in range(3):
        cluster.available(name)
        cluster.set_status("deployment", name, {"availableReplicas": 0})
    cluster.available(name)
    cluster.says("Ready", "True", "Reconciled")
    assert operator.sample('ipsecping_operator_api_requests_total{code="201",verb="apply"}') == applied == 2


def test_changing_interval_to_cron_and_back_swaps_the_workload(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"interval": "30s"}})
    cluster.one("deployment")
    cluster.check({"schedule": {"cron": "*/5 * * * *"}})
    cluster.one("cronjob")
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")
    cluster.check({"schedule": {"interval": "10s"}})
    cluster.one("deployment")
    eventually(lambda: not cluster.children("cronjob"), what="the CronJob removed")
    assert len(cluster.children("configmap")) == 1


def test_an_object_that_only_carries_our_labels_is_left_alone(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({})
    labels = cluster.one("configmap")["metadata"]["labels"]
    metadata = {"name": "mine", "labels": labels}
    cluster.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}})
    cluster.check({"thresholds": {"downAfter": 5}})
    cluster.check({"schedule": {"cron": "*/5 * * * *"}})
    cluster.one("cronjob")
    assert cluster.kubectl.get("configmap", "mine")["data"] == {"a": "b"}


def test_a_suspended_check_keeps_its_workload_at_rest(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({"suspend": True})
    cluster.says("Ready", "True", "Suspended")
    cluster.says("Healthy", "Unknown", "Suspended")
    assert cluster.one("deployment")["spec"]["replicas"] == 0
    cluster.check({"suspend": False})
    eventually(lambda: cluster.one("deployment")["spec"]["replicas"] == 1, what="one replica again")
    cluster.says("Healthy", "Unknown", "NoResults")


def test_what_only_the_operator_can_know_to_be_wrong_is_said_in_the_status(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"cron": "0 8 * * *", "timeZone": "Europe/Atlantis"}})
    cluster.says("Ready", "False", "InvalidSpec")
    cluster.says("Stalled", "True", "InvalidSpec")
    assert cluster.condition("Ready")["message"] == (
        "spec.schedule.timeZone: 'Europe/Atlantis' is not a time zone of the IANA database, "
        "such as Europe/Berlin"
    )
    assert cluster.children("cronjob") == []
    cluster.check({"schedule": {"cron": "0 8 * * *", "timeZone": "Europe/Berlin"}})
    cluster.says("Ready", "True", "Reconciled")
    assert cluster.condition("Stalled") == {}
    assert cluster.condition("Ready")["observedGeneration"] == 2
    assert cluster.status()["observedGeneration"] == 2


def test_an_invalid_edit_leaves_the_last_valid_workload_running(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"cron": "0 8 * * *"}})
    before = cluster.one("cronjob")
    cluster.check({"schedule": {"cron": "0 8 31 2-2 *"}})
    cluster.says("Ready", "False", "InvalidSpec")
    assert cluster.one("cronjob")["spec"] == before["spec"]


def test_an_image_that_cannot_be_pulled_is_named(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({})
    deployment = cluster.one("deployment")
    pod = cluster.pod(deployment, deployment["spec"]["template"], ("apps/v1", "ReplicaSet"))
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "probe:1"'}
    container = {
        "name": "probe",
        "image": "probe:1",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    cluster.set_status("pod", pod["metadata"]["name"], {"phase": "Pending", "containerStatuses": [container]})
    pull = "ImagePullBackOff: Back-off pulling image"
    cluster.says("Ready", "False", "WorkloadUnavailable", saying=pull)


def test_a_refusal_of_the_api_is_said_and_mended_when_it_ends(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    quota = {"name": "none"}
    hard = {"hard": {"count/deployments.apps": "0"}}
    cluster.make({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": quota, "spec": hard})
    cluster.set_status("resourcequota", "none", hard | {"used": {"count/deployments.apps": "0"}})
    words = ("create", "deployment", "x", "--image=x", "--dry-run=server")
    eventually(lambda: "exceeded quota" in cluster.kubectl.run(*words).stderr, what="the quota in force")
    cluster.check({})
    cluster.says("Ready", "False", "WorkloadUnavailable", saying="exceeded quota")
    cluster.kubectl("delete", "resourcequota", "none")
    cluster.one("deployment")


def test_a_deleted_check_leaves_no_trace_in_the_operator(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({})
    cluster.says("Healthy", "Unknown", "NoResults")
    assert operator.sample("ipsecping_operator_checks") == 1
    assert 'check="hq"' in operator.ask(operator.metrics)[1]
    cluster.kubectl("delete", "itc", "hq")
    eventually(lambda: operator.sample("ipsecping_operator_checks") == 0, what="the check forgotten")
    assert 'check="hq"' not in operator.ask(operator.metrics)[1]


def test_a_check_made_anew_under_the_same_name_begins_anew(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    first = cluster.check({})
    cluster.says("Healthy", "Unknown", "NoResults")
    cluster.kubectl("delete", "itc", "hq")
    second = cluster.check({})
    assert first != second
    cluster.says("Healthy", "Unknown", "NoResults")
    eventually(
        lambda: (
            second
            in [each["metadata"]["ownerReferences"][0]["uid"] for each in cluster.children("deployment")]
        ),
        what="children of the new check",
    )


def test_an_edit_of_the_plan_nudges_the_pods_and_leaves_the_deployment(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({"schedule": {"interval": "30s"}})
    deployment = cluster.one("deployment")
    pod = cluster.pod(deployment, deployment["spec"]["template"], ("apps/v1", "ReplicaSet"))
    cluster.check({"schedule": {"interval": "10s"}})
    nonce = "ipsecping.dev/plan-nonce"

    eventually(
        lambda: (
            cluster.annotation(pod["metadata"]["name"], nonce)
            == cluster.one("configmap")["metadata"]["annotations"][nonce]
        ),
        what="the pod's annotation names the new plan",
    )
    assert json.loads(cluster.one("configmap")["data"]["plan.json"])["checks"][0]["intervalMs"] == 10_000
    assert cluster.one("deployment")["metadata"]["generation"] == deployment["metadata"]["generation"]
