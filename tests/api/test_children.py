"""Children on a real API server: applied again they change nothing, and their pods are allowed everywhere."""

import json
from typing import Any

import pytest

from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.compile import compile_check
from ipsecping_operator.kube.transport import FIELD_MANAGER

from .kubectl import Kubectl, manifest

NODE, KEY = "n" * 253, "." + "k" * 252
SPECS: dict[str, dict[str, Any]] = {
    "interval": {"schedule": {"interval": "10s"}},
    "cron": {"schedule": {"cron": "*/5 * * * *"}},
    "suspended": {"suspend": True},
    "placed": {
        "placement": {
            "nodeSelector": {"role": "edge"},
            "tolerations": [
                {"key": "edge", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
                {"key": "line", "value": "lte"},
            ],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "role", "operator": "In", "values": ["edge"]}]},
                            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [NODE]}]},
                        ]
                    }
                },
                "podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 10,
                            "podAffinityTerm": {
                                "labelSelector": {"matchLabels": {"app": "router"}},
                                "topologyKey": "kubernetes.io/hostname",
                            },
                        }
                    ]
                },
            },
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "256Mi"}},
            "podLabels": {"egress": "tunnel"},
            "podAnnotations": {"k8s.v1.cni.cncf.io/networks": "tunnel"},
            "imagePullSecrets": [{"name": "registry"}],
        }
    },
    "keys": {
        "probes": [
            {"name": "a", "stamp": {"auth": {"secretName": "ipsecping-tunnel-keys", "key": "one"}}},
            {"name": "b", "stamp": {"auth": {"secretName": "ipsecping-tunnel-keys", "key": "two"}}},
            {"name": "m", "pathMTU": {"auth": {"secretName": "ipsecping-tunnel-keys", "key": KEY}}},
            {
                "name": "c",
                "tcp": {"port": 443, "tls": {"ca": {"configMapName": "ipsecping-dc1-ca", "key": "ca.crt"}}},
            },
        ]
    },
}
SETTINGS = ChildSettings(probe_image="registry.example.com/probe:1")


def children(kubectl: Kubectl, spec: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Make the check, and build the children of what the API server stored."""
    kubectl("apply", "-f", "-", stdin=manifest({"target": "203.0.113.10"} | spec))
    return build_children(compile_check(kubectl.get("itc", "hq-dc1")), SETTINGS)


def apply(kubectl: Kubectl, child: dict[str, Any]) -> dict[str, Any]:
    """Server-side apply; what is stored."""
    words = ("apply", "--server-side", "--field-manager", FIELD_MANAGER, "-f", "-")
    kubectl(*words, stdin=json.dumps(child))
    stored: dict[str, Any] = kubectl.get(child["kind"], child["metadata"]["name"])
    return stored


def pod_template(workload: dict[str, Any]) -> dict[str, Any]:
    spec = workload["spec"]
    template: dict[str, Any] = (spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec)[
        "template"
    ]
    return template


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_applying_the_same_children_again_changes_nothing(kubectl: Kubectl, spec: dict[str, Any]) -> None:
    for child in children(kubectl, spec):
        first, second = apply(kubectl, child), apply(kubectl, child)
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_what_was_asked_for_is_what_is_stored(kubectl: Kubectl, spec: dict[str, Any]) -> None:
    for child in children(kubectl, spec):
        assert_contains(apply(kubectl, child), child)


def assert_contains(stored: Any, asked: Any, path: str = "") -> None:
    """Everything asked for is there, whatever defaults stand beside it."""
    if isinstance(asked, dict):
        for key, value in asked.items():
            assert key in stored, f"{path}.{key} is gone"
            assert_contains(stored[key], value, f"{path}.{key}")
    elif isinstance(asked, list):
        assert len(stored) == len(asked), path
        for index, (one, other) in enumerate(zip(stored, asked, strict=True)):
            assert_contains(one, other, f"{path}[{index}]")
    else:
        assert stored == asked, path


def test_fields_that_a_new_spec_no_longer_asks_for_are_taken_away(kubectl: Kubectl) -> None:
    *_, placed = children(kubectl, SPECS["placed"])
    usual = {"kubernetes.io/os": "linux"}
    assert apply(kubectl, placed)["spec"]["template"]["spec"]["nodeSelector"] != usual
    *_, anywhere = children(kubectl, {})
    assert apply(kubectl, anywhere)["spec"]["template"]["spec"]["nodeSelector"] == usual


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_restricted_pod_security_level_admits_the_pods(kubectl: Kubectl, spec: dict[str, Any]) -> None:
    *_, workload = children(kubectl, spec)
    template = pod_template(workload)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    }
    kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    del pod["spec"]["containers"][0]["securityContext"]
    said = kubectl.refused("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    assert 'violates PodSecurity "restricted' in said


def test_a_check_with_the_longest_name_gets_its_children(kubectl: Kubectl) -> None:
    name = "a" * 253
    for schedule in ({"interval": "10s"}, {"cron": "* * * * *"}):
        spec = {"target": "203.0.113.10", "schedule": schedule}
        kubectl("apply", "-f", "-", stdin=manifest(spec, name=name))
        for child in build_children(compile_check(kubectl.get("itc", name)), SETTINGS):
            apply(kubectl, child)
