"""What GitOps tools see on a real API server: no drift, and Argo CD's health and actions on real objects."""

import json
import signal
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.children import ChildSettings
from ipsecping_operator.kube.transport import FIELD_MANAGER
from ipsecping_operator.tokens.keys import keys_in

from ... import argocd
from ...yaml_text import all_from_yaml
from ..chart import REPOSITORY, objects
from ..kubectl import Kubectl
from .agent_pod import AgentPod
from .cluster import Cluster, Object
from .processes import OperatorProcess, children_of, eventually, operator_process
from .reflectors import Reflector, spec

TOOL = "argocd-controller"
SAMPLES = sorted((REPOSITORY / "manifests" / "samples").glob("*.yaml"))
PROBE_IMAGE = "registry.example.com/probe:1"


def listed(manifests: Iterable[Object]) -> str:
    """All in one document for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*manifests]})


def apply(kubectl: Kubectl, manifests: Iterable[Object], *, manager: str = TOOL) -> None:
    """Server-side apply, as a tool does it."""
    kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=listed(manifests))


def drift(kubectl: Kubectl, manifests: Iterable[Object], *, manager: str = TOOL) -> str:
    """What applying them again would change."""
    return kubectl.drift(listed(manifests), manager=manager)


@dataclass
class Installed:
    """The chart's objects, applied by a tool, and an operator that works with them."""

    kubectl: Kubectl
    manifests: list[Object]
    operator: OperatorProcess

    def one(self, kind: str) -> Object:
        """The chart's only object of a kind, as stored."""
        (name,) = (each["metadata"]["name"] for each in self.manifests if each["kind"] == kind)
        found: Object = self.kubectl.get(kind.lower(), name)
        return found


@pytest.fixture
def installed(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[Installed]:
    """See Installed. The definition is the run's own: tests beside this one use it."""
    system = f"system-{uuid.uuid4().hex[:8]}"
    kubectl = replace(cluster.kubectl, namespace=system)
    kubectl("create", "namespace", system)
    rendered = objects(
        "--set",
        "crds.install=false,rbac.aggregate=false,dashboards.enabled=true",
        namespace=system,
        name=system,
    )
    apply(kubectl, rendered)
    (secret,) = (each["metadata"]["name"] for each in rendered if each["kind"] == "Secret")
    process = operator_process(
        server.kubeconfig,
        tmp_path,
        f"--namespaces={cluster.kubectl.namespace}",
        f"--results-key-secret={system}/{secret}",
        f"--lease-namespace={system}",
    )
    process.start()
    yield Installed(kubectl, rendered, process)
    process.clear_up()
    kubectl("delete", "clusterrole,clusterrolebinding", "-l", f"app.kubernetes.io/instance={system}")


def samples() -> list[Object]:
    """Every check of manifests/samples."""
    return [each for path in SAMPLES for each in all_from_yaml(path.read_text()) if each]


def test_nothing_drifts_of_checks_children_and_chart(
    installed: Installed, cluster: Cluster, reflector: Reflector
) -> None:
    measured_spec = {"target": "127.0.0.1", **spec(reflector.port)}
    measured: Object = {
        "apiVersion": "ipsecping.dev/v1alpha1",
        "kind": "IPsecTunnelCheck",
        "metadata": {"name": "hq"},
        "spec": measured_spec,
    }
    apply(cluster.kubectl, [measured])
    cluster.run_agent()
    cluster.says("Healthy", "True", "WithinThresholds")
    checks = [measured, *samples()]
    apply(cluster.kubectl, checks)
    names = [each["metadata"]["name"] for each in checks]
    for name in names:
        eventually(lambda name=name: cluster.condition("Ready", name), what=f"{name} taken in")  # type: ignore[misc]

    assert drift(cluster.kubectl, checks) == ""
    assert drift(installed.kubectl, installed.manifests) == ""
    settings = ChildSettings(
        probe_image=PROBE_IMAGE, image_pull_policy=None, tokens=keys_in(installed.one("Secret")["data"])
    )
    of_permitted = [
        child
        for name in names
        if cluster.condition("Ready", name)["reason"] != "NotPermitted"
        for child in children_of(cluster.kubectl.get("itc", name), settings)
    ]
    assert len(of_permitted) > len(names)
    assert drift(cluster.kubectl, of_permitted, manager=FIELD_MANAGER) == ""

    edited = measured | {"spec": measured_spec | {"suspend": True}}
    assert "+  suspend: true" in drift(cluster.kubectl, [edited]), "it would be seen"


def health(cluster: Cluster) -> str:
    """Of the check as it is now."""
    ((status, _),) = argocd.health(cluster.kubectl.get("itc", "hq"))
    return status


def becomes(cluster: Cluster, wanted: str) -> None:
    """Wait for it."""
    eventually(lambda: health(cluster) == wanted, what=f"{wanted} in Argo CD")


def click(cluster: Cluster, action: str) -> dict[str, Any]:
    """Do what Argo CD does when somebody starts the action; the patch."""
    found = cluster.kubectl.get("itc", "hq")
    assert action in argocd.offered(found)
    patch = argocd.patch_of(action, found)
    cluster.kubectl("patch", "itc", "hq", "--type=merge", f"--patch={json.dumps(patch)}")
    return patch


@pytest.mark.long
def test_argo_cd_follows_a_check_through_its_life(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    operator.end(signal.SIGTERM)
    cluster.check(spec(reflector.port, downAfter=1))
    assert health(cluster) == "Progressing", "nobody has seen it yet"
    operator.start()
    cluster.says("Ready", "False", "WorkloadUnavailable")
    assert health(cluster) == "Progressing", "its pod does not run yet"
    agent = cluster.run_agent()
    becomes(cluster, "Healthy")
    reflector.stop_if_running()
    becomes(cluster, "Degraded")
    ((_, message),) = argocd.health(cluster.kubectl.get("itc", "hq"))
    assert message.startswith(("Down: no answer", "LossHigh: "))
    reflector.launch()
    becomes(cluster, "Healthy")

    value = click(cluster, "run-now")["metadata"]["annotations"]["ipsecping.dev/run-now"]
    eventually(lambda: measured_on_demand(cluster, agent) == value, what="a round on demand")
    click(cluster, "diagnose")
    assert click(cluster, "suspend") == {"spec": {"suspend": True}}
    becomes(cluster, "Suspended")
    click(cluster, "resume")
    becomes(cluster, "Progressing")
    assert "suspend" not in cluster.kubectl.get("itc", "hq")["spec"]

    cluster.check({"schedule": {"cron": "0 8 * * *", "timeZone": "Europe/Atlantis"}})
    becomes(cluster, "Degraded")
    cluster.check({"placement": {"hostNetwork": True}})
    cluster.says("Ready", "False", "NotPermitted")
    becomes(cluster, "Degraded")


def measured_on_demand(cluster: Cluster, agent: AgentPod) -> str | None:
    """The request that the agent has carried out, which is shown its plan as it is now."""
    cluster.refresh(agent)
    found: str | None = cluster.status().get("runNow", {}).get("value")
    return found
