"""Names that stand for addresses behind the tunnels, as CoreDNS answers them."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from ipsecping_lab import workbench
from ipsecping_lab.workbench import kubectl, wait_for

from .bench import Bench

_COREDNS = ("-n", "kube-system", "deployment/coredns")


def name_of(bench: Bench, *addresses: str, name: str = "far") -> str:
    """Make a Service without selector, one slice for each address; returns the name it answers to."""
    port = {"name": "stamp", "port": 862, "protocol": "UDP"}
    metadata = {"name": name, "namespace": bench.namespace}
    families = "RequireDualStack" if len({ip_address(each).version for each in addresses}) == 2 else None
    spec = {"clusterIP": "None", "ports": [port]} | ({"ipFamilyPolicy": families} if families else {})
    workbench.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    for number, address in enumerate(addresses):
        workbench.apply(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{name}-{number}",
                    "namespace": bench.namespace,
                    "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": f"IPv{ip_address(address).version}",
                "ports": [port],
                "endpoints": [{"addresses": [address]}],
            }
        )
    return f"{name}.{bench.namespace}.svc.cluster.local"


@contextmanager
def no_resolver() -> Iterator[None]:
    """Without CoreDNS: look-ups in pods find nobody to ask."""
    namespace = _COREDNS[:2]
    kubectl(*namespace, "scale", _COREDNS[2], "--replicas=0")
    try:
        wait_for(
            "no CoreDNS",
            lambda: workbench.get("pods", namespace="kube-system", selector="k8s-app=kube-dns"),
            lambda pods: not pods,
            seconds=60,
        )
        yield
    finally:
        kubectl(*namespace, "scale", _COREDNS[2], "--replicas=1")
        kubectl(*namespace, "rollout", "status", _COREDNS[2], "--timeout=90s")
