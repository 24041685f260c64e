"""manifests/ and kustomize/: the chart's objects, built by kubectl, taken by a real API server."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ..docs.documents import block, shown
from ..yaml_text import all_from_yaml
from .chart import REPOSITORY
from .kubectl import Kubectl
from .kustomized import ALL_AT_ONCE, VALUES, build, built, identified, of_chart
from .monitored import define_monitoring
from .typed import typed

OPERATOR = "--as=system:serviceaccount:ipsecping-system:ipsecping-operator"
SERVED = "network"
REFLECTOR = REPOSITORY / "probe_image" / "deploy" / "kubernetes" / "reflector.yaml"
FOLDERS = sorted((REPOSITORY / "kustomize").glob("*/kustomization.yaml"))


@pytest.fixture
def cluster(kubectl: Kubectl) -> Iterator[Kubectl]:
    """With the kinds of the Prometheus Operator and the served namespace; rights in all of it do not stay."""
    define_monitoring(kubectl)
    if kubectl.run("get", "namespace", SERVED).returncode:
        kubectl("create", "namespace", SERVED)
    yield kubectl
    kubectl("delete", "clusterrole,clusterrolebinding", "-l", "app.kubernetes.io/name=ipsecping")


@pytest.mark.parametrize("folder", VALUES)
def test_kustomize_builds_what_the_chart_makes(folder: str) -> None:
    assert built(folder) == of_chart(VALUES[folder])


def test_the_reflector_s_overlay_brings_its_manifest_with_an_image_to_be_pulled() -> None:
    text = REFLECTOR.read_text().replace(
        "image: ipsecping-probe", "image: registry.example.com/ipsecping-probe"
    )
    assert built("kustomize/reflector") == identified(all_from_yaml(text))


def test_components_go_together_as_documented(tmp_path: Path) -> None:
    text = block("install.md", "yaml", behind="An overlay of your own")
    mine = tmp_path / "mine"
    mine.mkdir()
    (tmp_path / "ipsecping").symlink_to(REPOSITORY)
    (mine / "kustomization.yaml").write_text(text)
    assert built(mine) == of_chart(ALL_AT_ONCE)


def test_renamed_objects_are_those_that_the_operator_is_told_of(tmp_path: Path) -> None:
    text = block("install.md", "yaml", behind="With `namePrefix`")
    mine = tmp_path / "mine"
    mine.mkdir()
    (tmp_path / "ipsecping").symlink_to(REPOSITORY)
    (mine / "kustomization.yaml").write_text(text)
    made = built(mine)
    secret = "acme-results-key-ipsecping-operator"
    assert f"Secret measuring/{secret}" in made
    assert made[f"Role measuring/{secret}"]["rules"][0]["resourceNames"] == [secret]
    (container,) = made["Deployment measuring/acme-ipsecping-operator"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert f"--results-key-secret={secret}" in container["args"]
    (lease,) = (each for each in container["args"] if each.startswith("--lease-name="))
    rules = made["Role measuring/acme-ipsecping-operator-lease"]["rules"]
    assert [lease.partition("=")[2]] in [each.get("resourceNames") for each in rules]


def test_every_overlay_is_documented_and_tested() -> None:
    folders = {f"kustomize/{path.parent.name}" for path in FOLDERS}
    assert folders == {*VALUES, "kustomize/reflector"} - {"manifests"}
    for folder in folders:
        shown(f"kubectl apply --server-side -k {folder}", document="install.md")


@pytest.mark.parametrize("folder", [f"kustomize/{path.parent.name}" for path in FOLDERS])
def test_an_overlay_is_applied_as_documented_and_again(cluster: Kubectl, folder: str) -> None:
    command = shown(f"kubectl apply --server-side -k {folder}", document="install.md").command
    for _ in ("once", "again"):
        assert "serverside-applied" in typed(f"{command} --validate=strict", cluster, REPOSITORY)


def test_an_operator_of_one_namespace_may_do_nothing_elsewhere(cluster: Kubectl) -> None:
    typed("kubectl apply --server-side -k kustomize/one-namespace", cluster, REPOSITORY)
    there, elsewhere = (replace(cluster, namespace=name) for name in (SERVED, "default"))
    for right in (("list", "ipsectunnelchecks"), ("create", "deployments"), ("patch", "pods")):
        assert there.run("auth", "can-i", *right, OPERATOR).stdout.strip() == "yes", right
        assert elsewhere.run("auth", "can-i", *right, OPERATOR).stdout.strip() == "no", right


def test_the_served_namespace_is_named_once(tmp_path: Path) -> None:
    for folder in ("manifests", "kustomize"):
        (tmp_path / folder).mkdir()
        for path in (REPOSITORY / folder).rglob("*.yaml"):
            copy = tmp_path / path.relative_to(REPOSITORY)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text())
    served = tmp_path / "kustomize" / "components" / "one-namespace" / "served" / "kustomization.yaml"
    served.write_text(served.read_text().replace(f"namespace: {SERVED}", "namespace: shop"))
    text = build(tmp_path / "kustomize" / "one-namespace")
    assert "--namespaces=shop" in text, "the operator's flag follows"
    assert f"namespace: {SERVED}" not in text
