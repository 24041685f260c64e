"""Definitions of kinds in an API server, ours above all: applied, and waited for until they are in force."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.api.crd import crd_yaml

from ..yaml_text import from_yaml
from .kubectl import Kubectl
from .operator.processes import eventually

AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
"""The column that a kind without columns of its own has."""
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def install_crd(api: ApiServer, manifest: str | None = None) -> None:
    """Apply the CRD as it is now, or another version of it, and wait until it is in force."""
    kubectl = Kubectl(api.kubectl, api.kubeconfig, "default")
    define(kubectl, from_yaml(manifest or crd_yaml()))


def define(kubectl: Kubectl, definition: Mapping[str, Any]) -> None:
    """Apply a definition and wait until the API server goes by it, and kubectl finds the kind.

    `Established` says neither: for seconds a new kind is not served yet, and objects of an old one are held
    against the definition of before. What the server goes by shows in the columns that it prints, so one of
    them is marked.
    """
    text = json.dumps(definition)
    mark = f"of definition {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    marked = json.loads(text)
    spec = marked["spec"]
    (version,) = spec["versions"]
    version.setdefault("additionalPrinterColumns", [dict(AGE)])[-1]["description"] = mark
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(marked))
    group, plural = spec["group"], spec["names"]["plural"]

    def in_force() -> bool:
        table = kubectl.plain.found(f"/apis/{group}/{version['name']}/{plural}?limit=1", accept=_TABLE) or {}
        columns = table.get("columnDefinitions", ())
        if not any(column["description"] == mark for column in columns):
            return False
        groups = (kubectl.plain.found("/apis", accept=_DISCOVERY) or {}).get("items", ())
        kinds = {
            (each["metadata"]["name"], resource["resource"])
            for each in groups
            for served in each["versions"]
            for resource in served.get("resources", ())
        }
        return (group, plural) in kinds

    eventually(in_force, what=f"the definition of {plural} in force")
