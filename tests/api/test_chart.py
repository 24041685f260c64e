"""The chart as part of something: names, labels, registries, parents; and its reflector."""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ipsecping.cli import reflect

from ..yaml_text import all_from_yaml, from_yaml
from .chart import CHART, REFLECTOR, is_hook, notes, objects, of, template, umbrella
from .kubectl import Kubectl

EVERYTHING = (
    *REFLECTOR,
    "--set",
    "dashboards.enabled=true,admissionPolicy.enabled=true,replicas=2,operator.namespaces={a},"
    "reflector.test.namespace=a,monitoring.podMonitor.enabled=true,monitoring.prometheusRule.enabled=true",
)


def test_labels_and_annotations_of_every_object() -> None:
    values = 'commonLabels={"team": "net"}', 'commonAnnotations={"example.com/owner": "net"}'
    made = objects(*EVERYTHING, *(word for value in values for word in ("--set-json", value)))
    assert len(made) > 30
    for each in made:
        where = f"{each['kind']} {each['metadata']['name']}"
        assert each["metadata"]["labels"]["team"] == "net", where
        assert each["metadata"]["annotations"]["example.com/owner"] == "net", where
        if each["kind"] == "Deployment":
            assert each["spec"]["template"]["metadata"]["labels"]["team"] == "net"
            assert "team" not in each["spec"]["selector"]["matchLabels"], "it could never be changed"
    (crd,) = (each for each in made if each["kind"] == "CustomResourceDefinition")
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize("name", ["7", "1e3", "true", "a.b", "r" * 53])
def test_whatever_a_release_and_its_namespace_are_called(kubectl: Kubectl, name: str) -> None:
    namespace = name[:40].replace(".", "-")
    made = objects(*EVERYTHING, name=name, namespace=namespace)
    texts = json.dumps(made)
    assert f'"app.kubernetes.io/instance": "{name}"' in texts
    kinds = ("Deployment", "Service", "Secret", "ServiceAccount", "Role", "NetworkPolicy", "Pod")
    admitted(kubectl, [each for each in made if each["kind"] in kinds])


def admitted(kubectl: Kubectl, made: list[dict[str, Any]]) -> None:
    """Show the objects to the API server, as of the test's namespace."""
    for each in made:
        each["metadata"]["namespace"] = kubectl.namespace
    listed = {"apiVersion": "v1", "kind": "List", "items": made}
    kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(listed))


def test_the_selectors_of_operator_and_reflector_find_their_own_pods_alone() -> None:
    made = objects(*EVERYTHING)
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in made
        if each["kind"] == "Deployment"
    }
    pods |= {each["metadata"]["name"]: each["metadata"]["labels"] for each in made if each["kind"] == "Pod"}
    selecting = [
        each for each in made if each["kind"] in ("Deployment", "Service", "NetworkPolicy", "PodMonitor")
    ]
    for each in selecting:
        spec = each["spec"]
        selector = spec.get("selector") or spec["podSelector"]
        wanted = selector.get("matchLabels", selector).items()
        found = [name for name, labels in pods.items() if wanted <= labels.items()]
        owner = "ipsecping-reflector" if "reflector" in each["metadata"]["name"] else "ipsecping-operator"
        expected = [] if each["metadata"]["name"].endswith("-agents") else [owner]
        assert found == expected, each["metadata"]["name"]


@pytest.mark.parametrize(
    ("repository", "pulled"),
    [
        ("operator", "mirror.example:5000/all/operator:0.1.0"),
        ("team/operator", "mirror.example:5000/all/team/operator:0.1.0"),
        ("registry.example.com/team/operator", "mirror.example:5000/all/team/operator:0.1.0"),
        ("localhost/operator", "mirror.example:5000/all/operator:0.1.0"),
        ("localhost:5000/operator", "mirror.example:5000/all/operator:0.1.0"),
    ],
)
def test_the_registry_of_all_charts_takes_the_place_of_an_image_s(repository: str, pulled: str) -> None:
    words = (
        *("--set", f"image.repository={repository},probeImage.repository={repository}"),
        *("--set", "global.imageRegistry=mirror.example:5000/all,admissionPolicy.enabled=true"),
    )
    made = objects(*REFLECTOR, *words)
    texts = json.dumps(made)
    images = {
        container["image"]
        for each in made
        for pod in ([each["spec"].get("template", each)] if each["kind"] in ("Deployment", "Pod") else [])
        for container in pod["spec"]["containers"]
    }
    assert images == {pulled}
    assert f"--probe-image={pulled}" in texts
    assert f'[\\"{pulled}\\"]' in texts, "what the policy of admission lets through"


def test_secrets_of_all_charts_are_added_to_every_pod_of_ours() -> None:
    words = (
        *("--set-json", 'global={"imagePullSecrets": ["everywhere", {"name": "also"}]}'),
        *("--set-json", 'imagePullSecrets=[{"name": "own"}, {"name": "also"}]'),
        *("--set-json", 'probeDefaults={"imagePullSecrets": [{"name": "probes"}]}'),
    )
    made = objects(*REFLECTOR, *words)
    expected = [{"name": name} for name in ("everywhere", "also", "own")]
    operator = of("Deployment", "ipsecping-operator", made)["spec"]["template"]["spec"]
    assert operator["imagePullSecrets"] == expected
    assert (
        of("Deployment", "ipsecping-reflector", made)["spec"]["template"]["spec"]["imagePullSecrets"]
        == expected
    )
    assert of("Pod", "ipsecping-test", made)["spec"]["imagePullSecrets"] == expected
    (defaults,) = (each for each in operator["containers"][0]["args"] if each.startswith("--probe-defaults="))
    given = json.loads(defaults.partition("=")[2])["imagePullSecrets"]
    assert [each["name"] for each in given] == ["everywhere", "also", "probes"]


def test_two_operators_under_one_parent_have_nothing_in_common(tmp_path: Path) -> None:
    images = {"image": {"repository": "operator"}, "probeImage": {"repository": "probe"}}
    parent = umbrella(
        tmp_path,
        [
            {"alias": "near", "condition": "near.enabled"},
            {"alias": "far", "condition": "far.enabled"},
            {"alias": "third", "condition": "third.enabled"},
        ],
        {
            "global": {"imageRegistry": "registry.example.com", "storageClass": "of another chart"},
            "near": {"operator": {"namespaces": ["a"]}, **images},
            "far": {"operator": {"namespaces": ["b"]}, "crds": {"install": False}, **images},
            "third": {"enabled": False},
        },
    )
    done = template(name="prod", chart=parent)
    assert done.returncode == 0, done.stderr
    made = [document for document in all_from_yaml(done.stdout) if document]
    keys = Counter(
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in made
    )
    assert [key for key, count in keys.items() if count > 1] == []
    near, far = (of("Deployment", f"prod-{alias}-operator", made) for alias in ("near", "far"))
    assert near["spec"]["selector"] != far["spec"]["selector"]
    assert near["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/operator:0.1.0"
    leases = [
        word
        for each in (near, far)
        for word in each["spec"]["template"]["spec"]["containers"][0]["args"]
        if word.startswith("--lease-name=")
    ]
    assert leases == ["--lease-name=prod-near-operator", "--lease-name=prod-far-operator"]
    assert not [each for each in made if is_hook(each)], "no test of ours fails the parent's"


def test_names_as_the_values_say() -> None:
    made = objects("--set", "fullnameOverride=tunnels,nameOverride=watch", *REFLECTOR, name="prod")
    names = {each["metadata"]["name"] for each in made if each["kind"] == "Deployment"}
    assert names == {"tunnels-operator", "tunnels-reflector"}
    labels = of("Deployment", "tunnels-operator", made)["spec"]["selector"]["matchLabels"]
    assert labels["app.kubernetes.io/name"] == "watch"


def settings_of(made: list[dict[str, Any]]) -> Any:
    """What the reflector makes of its arguments, as far as they need no file."""
    (container,) = of("Deployment", "ipsecping-reflector", made)["spec"]["template"]["spec"]["containers"]
    command, *words = container["args"]
    assert command == "reflect"
    parser = argparse.ArgumentParser()
    reflect.add_arguments(parser)
    parser.add_argument("--log-format")
    return parser.parse_args(words)


def test_the_reflector_understands_the_options_it_is_given() -> None:
    values = {
        "enabled": True,
        "allow": ["10.244.0.0/16", "2001:db8::/48"],
        "ports": {"stamp": 8862, "tcpEcho": 0},
        "keys": {"secretName": "ipsecping-keys", "key": "reflector", "forTLVs": True},
        "limits": {"rate": 2000, "octetRate": 3_000_000, "totalRate": 4000, "maxOctets": 1500},
        "allowSourcePorts": [863],
    }
    made = objects("--set-json", f"reflector={json.dumps(values)}")
    chosen = settings_of(made)
    assert [str(each) for each in chosen.allow] == values["allow"]
    assert [port for _, port in chosen.stamp] == [8862]
    assert [port for _, port in chosen.udp_echo] == [55055]
    assert chosen.tcp_echo == []
    assert (chosen.rate, chosen.octet_rate, chosen.total_rate) == (2000, 3_000_000, 4000)
    assert (chosen.total_octet_rate, chosen.max_octets) == (None, 1500)
    assert chosen.allow_source_port == [863]
    assert (str(chosen.key_file), chosen.keys_for_tlvs) == ("/keys/keys", True)
    pod = of("Deployment", "ipsecping-reflector", made)["spec"]["template"]["spec"]
    assert pod["volumes"][0]["secret"]["items"] == [{"key": "reflector", "path": "keys"}]
    assert "sysctls" not in pod["securityContext"], "no port below 1024 is to be opened"
    usual = of("Deployment", "ipsecping-reflector", objects(*REFLECTOR))["spec"]["template"]["spec"]
    assert usual["securityContext"]["sysctls"] == [
        {"name": "net.ipv4.ip_unprivileged_port_start", "value": "862"}
    ]
    assert "volumes" not in usual


def test_a_reflector_without_values_of_its_own_keeps_the_limits_of_the_program() -> None:
    parser = argparse.ArgumentParser()
    reflect.add_arguments(parser)
    default = parser.parse_args(["--allow", "10.0.0.0/8", "--stamp", ":862"])
    chosen = settings_of(objects(*REFLECTOR))
    for name in ("rate", "octet_rate", "total_rate", "total_octet_rate", "max_octets", "allow_source_port"):
        assert getattr(chosen, name) == getattr(default, name), name


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort", "LoadBalancer"])
def test_the_reflector_is_admitted_at_the_restricted_level(kubectl: Kubectl, fixed: bool, kind: str) -> None:
    service = "reflector.service.type=" + kind
    words = (*REFLECTOR, "--set", f"fixedUser={str(fixed).lower()},{service},operator.namespaces={{a}}")
    made = objects(*words, "--set", "reflector.keys.secretName=k,reflector.test.namespace=a")
    deployment = of("Deployment", "ipsecping-reflector", made)
    pod = deployment["spec"]["template"]
    assert ("runAsUser" in pod["spec"]["securityContext"]) is fixed
    assert ("fsGroup" in pod["spec"]["securityContext"]) is fixed
    tested = of("Pod", "ipsecping-test", made)
    bare = []
    for name, spec in (("reflector", pod["spec"]), ("test", tested["spec"])):
        spec.pop("serviceAccountName", None)
        bare.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    admitted(kubectl, bare)
    admitted(kubectl, [each for each in made if "reflector" in each["metadata"]["name"]])


def test_monitors_scrape_the_reflector_by_its_own_labels() -> None:
    pods = objects(*REFLECTOR, "--set", "monitoring.podMonitor.enabled=true")
    monitor = of("PodMonitor", "ipsecping-reflector", pods)["spec"]
    labels = of("Deployment", "ipsecping-reflector", pods)["spec"]["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    services = objects(*REFLECTOR, "--set", "monitoring.serviceMonitor.enabled=true")
    monitor = of("ServiceMonitor", "ipsecping-reflector", services)["spec"]
    matched = [
        each["metadata"]["name"]
        for each in services
        if each["kind"] == "Service"
        and monitor["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()
        and monitor["endpoints"][0]["port"] in {port["name"] for port in each["spec"]["ports"]}
    ]
    assert matched == ["ipsecping-reflector-metrics"]
    assert not [
        each
        for each in objects("--set", "monitoring.podMonitor.enabled=true")
        if "reflector" in str(each["metadata"])
    ]


def test_notes_warn_of_what_is_odd_and_of_nothing_else() -> None:
    usual = notes(*REFLECTOR, "--set", "monitoring.podMonitor.enabled=true")
    assert "helm test ipsecping --namespace default" in usual
    assert "To note:" not in usual
    values = (
        "replicas=0,monitoring.prometheusRule.enabled=true,operator.namespaces={a},"
        "reflector.service.type=NodePort,reflector.service.externalTrafficPolicy=Cluster,"
        "reflector.allow={::/0}"
    )
    warned = notes(*REFLECTOR, "--set", values).partition("To note:")[2]
    for begins in (
        "replicas is 0",
        "monitoring.prometheusRule without podMonitor or serviceMonitor",
        "monitoring.prometheusRule.runbookURL is no URL (docs/runbooks)",
        "reflector.service.externalTrafficPolicy is Cluster",
        "reflector.allow has ::/0",
        "helm test will be refused: the operator does not serve namespace default",
    ):
        assert f"\n  - {begins}" in warned, begins
    assert warned.count("\n  - ") == 6


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        (
            "alertmanagers.urls={am},monitoring.prometheusRule.enabled=true,"
            "monitoring.prometheusRule.runbookURL=https://x,monitoring.podMonitor.enabled=true,"
            "notifications.alertmanagers.runbookURL=https://x",
            "notifications.alertmanagers.urls and monitoring.prometheusRule both",
        ),
        ("alertmanagers.urls={am}", "notifications.alertmanagers.runbookURL is no URL (docs/runbooks)"),
        ("alertmanagers.labels.cluster=a", "notifications.alertmanagers.urls is empty"),
        ("webhook.secretName=ipsecping-webhook", "notifications.webhook.url and urlKey are empty"),
    ],
)
def test_notes_warn_of_notifications_that_reach_nobody_or_somebody_twice(values: str, begins: str) -> None:
    warned = notes("--set", f"notifications.{values}").partition("To note:")[2]
    assert f"\n  - {begins}" in warned
    assert warned.count("\n  - ") == 1


def test_every_value_is_explained_and_has_a_schema() -> None:
    values = from_yaml((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    reference = (CHART.parents[1] / "docs" / "settings.md").read_text()
    assert list(undescribed(values, schema, schema["definitions"])) == []
    rows = re.findall(r"^\| `([A-Za-z.]+)` \|[^|]*\| *(.*?) *\|$", reference, re.MULTILINE)
    assert {name.partition(".")[0] for name, _ in rows} >= values.keys()
    assert [name for name, meaning in rows if not meaning] == []


def undescribed(values: Any, schema: Any, definitions: Any, path: str = "") -> Any:
    """Yield the paths of values that the schema does not name."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(values, dict) and "properties" in schema:
        for name, value in values.items():
            if name not in schema["properties"]:
                yield f"{path}{name}"
            else:
                yield from undescribed(value, schema["properties"][name], definitions, f"{path}{name}.")
