"""What GitOps tools see: the status by kstatus's own rules, and nothing that they would call drift."""

import json
import signal
from typing import Any

import pytest

from ...kstatus import kstatus
from .cluster import Cluster, Object
from .processes import OperatorProcess, eventually

USER = "kustomize-controller"


def becomes(cluster: Cluster, wanted: str) -> None:
    """Wait for it."""
    eventually(lambda: kstatus(cluster.kubectl.get("itc", "hq")) == wanted, what=f"kstatus {wanted}")


def apply_as_git_does(cluster: Cluster, spec: dict[str, Any]) -> Object:
    """Server-side apply of the manifest under the tool's name; the object as stored."""
    manifest = {
        "apiVersion": "ipsecping.dev/v1alpha1",
        "kind": "IPsecTunnelCheck",
        "metadata": {"name": "hq"},
        "spec": {"target": "127.0.0.1", **spec},
    }
    words = ("apply", "--server-side", f"--field-manager={USER}", "--output=json", "-f", "-")
    stored: Object = json.loads(cluster.kubectl(*words, stdin=json.dumps(manifest)))
    return stored


@pytest.mark.long
def test_a_tool_that_waits_by_kstatus_waits_for_the_right_moment(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    operator.end(signal.SIGTERM)
    cluster.check({})
    assert kstatus(cluster.kubectl.get("itc", "hq")) == "InProgress", "nobody has seen it yet"
    operator.start()
    deployment = cluster.one("deployment")["metadata"]["name"]
    cluster.says("Ready", "False", "WorkloadUnavailable")
    assert kstatus(cluster.kubectl.get("itc", "hq")) == "InProgress", "its pod does not run yet"
    cluster.available(deployment)
    becomes(cluster, "Current")
    operator.end(signal.SIGTERM)
    cluster.check({"thresholds": {"downAfter": 5}})
    assert kstatus(cluster.kubectl.get("itc", "hq")) == "InProgress", "nobody has seen the edit yet"
    operator.start()
    becomes(cluster, "Current")
    cluster.check({"suspend": True})
    becomes(cluster, "Current")
    cluster.check({"schedule": {"cron": "0 8 * * *", "timeZone": "Europe/Atlantis"}})
    becomes(cluster, "Failed")
    cluster.check({"schedule": {"cron": "0 8 * * *"}})
    becomes(cluster, "Current")
    # Nothing removes it here: no garbage collector runs.
    cluster.kubectl("delete", "itc", "hq", "--cascade=foreground", "--wait=false")
    assert kstatus(cluster.kubectl.get("itc", "hq")) == "Terminating"


def test_the_same_manifest_again_changes_nothing_after_the_operator_has_run(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    spec = {"schedule": {"cron": "*/5 * * * *"}, "paths": [{"name": "north"}, {"name": "south"}]}
    apply_as_git_does(cluster, spec)
    cluster.says("Ready", "True", "Reconciled")
    # What it writes meanwhile is no change by the tool.
    assert operator.end(signal.SIGTERM) == 0
    before = cluster.kubectl.get("itc", "hq")
    after = apply_as_git_does(cluster, spec)
    for mark in ("resourceVersion", "generation"):
        assert after["metadata"][mark] == before["metadata"][mark]
    assert not cluster.kubectl.drift(bare(after), manager=USER)


def test_the_operator_owns_the_status_and_its_children_and_nothing_else(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    apply_as_git_does(cluster, {"schedule": {"cron": "*/5 * * * *"}})
    cluster.says("Ready", "True", "Reconciled")
    fields = cluster.kubectl.get("itc", "hq")["metadata"]["managedFields"]
    owned = {(each["manager"], each.get("subresource")): sorted(each["fieldsV1"]) for each in fields}
    assert owned == {(USER, None): ["f:spec"], ("ipsecping-operator", "status"): ["f:status"]}
    for kind in ("configmap", "cronjob"):
        (entry,) = cluster.one(kind)["metadata"]["managedFields"]
        assert (entry["manager"], entry["operation"]) == ("ipsecping-operator", "Apply")


def bare(found: Object) -> str:
    """The manifest as it is in Git."""
    kept = {key: found[key] for key in ("apiVersion", "kind", "spec")}
    return json.dumps(kept | {"metadata": {"name": found["metadata"]["name"]}})
