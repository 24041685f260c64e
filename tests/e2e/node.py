"""The lab's one node, as its faults are made: what runs on it is stopped, and goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipsecping_lab.workbench import kubectl, lab

PROBE_IMAGE = "localhost/ipsecping-probe:dev"
_ASIDE = "localhost/ipsecping-probe:aside"
_IMAGES = "ctr --namespace=k8s.io images"


def on_node(script: str) -> str:
    """Run a shell script on the node."""
    return lab("exec", "sh", "-ec", script)


@contextmanager
def without_image() -> Iterator[None]:
    """The node does not hold the probe's image, and there is no registry to pull it from."""
    on_node(f"{_IMAGES} tag --force {PROBE_IMAGE} {_ASIDE} && {_IMAGES} rm {PROBE_IMAGE}")
    try:
        yield
    finally:
        on_node(f"{_IMAGES} tag --force {_ASIDE} {PROBE_IMAGE} && {_IMAGES} rm {_ASIDE}")


@contextmanager
def lost(pod: dict[str, Any]) -> Iterator[None]:
    """What is seen of a node that is lost with this pod: the kubelet is silent, connections stay open."""
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    agent = f"ctr --namespace=k8s.io tasks ls | awk '$1 == \"{container}\" {{print $2}}'"
    processes = f"$(pidof kubelet) $({agent})"
    on_node(f"kill -STOP {processes}")
    try:
        yield
    finally:
        on_node(f"kill -CONT {processes}")


@contextmanager
def tainted(node: str) -> Iterator[None]:
    """The node is tainted as unreachable.

    The node controller does so itself where other nodes are left; with its only node lost it evicts nothing.
    """
    taint = "node.kubernetes.io/unreachable"
    kubectl("taint", "node", node, f"{taint}:NoExecute", "--overwrite")
    try:
        yield
    finally:
        kubectl("taint", "node", node, f"{taint}-")


@contextmanager
def ping_sockets(group: int) -> Iterator[None]:
    """The node lets this group open ping sockets on its own network."""
    sysctl = "/proc/sys/net/ipv4/ping_group_range"
    before = on_node(f"cat {sysctl}").split()
    on_node(f"echo {group} {group} >{sysctl}")
    try:
        yield
    finally:
        on_node(f"echo {' '.join(before)} >{sysctl}")
