"""Say which nodes a DaemonSet's agents do not run on, and why. Pure."""

from collections.abc import Iterable, Sequence

from ipsecping_operator.observe.projection import Child, Pod

from .hints import no_pod, with_hint

MOST_NAMED = 3
"""Nodes of one reason, and reasons, that are named."""
NO_NODE = (
    "no node is for its pods: nodeSelector, affinity and tolerations, in placement and in --probe-defaults "
    "of the operator, have to let at least one Linux node have them"
)
ENDING = "its pod is being deleted; where that does not end, the node is lost"
LOST = "its agent has just started or does not answer, or the node is lost"


def waiting_for(workload: Child, pods: Iterable[Pod], *, refused: str | None = None) -> str:
    """Return what a DaemonSet waits for that has nodes without an agent.

    `pods` are oldest first; `refused` is what was said of those that could not be made.
    """
    counts = workload.nodes
    if counts is None:
        return "its pods are not available yet"
    if not counts.desired:
        return NO_NODE
    said = [f"{_named(nodes)}: {why}" for why, nodes in _reasons(pods)]
    more = len(said) - MOST_NAMED
    told = said[:MOST_NAMED] + ([f"{more} more reasons"] if more > 0 else [])
    if (unmade := counts.desired - counts.scheduled) > 0:
        why = (
            no_pod(refused)
            if refused
            else "why (a quota, an admission rule) is said by: "
            f"kubectl describe daemonset -n {workload.meta.namespace} {workload.meta.name}"
        )
        told.append(f"no pod was made for {unmade} of them{': ' if refused else '; '}{why}")
    lacking = f"waiting for {max(counts.desired - counts.available, 1)} of {counts.desired} nodes"
    return ": ".join(filter(None, (lacking, "; ".join(told))))


def _reasons(pods: Iterable[Pod]) -> list[tuple[str, list[str]]]:
    """Why the newest pods of nodes do not run, each with the nodes, those of most nodes first."""
    # One that is being deleted tells of its node only where there is no other.
    going_first = sorted(pods, key=lambda pod: not pod.meta.deleting)
    newest = {pod.node: pod for pod in going_first if pod.node is not None}
    found: dict[str, list[str]] = {}
    for node, pod in newest.items():
        if (why := _why(pod)) is not None:
            found.setdefault(why, []).append(str(node))
    return sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))


def _why(pod: Pod) -> str | None:
    if pod.meta.deleting:
        return ENDING
    if pod.waiting:
        return with_hint(pod.waiting)
    if pod.finished:
        return "its pod was told to end (evicted, or the node shut down)"
    if pod.ready:
        return None
    return LOST if pod.phase == "Running" else "its pod is starting"


def _named(nodes: Sequence[str]) -> str:
    first = ", ".join(sorted(nodes)[:MOST_NAMED])
    more = len(nodes) - MOST_NAMED
    return f"{first} and {more} more" if more > 0 else first
