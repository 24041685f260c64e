"""Kinds of the Prometheus Operator, which is not in the cluster."""

from typing import Any

from .crd import define
from .kubectl import Kubectl

MONITORED = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}


def define_monitoring(kubectl: Kubectl) -> None:
    """Let the API server take them, as far as names go."""
    for kind in sorted(MONITORED):
        define(kubectl, _definition(kind))


def _definition(kind: str) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    spec = {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]}
    metadata = {"name": f"{plural}.monitoring.coreos.com"}
    kinds = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**kinds, "metadata": metadata, "spec": spec}
