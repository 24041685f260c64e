"""What a user does in one namespace: declare checks, look at them, look at what became of them."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ipsecping_lab import workbench
from ipsecping_lab.workbench import kubectl, lab, wait_for

FAR_A = "10.50.1.10"
FAR_B = "10.50.2.10"
FAR_A_IPV6 = "fd00:10:50:1::10"
"""By the same tunnel as FAR_A: IPv6 in ESP over IPv4."""
FAR_C_IPV6 = "fd00:10:50:3::10"
"""IPv6 in ESP over IPv6."""
HOST_NAMESPACE = "e2e-host-network"
"""Where checks may ask for the node's own network."""
STAMP = {"name": "datapath", "count": 20, "spacing": "50ms", "timeout": "1s", "stamp": {"port": 862}}
SHORT_WINDOW = {"window": "20s", "lossPercent": "1", "downAfter": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One namespace of the cluster."""

    namespace: str

    def create(self, *, level: str = "restricted", **labels: str) -> None:
        """Make the namespace; pods in it must meet that Pod Security level."""
        labels["pod-security.kubernetes.io/enforce"] = level
        metadata = {"name": self.namespace, "labels": labels}
        workbench.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def delete(self) -> None:
        """Remove the namespace with all that is in it, without waiting."""
        kubectl("delete", "namespace", self.namespace, "--wait=false")

    def manifest(self, name: str, **spec: Any) -> dict[str, Any]:
        """An IPsecTunnelCheck as a user writes it."""
        return {
            "apiVersion": "ipsecping.dev/v1alpha1",
            "kind": "IPsecTunnelCheck",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }

    def count(self, size: int, *, target: str) -> None:
        """Count the STAMP packets of `size` bytes to `target` from now on; `counted` reads the counters.

        Each test has a size of its own: other checks, and pods of earlier tests that still end, do not count.
        """
        lab(
            *("flow", "add", self.namespace, "--src", "10.244.0.0/16", "--dst", f"{target}/32"),
            *("--proto", "udp", "--dport", "862", "--size", str(size)),
        )

    def counted(self) -> dict[str, int]:
        """What the gateways have counted."""
        counters: dict[str, int] = json.loads(lab("flow", "read", self.namespace, "--json"))
        return counters

    def settled(self, name: str, counted: dict[str, int]) -> dict[str, Any]:
        """The one probe of a suspended check, once its last round has been written into the status."""

        def figures() -> dict[str, Any]:
            (probe,) = self.check(name)["status"]["probes"]
            found: dict[str, Any] = probe
            return found

        sent = counted["forward_before_encryption"]
        return wait_for(f"{sent} packets sent", figures, lambda probe: probe["sent"] == sent, seconds=30)

    def declare(self, name: str, **spec: Any) -> None:
        """`kubectl apply` a check."""
        workbench.apply(self.manifest(name, **spec))

    def check(self, name: str) -> dict[str, Any]:
        """The check as the API server has it."""
        found: dict[str, Any] = workbench.get("itc", name, namespace=self.namespace)
        return found

    def healthy(self, name: str) -> dict[str, Any]:
        """The check's Healthy condition; `{}` before there is one."""
        return workbench.condition(self.check(name), "Healthy")

    def wait_for_reason(self, name: str, reason: str, *, seconds: float = 60) -> dict[str, Any]:
        """Wait until Healthy has the given reason; returns the check as it was then."""
        return wait_for(
            f"{name} Healthy reason {reason}",
            lambda: self.check(name),
            lambda check: workbench.condition(check, "Healthy").get("reason") == reason,
            seconds=seconds,
        )

    def wait_for_ready(self, name: str, *, status: str, saying: str, seconds: float = 60) -> str:
        """Wait until Ready has this status and a message with these words; returns the message."""

        def ready() -> dict[str, Any]:
            return workbench.condition(self.check(name), "Ready")

        seen = wait_for(
            f"{name} Ready={status} saying {saying!r}",
            ready,
            lambda ready: ready.get("status") == status and saying in ready["message"],
            seconds=seconds,
        )
        return str(seen["message"])

    def children(self, kind: str, name: str) -> list[dict[str, Any]]:
        """Objects of a kind that belong to the check of that name."""
        found: list[dict[str, Any]] = workbench.get(
            kind, namespace=self.namespace, selector=f"ipsecping.dev/check={name}"
        )
        return found

    def probe_pod(self, name: str) -> dict[str, Any]:
        """The one running agent pod of an interval check (waits for it to be ready)."""

        def ready() -> list[dict[str, Any]]:
            return [
                pod
                for pod in self.children("pods", name)
                if "deletionTimestamp" not in pod["metadata"]
                and any(
                    c["type"] == "Ready" and c["status"] == "True"
                    for c in pod.get("status", {}).get("conditions", [])
                )
            ]

        return wait_for(f"agent pod of {name}", ready, lambda pods: len(pods) == 1, seconds=60)[0]


def operator_pods() -> list[dict[str, Any]]:
    """The operator's pods that are not on their way out."""
    found: list[dict[str, Any]] = workbench.get(
        "pods", namespace=workbench.OPERATOR_NAMESPACE, selector="app.kubernetes.io/name=ipsecping"
    )
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def milliseconds(duration: str) -> Decimal:
    """`12.10ms` as a number of milliseconds."""
    assert duration.endswith("ms"), duration
    return Decimal(duration.removesuffix("ms"))
