"""Children that others lay claim to: drift is put right, a contest is reported and not fought."""

import json
from typing import Any

from .cluster import Cluster
from .processes import OperatorProcess, eventually


def apply_as(cluster: Cluster, manager: str, spec: dict[str, Any]) -> None:
    """Another declarative tool's view of the only Deployment here."""
    name = cluster.one("deployment")["metadata"]["name"]
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    words = ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-")
    cluster.kubectl(*words, stdin=json.dumps(manifest))


def test_who_applies_the_same_fields_is_named_and_not_fought_over(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({})
    cluster.available(cluster.one("deployment")["metadata"]["name"])
    cluster.says("Ready", "True", "Reconciled")
    apply_as(cluster, "flux", {"replicas": 2})
    cluster.says("Ready", "False", "WorkloadUnavailable", saying='.spec.replicas (by "flux")')
    assert cluster.one("deployment")["spec"]["replicas"] == 2
    # It is taken out there: nobody else claims it any more.
    apply_as(cluster, "flux", {})
    cluster.available(cluster.one("deployment")["metadata"]["name"])
    cluster.says("Ready", "True", "Reconciled")
    assert cluster.one("deployment")["spec"]["replicas"] == 1


def test_a_child_that_another_controller_owns_is_left_to_it_and_said(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({})
    name = cluster.one("deployment")["metadata"]["name"]
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "somebody",
        "uid": "11111111-1111-1111-1111-111111111111",
        "controller": True,
    }
    operation = [{"op": "replace", "path": "/metadata/ownerReferences", "value": [foreign]}]
    cluster.kubectl("patch", "deployment", name, "--type=json", f"--patch={json.dumps(operation)}")
    said = "Only one reference can have Controller set"
    cluster.says("Ready", "False", "WorkloadUnavailable", saying=said)
    assert cluster.one("deployment")["metadata"]["ownerReferences"] == [foreign]


def test_what_cannot_be_changed_is_made_anew(operator: OperatorProcess, cluster: Cluster) -> None:
    cluster.check({})
    plan = cluster.one("configmap")
    name = plan["metadata"]["name"]
    cluster.kubectl("patch", "configmap", name, '--patch={"immutable":true,"data":{"plan.json":"{}"}}')

    def mended() -> bool:
        found = cluster.children("configmap")
        return [(each["data"], each.get("immutable")) for each in found] == [(plan["data"], None)]

    eventually(mended, what="the ConfigMap as it was")
    assert cluster.one("configmap")["metadata"]["uid"] != plan["metadata"]["uid"]
