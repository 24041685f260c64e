"""Targets that are looked up: a Service's endpoints and pods by their labels, as they come and go."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipsecping_lab.apiserver import ApiServer

from .cluster import Cluster
from .processes import OperatorProcess, eventually, operator_process

FROM_SERVICE = {"targetFrom": {"service": {"name": "db"}}}
FROM_PODS = {"targetFrom": {"pods": {"matchLabels": {"app": "db"}}}}


@pytest.fixture
def looking(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that may look targets up in the test's namespace."""
    namespace = cluster.kubectl.namespace
    process = operator_process(
        server.kubeconfig,
        tmp_path,
        f"--namespaces={namespace}",
        f"--allow-target-from={namespace}",
        cluster.key_secret(),
    )
    process.start()
    yield process
    process.clear_up()


def planned(cluster: Cluster) -> Any:
    """The addresses in the plan as it is applied."""
    (check,) = json.loads(cluster.one("configmap")["data"]["plan.json"])["checks"]
    return check["targets"]


def aims_at(cluster: Cluster, *addresses: str) -> None:
    """Wait until these are the addresses in the plan: the check may be seen before what it is aimed at."""
    eventually(lambda: planned(cluster) == [*addresses], what=f"a plan of {addresses}")


def test_the_plan_follows_a_services_endpoints_also_past_a_restart(
    looking: OperatorProcess, cluster: Cluster
) -> None:
    cluster.endpoints("db", "10.0.0.2", "10.0.0.1")
    cluster.endpoints("other", "10.9.9.9")
    cluster.check(FROM_SERVICE)
    deployment = cluster.one("deployment")
    pod = cluster.pod(deployment, deployment["spec"]["template"], ("apps/v1", "ReplicaSet"))["metadata"][
        "name"
    ]
    cluster.available(deployment["metadata"]["name"])
    aims_at(cluster, "10.0.0.1", "10.0.0.2")
    cluster.endpoints("db", "10.0.0.1", "10.0.0.3")
    aims_at(cluster, "10.0.0.1", "10.0.0.3")
    # The kubelet is made to look, so that the agent knows within seconds.
    mark = "ipsecping.dev/plan-targets"
    wanted = cluster.one("configmap")["metadata"]["annotations"][mark]
    eventually(lambda: cluster.annotation(pod, mark) == wanted, what="the pod told of its plan")
    cluster.says("Ready", "True", "Reconciled")
    # What changes while no operator runs is found when one does.
    looking.end()
    cluster.endpoints("db", "10.0.0.4")
    looking.start()
    aims_at(cluster, "10.0.0.4")
    cluster.endpoints("db")
    aims_at(cluster)

    said = "Service db: no ready address, so nothing is measured"
    assert cluster.says("Ready", "True", "Reconciled", saying=said).endswith(said)


def test_pods_are_measured_while_they_are_there_and_nothing_is_blamed_when_they_are_not(
    looking: OperatorProcess, cluster: Cluster
) -> None:
    cluster.app_pod("db-0", "127.0.0.2", app="db", tier="a")
    cluster.app_pod("web-0", "127.0.0.3", app="web")
    cluster.check(FROM_PODS | {"schedule": {"interval": "1s"}, "thresholds": {"window": "10s"}})
    aims_at(cluster, "127.0.0.2")
    agent = cluster.run_agent()
    assert planned(cluster) == ["127.0.0.2"], "neither another's pod nor the agent itself"
    cluster.says("Healthy", "True", "WithinThresholds")
    cluster.kubectl("delete", "pod", "db-0", "--grace-period=0", "--force")
    aims_at(cluster)
    cluster.refresh(agent)
    unresolved = "pods with app=db: no ready address"
    cluster.says("Healthy", "Unknown", "TargetUnresolved", saying=unresolved)
    assert cluster.warnings() == ["TargetUnresolved"]
    assert not cluster.status().get("outages"), "nothing is the tunnel's fault"
    cluster.app_pod("db-1", "127.0.0.4", app="db")
    aims_at(cluster, "127.0.0.4")
    cluster.refresh(agent)
    cluster.says("Healthy", "True", "WithinThresholds")


def test_an_address_that_may_not_be_probed_is_named_and_not_in_the_plan(
    looking: OperatorProcess, cluster: Cluster
) -> None:
    cluster.endpoints("db", "10.0.0.1", "100.100.100.200")
    cluster.check(FROM_SERVICE)
    name = cluster.one("deployment")["metadata"]["name"]
    cluster.available(name)
    named = "100.100.100.200, an address of Service db, is a cloud's metadata address"
    cluster.says("Ready", "False", "NotPermitted", saying=named)
    assert planned(cluster) == ["10.0.0.1"]
    cluster.endpoints("db", "10.0.0.1")
    cluster.says("Ready", "True", "Reconciled")


def test_without_permission_nothing_is_looked_up(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check(FROM_SERVICE)
    assert cluster.says("Ready", "False", "NotPermitted").startswith("spec.targetFrom: ")
    assert cluster.children("deployment") == []


@pytest.mark.long
def test_a_permission_that_is_taken_back_ends_what_measures(
    looking: OperatorProcess, cluster: Cluster
) -> None:
    cluster.endpoints("db", "10.0.0.1")
    cluster.check(FROM_SERVICE)
    cluster.one("deployment")
    looking.end()
    allowed = [word for word in looking.words if not word.startswith("--allow-target-from")]
    looking.words, before = allowed, looking.words
    looking.start()
    cluster.says("Ready", "False", "NotPermitted")
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")
    eventually(lambda: not cluster.children("configmap"), what="the plan removed")
    looking.end()
    looking.words = before
    looking.start()
    aims_at(cluster, "10.0.0.1")
    cluster.one("deployment")


def test_a_check_that_was_suspended_aims_at_its_targets_again(
    looking: OperatorProcess, cluster: Cluster
) -> None:
    cluster.endpoints("db", "10.0.0.1")
    cluster.check(FROM_SERVICE)
    cluster.one("deployment")
    cluster.check(FROM_SERVICE | {"suspend": True})
    cluster.says("Ready", "True", "Suspended")
    assert cluster.one("deployment")["spec"]["replicas"] == 0
    cluster.check(FROM_SERVICE)
    eventually(lambda: cluster.one("deployment")["spec"]["replicas"] == 1, what="the agent again")
    aims_at(cluster, "10.0.0.1")
