"""What README, docs and the chart's notes tell users to type, word for word, on API servers of their own."""

import base64
import json
import shlex

import pytest

from ipsecping_operator.api.crd import custom_resource_definition
from ipsecping_operator.tokens.keys import keys_in

from ..docs.documents import commands, shown
from .administrator import Administrator
from .kubectl import Kubectl
from .monitored import define_monitoring

INSTALL = shown("helm upgrade --install", document="README.md").command
APPLY = shown("kubectl apply --server-side -k manifests", document="README.md").command
UPGRADE = shown("helm upgrade ipsecping", document="operation.md").command


def columns_of_the_present_definition() -> int:
    return len(custom_resource_definition()["spec"]["versions"][0]["additionalPrinterColumns"])


def test_install_with_helm_and_do_what_its_notes_say(administrator: Administrator) -> None:
    notes = administrator.type(INSTALL).partition("\nNOTES:\n")[2]
    assert "every namespace" in notes
    apply = notes[notes.index("  kubectl apply") : notes.index("  EOF")]
    manifest = "\n".join(line.removeprefix("  ") for line in apply.splitlines())
    assert "created" in administrator.eventually(f"{manifest}\nEOF")
    assert "hq-dc1" in administrator.type("kubectl get itc")
    assert "target" in administrator.type(line_of(notes, "kubectl explain"))
    assert "upgraded" in administrator.type(
        line_of(notes, "helm upgrade").replace("CHART", "charts/ipsecping")
    )
    assert "uninstalled" in administrator.type("helm uninstall ipsecping --namespace ipsecping-system")
    assert "hq-dc1" in administrator.type("kubectl get itc"), "as the notes say"
    assert "deleted" in administrator.type(line_of(notes, "kubectl delete crd"))


def test_install_without_helm(administrator: Administrator) -> None:
    assert "deployment.apps/ipsecping-operator serverside-applied" in administrator.type(APPLY)
    assert administrator.type(APPLY), "and again"


def test_alerts_are_switched_on_in_the_release_as_the_quick_start_says(administrator: Administrator) -> None:
    administrator.type(INSTALL)
    define_monitoring(Kubectl(administrator.api.kubectl, administrator.api.kubeconfig, "default"))
    administrator.type(shown("helm upgrade ipsecping", document="quickstart.md").command)
    said = administrator.type("kubectl -n ipsecping-system get podmonitors,prometheusrules -o name")
    assert said.split() == [
        "podmonitor.monitoring.coreos.com/ipsecping-operator",
        "prometheusrule.monitoring.coreos.com/ipsecping-operator",
    ]


def test_the_key_of_the_tokens_is_exchanged_as_documented_and_outlives_an_upgrade(
    administrator: Administrator,
) -> None:
    administrator.type(INSTALL)
    secret = "kubectl -n ipsecping-system get secret results-key-ipsecping-operator -o json"
    assert "data" not in json.loads(administrator.type(secret)), "the operator fills it"
    old = base64.b64encode(bytes(32)).decode()
    administrator.type(
        "kubectl -n ipsecping-system patch secret results-key-ipsecping-operator --type=merge "
        f"-p '{json.dumps({'data': {'key': old}})}'"
    )
    administrator.type(shown("kubectl -n ipsecping-system patch secret", document="operation.md").command)
    administrator.type(shown("kubectl -n ipsecping-system rollout restart").command)
    keys = keys_in(json.loads(administrator.type(secret))["data"])
    assert keys is not None
    assert keys.keys[1] == bytes(32) != keys.keys[0]
    administrator.type(INSTALL)
    assert keys_in(json.loads(administrator.type(secret))["data"]) == keys


@pytest.mark.long
def test_kubectl_applied_over_a_release(administrator: Administrator) -> None:
    administrator.type(INSTALL)
    administrator.applies_an_older_definition("--force-conflicts")
    assert 'conflict with "kubectl": .spec.versions' in administrator.attempt(INSTALL).stderr
    administrator.type(UPGRADE)
    assert administrator.columns() == columns_of_the_present_definition()
    administrator.type(INSTALL)


def test_kubectl_in_the_name_of_helm_conflicts_with_nothing(administrator: Administrator) -> None:
    administrator.type(INSTALL)
    refused = administrator.applies_an_older_definition("")
    assert 'conflict with "helm": .spec.versions' in refused.stderr
    assert administrator.applies_an_older_definition("--field-manager=helm").returncode == 0
    assert administrator.columns() == columns_of_the_present_definition() - 1
    administrator.type(
        shown("kubectl apply --server-side --field-manager=helm", document="operation.md").command
    )
    assert administrator.columns() == columns_of_the_present_definition()
    administrator.type(INSTALL)


@pytest.mark.long
def test_from_kubectl_to_helm_and_back(administrator: Administrator) -> None:
    administrator.type(APPLY)
    administrator.applies_an_older_definition("")
    assert "invalid ownership metadata" in administrator.attempt(INSTALL).stderr
    administrator.type(commands("operation.md", behind="To change from `manifests/` to Helm"))
    administrator.type(INSTALL)
    administrator.eventually("kubectl create -f manifests/samples/smallest.yaml")
    administrator.type(commands("operation.md", behind="To change back"))
    assert administrator.type("helm list --all-namespaces --short") == ""
    assert administrator.type("kubectl get itc --no-headers"), "checks stay"
    administrator.type(APPLY)


def line_of(notes: str, beginning: str) -> str:
    """The command of the notes that begins so."""
    (line,) = (each.strip() for each in notes.splitlines() if each.strip().startswith(beginning))
    assert shlex.split(line)
    return line
