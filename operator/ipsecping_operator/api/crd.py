"""The CustomResourceDefinition of IPsecTunnelCheck."""

from typing import Any

import yaml

from . import names
from .check import IPsecTunnelCheck
from .schema import structural_schema


def _healthy(field: str) -> str:
    return f'.status.conditions[?(@.type=="Healthy")].{field}'


_COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "Target", "type": "string", "jsonPath": ".spec.target"},
    {"name": "Healthy", "type": "string", "jsonPath": _healthy("status")},
    {"name": "Reason", "type": "string", "jsonPath": _healthy("reason")},
    {
        "name": "Loss%",
        "type": "string",
        "jsonPath": ".status.lossPercent",
        "description": "Packets lost over the window, in percent.",
    },
    {"name": "RTT-p50", "type": "string", "jsonPath": ".status.rtt.p50", "description": "Median RTT."},
    {
        "name": "RTT-p99",
        "type": "string",
        "jsonPath": ".status.rtt.p99",
        "description": "99th percentile of the RTT.",
    },
    {
        "name": "Last",
        "type": "date",
        "jsonPath": ".status.lastResultTime",
        "description": "Age of the newest result.",
    },
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {
        "name": "Maintenance-Until",
        "type": "string",
        "jsonPath": ".status.maintenance.open.until",
        "description": "Until when a window of spec.maintenance is open; empty while none is.",
    },
    {
        "name": "MTU",
        "type": "integer",
        "jsonPath": ".status.pathMTU",
        "priority": 1,
        "description": "Largest IP packet that passes, in bytes.",
    },
    {"name": "Jitter", "type": "string", "jsonPath": ".status.jitter", "priority": 1},
    {"name": "Gateway", "type": "string", "jsonPath": ".spec.tunnel.gateway", "priority": 1},
)


def custom_resource_definition() -> dict[str, Any]:
    """The CRD as an object of apiextensions.k8s.io/v1."""
    schema = structural_schema(IPsecTunnelCheck)
    # These are the API server's own: it fills them in, and refuses any other schema.
    schema["required"] = ["spec"]
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    schema["properties"]["status"]["default"] = names.UNOBSERVED
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
                "categories": [names.CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": list(_COLUMNS),
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def crd_yaml() -> str:
    """The CRD as YAML."""
    return yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=100, allow_unicode=True)
