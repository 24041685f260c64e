"""Kinds of the Prometheus Operator, which is not in the cluster."""

import json

from .kubectl import Kubectl

MONITORED = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}


def define_monitoring(kubectl: Kubectl) -> None:
    """Let the API server take them, as far as names go."""
    for kind in sorted(MONITORED):
        kubectl("apply", "--server-side", "-f", "-", stdin=_definition(kind))
        kubectl("wait", "--for=condition=Established", f"crd/{kind.lower()}s.monitoring.coreos.com")


def _definition(kind: str) -> str:
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    spec = {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]}
    metadata = {"name": f"{plural}.monitoring.coreos.com"}
    kinds = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return json.dumps({**kinds, "metadata": metadata, "spec": spec})
