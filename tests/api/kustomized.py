"""What kustomize builds of manifests/ and kustomize/, beside what the chart makes with the same choices."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ipsecping_lab.building.binaries import binaries

from ..yaml_text import all_from_yaml
from .chart import REPOSITORY, objects

_IMAGES = (
    "--set",
    "image.repository=registry.example.com/ipsecping-operator,"
    "probeImage.repository=registry.example.com/ipsecping-probe",
)
_ONE = ("--set", "operator.namespaces={network}")
_OPENSHIFT = ("--set", "fixedUser=false")
_MONITORING = (
    *("--set", "dashboards.enabled=true,dashboards.labels.release=kube-prometheus-stack"),
    *("--set", "monitoring.podMonitor.enabled=true,monitoring.prometheusRule.enabled=true"),
    *("--set", "monitoring.podMonitor.labels.release=kube-prometheus-stack"),
    *("--set", "monitoring.prometheusRule.labels.release=kube-prometheus-stack"),
)
VALUES = {
    "manifests": (),
    "kustomize/one-namespace": _ONE,
    "kustomize/openshift": _OPENSHIFT,
    "kustomize/monitoring": _MONITORING,
}
"""The chart's values, as words for helm, that stand for a folder."""
ALL_AT_ONCE = (*_ONE, *_OPENSHIFT, *_MONITORING)
_LEASE = '{lease="ipsecping-system/ipsecping-operator"}'
_OF_HELM = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "ipsecping"}


def build(folder: str | Path) -> str:
    """What `kubectl kustomize` prints for a folder of the repository."""
    command: list[str | Path] = [binaries(["kubectl"])["kubectl"], "kustomize", REPOSITORY / folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no warning of what is deprecated"
    return done.stdout


def built(folder: str | Path) -> dict[str, Any]:
    """The same as objects by kind, namespace and name, without the namespace, which Helm makes itself."""
    return identified(each for each in all_from_yaml(build(folder)) if each["kind"] != "Namespace")


def of_chart(values: tuple[str, ...]) -> dict[str, Any]:
    """What the chart makes with these values, without what Helm alone needs."""
    made = objects(*_IMAGES, *values)
    return identified(_without_helm(each) for each in made if not _is_hook(each))


def _is_hook(made: dict[str, Any]) -> bool:
    return "helm.sh/hook" in made["metadata"].get("annotations", {})


def identified(made: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Objects by kind, namespace and name."""
    return {_identity(each): _sorted(each) for each in made}


def _identity(made: dict[str, Any]) -> str:
    metadata = made["metadata"]
    return f"{made['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def _sorted(made: dict[str, Any]) -> dict[str, Any]:
    """The order of flags means nothing."""
    if made["kind"] == "Deployment":
        for container in made["spec"]["template"]["spec"]["containers"]:
            container["args"].sort()
    return made


def _without_helm(made: Any) -> Any:
    if isinstance(made, list):
        return [_without_helm(each) for each in made]
    if isinstance(made, str):
        return made.replace(_LEASE, "")  # overlays may put the operator into another namespace
    if not isinstance(made, dict):
        return made
    kept = {key: _without_helm(each) for key, each in made.items() if _OF_HELM.get(key) != each}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict) and annotations.pop("helm.sh/resource-policy", None) and not annotations:
        del kept["annotations"]
    return kept
