"""The chart and manifests/ on a real API server: accepted, with the rights the operator needs and no more."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping_operator import settings
from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.compile import compile_check
from ipsecping_operator.kube.transport import FIELD_MANAGER
from ipsecping_operator.permission import Permissions
from ipsecping_operator.permission.files import OURS
from ipsecping_operator.permission.scope import matches

from ..dashboards import FILES
from ..yaml_text import all_from_yaml
from .chart import IMAGES, REPOSITORY, objects, template
from .kubectl import Kubectl, manifest

OPERATOR = "--as=system:serviceaccount:ipsecping-system:ipsecping-operator"


@pytest.fixture
def installed(kubectl: Kubectl) -> Iterator[Kubectl]:
    """manifests/ applied as a user does."""
    system = replace(kubectl, namespace="ipsecping-system")
    system("apply", "--server-side", "--force-conflicts", "-k", str(REPOSITORY / "manifests"))
    yield kubectl
    kubectl("delete", "clusterrole,clusterrolebinding", "-l", "app.kubernetes.io/name=ipsecping")


def test_the_operator_may_do_its_work(installed: Kubectl) -> None:
    installed("apply", "-f", "-", stdin=manifest({"target": "203.0.113.10"}))
    check = installed.get("itc", "hq-dc1")
    apply = ("apply", "--server-side", "--field-manager", FIELD_MANAGER, OPERATOR, "-f", "-")
    for schedule in ({"interval": "10s"}, {"cron": "@hourly"}):
        check["spec"]["schedule"] = schedule
        for child in build_children(compile_check(check), ChildSettings(probe_image="probe")):
            for _ in ("create", "update"):
                installed(*apply, stdin=json.dumps(child))
            installed("delete", OPERATOR, child["kind"], child["metadata"]["name"])
    status = {key: check[key] for key in ("apiVersion", "kind")} | {
        "metadata": {"name": "hq-dc1"},
        "status": {"observedGeneration": 1},
    }
    installed(*apply, "--subresource=status", stdin=json.dumps(status))
    for kind in ("ipsectunnelchecks", "deployments", "cronjobs", "configmaps", "pods", "replicasets", "jobs"):
        installed("get", OPERATOR, kind, "--all-namespaces")


def test_the_operator_may_do_nothing_else(installed: Kubectl) -> None:
    rights = (
        ("get", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("patch", "ipsectunnelchecks"),
        ("delete", "ipsectunnelchecks"),
        ("update", "ipsectunnelchecks/finalizers"),
        ("list", "namespaces"),
        ("list", "customresourcedefinitions"),
        ("create", "clusterrolebindings"),
    )
    said = {right: installed.run("auth", "can-i", *right, OPERATOR).stdout.strip() for right in rights}
    assert said == dict.fromkeys(rights, "no")


def test_the_operators_pod_meets_the_restricted_level(kubectl: Kubectl) -> None:
    (deployment,) = [each for each in objects() if each["kind"] == "Deployment"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "operator"},
        "spec": deployment["spec"]["template"]["spec"],
    }
    kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_the_operator_understands_the_flags_it_is_given() -> None:
    (deployment,) = [
        each
        for each in objects(
            *("--set", "probeImage.pullPolicy=Always"),
            *("--set", "operator.namespaces={a,b}"),
            *("--set", "operator.leaseDuration=30s,operator.resyncInterval=2m"),
            *(
                "--set-json",
                'operator.allowTargets={"*": ["10.50.0.0/16"], "a": ["10.0.0.0/8", "2001:db8::/32"]}',
            ),
        )
        if each["kind"] == "Deployment"
    ]
    command, *flags = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert command == "run"
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environ={})
    chosen = settings.from_arguments(parser.parse_args(flags))
    assert chosen.probe_image == "localhost/probe:0.1.0"
    assert chosen.image_pull_policy == "Always"
    assert chosen.namespaces == ("a", "b")
    assert (chosen.lease_duration, chosen.resync_interval, chosen.status_interval) == (30, 120, 60)
    assert chosen.permissions.every_node == {"*"}
    assert chosen.permissions.targets == {"*": ("10.50.0.0/16",), "a": ("10.0.0.0/8", "2001:db8::/32")}
    assert chosen.lease_name == deployment["metadata"]["name"], "the Lease that the Role names"


def test_every_value_of_what_checks_may_ask_for_becomes_its_flag() -> None:
    values = {
        "allowHostNetwork": ["a"],
        "allowEveryNode": [],
        "allowTargetFrom": ["a"],
        "allowCrossNamespaceAffinity": ["a", "b"],
        "allowTextKeys": ["*"],
        "allowTargets": {"a": []},
        "allowPriorityClasses": {"a": ["system-*", "first"]},
        "allowTolerations": {"*": ["dedicated"], "a": ["*"]},
        "allowPodLabels": {"a": ["egress"]},
        "allowPodAnnotations": {"a": ["k8s.v1.cni.cncf.io/networks"]},
        "allowSecrets": {"a": ["tunnel-keys"]},
        "allowConfigMaps": {"a": ["site-*"]},
        "maxCPU": {"a": 2},
        "maxMemory": {"a": "1Gi"},
        "maxPacketRate": {"a": 2_000_000},
        "maxBitRate": {"a": "100M"},
    }
    rendered = objects("--set-json", f"operator={json.dumps(values)}")
    (deployment,) = [each for each in rendered if each["kind"] == "Deployment"]
    _, *flags = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environ={})
    assert settings.from_arguments(parser.parse_args(flags)).permissions == Permissions(
        host_network=frozenset({"a"}),
        every_node=frozenset(),
        target_from=frozenset({"a"}),
        cross_namespace_affinity=frozenset({"a", "b"}),
        text_keys=frozenset({"*"}),
        targets={"a": ()},
        priority_classes={"a": ("system-*", "first")},
        tolerations={"*": ("dedicated",), "a": ("*",)},
        pod_labels={"a": ("egress",)},
        pod_annotations={"a": ("k8s.v1.cni.cncf.io/networks",)},
        secrets={"a": ("tunnel-keys",)},
        config_maps={"a": ("site-*",)},
        cpu={"a": "2", "*": "1"},
        memory={"a": "1Gi", "*": "512Mi"},
        packet_rate={"a": 2_000_000, "*": 1000},
        bit_rate={"a": "100M", "*": "10M"},
    )


def test_dashboards_come_as_config_maps_with_the_label_of_grafana_s_sidecar() -> None:
    assert not [each for each in objects() if "grafana_dashboard" in each["metadata"].get("labels", {})]
    values = '{"enabled": true, "annotations": {"grafana_folder": "Network"}}'
    found = [each for each in objects("--set-json", f"dashboards={values}") if each["kind"] == "ConfigMap"]
    texts = {name: text for each in found for name, text in each["data"].items()}
    files = {f"ipsecping-{path.name}": path.read_text().strip() for path in FILES}
    assert texts == files
    for each in found:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Network"}


def test_the_documented_values_for_many_tenants_do_what_they_say(tmp_path: Path) -> None:
    document = (REPOSITORY / "docs" / "security.md").read_text()
    values = tmp_path / "values.yaml"
    values.write_text(document.partition("```yaml\n")[2].partition("```")[0])
    done = template("-f", str(values))
    assert done.returncode == 0, done.stderr
    made = [each for each in all_from_yaml(done.stdout) if each]
    (deployment,) = [each for each in made if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    _, *flags = container["args"]
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environ={})
    chosen = settings.from_arguments(parser.parse_args(flags))
    assert chosen.namespaces == ("network", "shop")
    assert chosen.permissions == Permissions(
        targets={"network": ("10.50.0.0/16", "203.0.113.10/32"), "shop": ("10.50.20.0/24",)},
        secrets={"network": ("tunnel-keys",)},
        tolerations={"network": ("dedicated",), "*": ()},
        cpu={"*": "500m"},
        memory={"*": "256Mi"},
        packet_rate={"*": 100, "network": 1000},
        bit_rate={"*": "1M", "network": "10M"},
    )
    assert "@sha256:" in container["image"]
    assert "@sha256:" in chosen.probe_image
    kinds = Counter(each["kind"] for each in made)
    assert not {"ClusterRole", "ClusterRoleBinding"} & kinds.keys(), "no right in other namespaces"
    assert (kinds["NetworkPolicy"], kinds["ValidatingAdmissionPolicy"]) == (3, 3)
    (secret,) = [each for each in made if each["kind"] == "Secret"]
    assert not matches(secret["metadata"]["name"], OURS), "no check may have the tokens' key mounted"


def test_an_operator_of_some_namespaces_has_no_rights_in_others() -> None:
    bindings = [
        each for each in objects("--set", "operator.namespaces={a,b}") if each["kind"].endswith("Binding")
    ]
    assert sorted((each["kind"], each["metadata"]["namespace"]) for each in bindings) == [
        ("RoleBinding", "a"),
        ("RoleBinding", "b"),
        ("RoleBinding", "ipsecping-system"),  # the Lease
        ("RoleBinding", "ipsecping-system"),  # the key of the results' tokens
    ]


def test_the_operator_reads_the_one_secret_that_is_its_own() -> None:
    made = objects()
    roles = {
        (rule["resources"][0], *rule.get("resourceNames", ()), *rule["verbs"])
        for each in made
        for rule in each.get("rules", ())
        if "secrets" in rule["resources"]
    }
    (secret,) = (each for each in made if each["kind"] == "Secret")
    assert roles == {("secrets", secret["metadata"]["name"], "get", "patch")}
    assert "data" not in secret, "an upgrade leaves what the operator put there"


def test_an_upgrade_keeps_the_key(installed: Kubectl) -> None:
    system = replace(installed, namespace="ipsecping-system")
    name = "results-key-ipsecping-operator"
    key = {"data": {"key": "a2V5"}}
    system("patch", "secret", name, "--type=merge", f"--patch={json.dumps(key)}")
    system("apply", "--server-side", "--force-conflicts", "-k", str(REPOSITORY / "manifests"))
    assert system.get("secret", name)["data"] == key["data"]
    system("patch", "secret", name, "--type=merge", '--patch={"data": null}')


@pytest.mark.parametrize("file", ["admission", "agents-networkpolicy"])
def test_the_manifests_that_are_applied_by_hand_are_taken(kubectl: Kubectl, file: str) -> None:
    path = REPOSITORY / "manifests" / f"{file}.yaml"
    kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", str(path))


def test_network_policies_let_in_whom_the_values_name(kubectl: Kubectl) -> None:
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    values = {"metricsFrom": [monitoring], "agentMetricsFrom": [monitoring]}
    made = objects(
        "--set", "operator.namespaces={a,b}", "--set-json", f"networkPolicies={json.dumps(values)}"
    )
    policies = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each["spec"]
        for each in made
        if each["kind"] == "NetworkPolicy"
    }
    assert set(policies) == {
        ("ipsecping-system", "ipsecping-operator"),
        ("a", "ipsecping-operator-agents"),
        ("b", "ipsecping-operator-agents"),
    }
    assert all(policy["policyTypes"] == ["Ingress"] for policy in policies.values()), "probes go anywhere"
    (deployment,) = (each for each in made if each["kind"] == "Deployment")
    operator = policies["ipsecping-system", "ipsecping-operator"]
    assert operator["podSelector"] == deployment["spec"]["selector"]
    assert operator["ingress"] == [
        {"ports": [{"port": "healthz"}]},
        {"ports": [{"port": "metrics"}], "from": [monitoring]},
    ]
    health, results = policies["a", "ipsecping-operator-agents"]["ingress"]
    assert health == {"ports": [{"port": "health"}]}, "the kubelet"
    reader, scraper = results["from"]
    assert reader["podSelector"] == deployment["spec"]["selector"]
    assert reader["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "ipsecping-system"}
    assert scraper == monitoring
    for policy in (each for each in made if each["kind"] == "NetworkPolicy"):
        policy["metadata"]["namespace"] = kubectl.namespace
        kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(policy))
    assert not [
        each for each in objects("--set", "networkPolicies.enabled=false") if each["kind"] == "NetworkPolicy"
    ]


def test_two_operators_are_not_evicted_at_a_time() -> None:
    two = {each["kind"]: each for each in objects("--set", "replicas=2")}
    budget = two["PodDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == two["Deployment"]["spec"]["selector"]
    # The budget of a single one would keep its node from being drained.
    assert "PodDisruptionBudget" not in {each["kind"] for each in objects()}


def test_the_definition_outlives_the_release() -> None:
    (crd,) = [each for each in objects() if each["kind"] == "CustomResourceDefinition"]
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert not [each for each in objects("--set", "crds.install=false") if each["kind"] == crd["kind"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "set image.repository"),
        ((*IMAGES, "--set", "operator.logLevel=loud"), "logLevel"),
        ((*IMAGES, "--set", "operator.statusInterval=often"), "statusInterval"),
        ((*IMAGES, "--set", "imagee.tag=1"), "imagee"),
        ((*IMAGES, "--set", "monitoring.podMonitor.interval=soon"), "interval"),
    ],
    ids=["no image", "unknown log level", "no duration", "misspelt", "no interval"],
)
def test_wrong_values_are_refused_by_name(words: tuple[str, ...], said: str) -> None:
    done = template(*words)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize(
    "value",
    [
        "operator.allowEveryNode={a b}",
        "operator.allowTargetFrom={Prod}",
        "operator.namespaces={*}",
        "operator.allowSecrets.a_b={x}",
        "operator.maxMemory.A=1Gi",
        "operator.maxPacketRate.A=10",
        "operator.allowTargets.a_b={10.0.0.0/8}",
    ],
)
def test_what_can_be_no_namespace_is_refused_by_its_value(value: str) -> None:
    done = template(*IMAGES, "--set", value)
    assert done.returncode != 0
    assert value.partition("=")[0].split(".")[1] in done.stderr
