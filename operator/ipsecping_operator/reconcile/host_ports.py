"""Choose where agents on a node's own network listen: each keeps its ports, and leaves those in use.

Ports are chosen by chance (an even one for results, the next for health), and so two agents of one node may
have the same: the scheduler then finds no node for the second. Its Deployment or DaemonSet is the memory of
those that it has moved to. Pure.
"""

from collections.abc import Mapping

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import HOST_PORTS
from ipsecping_operator.compile import CompiledPath
from ipsecping_operator.kube.wording import is_host_port_taken
from ipsecping_operator.observe.projection import Pod


def host_ports(state: CheckState) -> Mapping[str, int]:
    """Return, by path, the port for its workload; paths without one yet begin with their own."""
    found: dict[str, int] = {}
    for path in state.applied.compiled.paths if state.applied.compiled is not None else ():
        deployed = _deployed(state, path)
        if path.placement.host_network and deployed is not None and deployed in HOST_PORTS:
            pods = [
                p for p in state.observed.own_pods if p.meta.path == path.plan.path and p.port == deployed
            ]
            found[path.plan.path] = _after(deployed) if _is_taken(pods) else deployed
    return found


def _deployed(state: CheckState, path: CompiledPath) -> int | None:
    ports = (
        child.host_port for child in state.observed.children.values() if child.meta.path == path.plan.path
    )
    return next((port for port in ports if port is not None), None)


def _is_taken(pods: list[Pod]) -> bool:
    """By another's pod: one of the path's own that ends, or whose workload has gone, will give it back."""
    return any(
        is_host_port_taken(pod.waiting or "") and not any(_gives_back(each, to=pod) for each in pods)
        for pod in pods
        if not pod.meta.deleting
    )


def _gives_back(pod: Pod, *, to: Pod) -> bool:
    going = pod.meta.deleting or pod.meta.owner != to.meta.owner
    return going and not pod.finished and (to.node is None or pod.node == to.node)


def _after(port: int) -> int:
    return HOST_PORTS[(HOST_PORTS.index(port) + 1) % len(HOST_PORTS)]
