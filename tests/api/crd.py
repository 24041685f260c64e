"""Our CRD in an API server."""

from typing import Any

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.api.crd import crd_yaml

from .kubectl import Kubectl
from .operator.processes import eventually

NAME = "ipsectunnelchecks.ipsecping.dev"


def install_crd(api: ApiServer, manifest: str | None = None) -> None:
    """Apply the CRD as it is now, or another version of it, and wait until it is served."""
    kubectl = Kubectl(api.kubectl, api.kubeconfig, "default")
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest or crd_yaml())

    def established() -> bool:
        # Not `kubectl wait`: it gives up while there are no conditions yet (null).
        status: dict[str, Any] = kubectl.get("crd", NAME).get("status", {})
        said = {each["type"]: each["status"] for each in status.get("conditions") or ()}
        return said.get("Established") == "True"

    eventually(established, what="the CRD established")
