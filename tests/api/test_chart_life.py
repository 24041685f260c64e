"""The chart's life on real API servers: upgraded, rolled back, uninstalled, beside another release."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from ipsecping_operator.api.crd import crd_yaml

from ..docs.documents import shown
from ..yaml_text import from_yaml
from .administrator import CRD, Administrator
from .chart import CHART, IMAGES, PREVIOUS

SYSTEM = "ipsecping-system"
IMAGES_AND = " ".join(IMAGES)
REFLECTOR = "--set reflector.enabled=true,reflector.allow={10.244.0.0/16}"
SMALLEST = "kubectl apply -f manifests/samples/smallest.yaml"


def columns() -> int:
    """Of the definition as it is now."""
    return len(from_yaml(crd_yaml())["spec"]["versions"][0]["additionalPrinterColumns"])


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The chart before, with a definition that has a column less than the present one."""
    chart = tmp_path / "previous"
    shutil.copytree(PREVIOUS, chart)
    definition = from_yaml(crd_yaml())
    definition["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    definition["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    (chart / "files").mkdir()
    (chart / "files" / "crd.yaml").write_text(yaml.safe_dump(definition))
    return chart


def objects_of(administrator: Administrator, *kinds: str) -> dict[str, str]:
    """The UIDs of objects in the system's namespace, which say whether they were replaced."""
    found = json.loads(administrator.type(f"kubectl -n {SYSTEM} get {','.join(kinds)} -o json"))
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["uid"] for each in found["items"]}


@pytest.mark.parametrize("values", ["--reuse-values", "--reset-then-reuse-values"])
@pytest.mark.long
def test_an_upgrade_from_the_chart_before_and_the_way_back(
    administrator: Administrator, previous: Path, values: str
) -> None:
    install = f"helm install ipsecping {previous} -n {SYSTEM} --create-namespace {IMAGES_AND}"
    administrator.type(f"{install} --set operator.statusInterval=7s,networkPolicies.enabled=true")
    administrator.eventually(SMALLEST)
    key = {"data": {"key": "a2V5"}}
    secret = f"-n {SYSTEM} secret results-key-ipsecping-operator"
    administrator.type(f"kubectl patch {secret} --type=merge -p '{json.dumps(key)}'")
    kinds = ("deployment", "service", "secret", "serviceaccount", "role", "networkpolicy")
    before = {name: uid for name, uid in objects_of(administrator, *kinds).items() if "helm" not in name}
    check = json.loads(administrator.type("kubectl get itc -o json"))["items"]
    assert administrator.columns() == columns() - 1

    administrator.type(f"helm upgrade ipsecping {CHART} -n {SYSTEM} {values}")
    assert administrator.columns() == columns(), "the definition is upgraded with the release"
    assert before.items() <= objects_of(administrator, *kinds).items(), "nothing was made anew"
    deployment = administrator.type(f"kubectl -n {SYSTEM} get deployment ipsecping-operator -o json")
    assert "--status-interval=7s" in deployment
    assert json.loads(administrator.type(f"kubectl get {secret} -o json"))["data"] == key["data"]
    administrator.type(shown("helm upgrade ipsecping", document="chart.md").command)
    assert "Deployment/ipsecping-reflector" in objects_of(administrator, "deployment")

    administrator.type(f"helm rollback ipsecping 1 -n {SYSTEM}")
    assert administrator.columns() == columns() - 1
    assert objects_of(administrator, "deployment").keys() == {"Deployment/ipsecping-operator"}
    assert before.items() <= objects_of(administrator, *kinds).items()
    administrator.type(f"helm uninstall ipsecping -n {SYSTEM}")
    assert objects_of(administrator, *kinds).keys() & before.keys() == set()
    assert json.loads(administrator.type("kubectl get itc -o json"))["items"] == check, "no check was touched"


def test_an_old_release_s_values_do_not_do_for_a_reflector(
    administrator: Administrator, previous: Path
) -> None:
    administrator.type(f"helm install ipsecping {previous} -n {SYSTEM} --create-namespace {IMAGES_AND}")
    done = administrator.attempt(f"helm upgrade ipsecping {CHART} -n {SYSTEM} --reuse-values {REFLECTOR}")
    assert "reflector.ports, " in done.stderr
    assert "upgrade with --reset-then-reuse-values instead" in done.stderr


def test_two_releases_in_two_namespaces(administrator: Administrator) -> None:
    for name in ("a", "b"):
        administrator.type(f"kubectl create namespace {name}")
    install = f"helm install tunnels {CHART} {IMAGES_AND} {REFLECTOR}"
    administrator.type(f"{install} -n a --set operator.namespaces={{a}}")
    refused = administrator.attempt(f"{install} -n b --set operator.namespaces={{b}}")
    assert "invalid ownership metadata" in refused.stderr, (
        "what is one for the whole cluster is the first one's"
    )
    administrator.type(
        f"{install} -n b --set operator.namespaces={{b}},crds.install=false,rbac.aggregate=false"
    )
    administrator.eventually(f"{SMALLEST} -n b")
    administrator.type("helm uninstall tunnels -n a")
    assert administrator.type("kubectl -n b get itc --no-headers")
    left = administrator.type("kubectl -n b get deployments,roles,services -o name").split()
    assert "deployment.apps/tunnels-ipsecping-operator" in left
    assert "service/tunnels-ipsecping-reflector" in left
    assert administrator.type("kubectl -n a get deployments,roles,services,serviceaccounts -o name") == ""


def test_a_definition_that_kubectl_has_applied_before(administrator: Administrator) -> None:
    administrator.applies_an_older_definition("")
    administrator.eventually(SMALLEST)
    install = f"helm install ipsecping {CHART} -n {SYSTEM} --create-namespace {IMAGES_AND}"
    assert "invalid ownership metadata" in administrator.attempt(install).stderr
    administrator.type(f"{install} --take-ownership --force-conflicts")
    assert administrator.columns() == columns()
    administrator.type(f"helm uninstall ipsecping -n {SYSTEM}")
    assert CRD in administrator.type("kubectl get crd -o name")
    assert administrator.type("kubectl get itc --no-headers"), "checks stay"
