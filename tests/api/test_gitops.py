"""What docs/gitops.md tells users to type, word for word, and the example repository on a real API server."""

import json
import shutil
from pathlib import Path

import pytest

from ..argocd import customizations
from ..docs.documents import ROOT, shown
from ..yaml_text import all_from_yaml, from_yaml
from .kubectl import Kubectl
from .typed import typed

EXAMPLE = ROOT / "manifests" / "gitops" / "example"


def test_the_example_repository_is_valid_and_accepted(kubectl: Kubectl, tmp_path: Path) -> None:
    copy = tmp_path / "repository"
    shutil.copytree(EXAMPLE, copy)
    for cluster, checks in (("prod", 2), ("staging", 1)):
        built = typed(f"kubectl kustomize clusters/{cluster}", kubectl, copy)
        manifests = [each for each in all_from_yaml(built) if each]
        assert len(manifests) == checks
        for each in manifests:
            each["metadata"]["namespace"] = kubectl.namespace
            kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=json.dumps(each))
    assert "2 IPsecTunnelChecks, no mistakes" in typed(
        shown("ipsecping-operator validate base", document="gitops.md").command, kubectl, copy
    )
    assert "2 IPsecTunnelChecks, no mistakes" in typed(
        shown("kubectl kustomize", document="gitops.md").command, kubectl, copy
    )


def test_checks_that_a_new_version_would_not_take_are_found_beforehand(kubectl: Kubectl) -> None:
    """Whatever the API server has let in before the rules of the operator were what they are."""
    windows = [
        {
            "name": f"w{month}",
            "from": f"2027-{month:02}-01T00:00:00Z",
            "until": f"2027-{month + 1:02}-01T00:00:00Z",
        }
        for month in (3, 4, 5)
    ]
    check = {
        "apiVersion": "ipsecping.dev/v1alpha1",
        "kind": "IPsecTunnelCheck",
        "metadata": {"name": "stored-before", "namespace": kubectl.namespace},
        "spec": {"target": "203.0.113.10", "maintenance": windows},
    }
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(check))
    command = shown("kubectl get itc -A -o yaml", document="releases.md").command
    found = typed(f"{command} 2>&1 || true", kubectl, ROOT)
    assert (
        "stored-before: spec.maintenance[1].until: windows with from and until would be open for 42.0 of"
        in found
    )
    assert "let it close earlier" in found


def test_the_example_s_hook_is_ours() -> None:
    (ours,) = from_yaml((ROOT / ".pre-commit-hooks.yaml").read_text())
    (repository,) = from_yaml((EXAMPLE / ".pre-commit-config.yaml").read_text())["repos"]
    assert [each["id"] for each in repository["hooks"]] == [ours["id"]]


@pytest.fixture
def argocd(kubectl: Kubectl) -> Kubectl:
    """The ConfigMap of an Argo CD that is configured already."""
    found = Kubectl(kubectl.program, kubectl.kubeconfig, "argocd")
    if found.run("get", "namespace", "argocd").returncode:
        found("create", "namespace", "argocd")
        found("create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example.com")
    return found


def test_argo_cd_is_taught_as_documented(argocd: Kubectl) -> None:
    command = shown("kubectl -n argocd patch configmap", document="gitops.md").command
    for _ in ("once", "again"):
        typed(command, argocd, ROOT)
    data = argocd.get("configmap", "argocd-cm")["data"]
    assert data["url"] == "https://argocd.example.com"
    assert data["resource.customizations.health.ipsecping.dev_IPsecTunnelCheck"] == customizations()[0]
    actions = from_yaml(data["resource.customizations.actions.ipsecping.dev_IPsecTunnelCheck"])
    assert {each["name"] for each in actions["definitions"]} == {"run-now", "diagnose", "suspend", "resume"}
