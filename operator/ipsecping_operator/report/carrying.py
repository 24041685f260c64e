"""What an earlier run of the operator found stands until this one knows as much, or would know it. Pure."""

from collections.abc import Iterator, Mapping

from ipsecping_operator.check.reported import Restored
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.verdict.deadline import stale_at
from ipsecping_operator.verdict.judge import ProbeKey

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND


def nodes_of(state: CheckState, check: CompiledCheck) -> Mapping[str, Mapping[str, int]]:
    """Of paths that each node measures for itself: which nodes have a pod, and since when.

    One that is being deleted does not count: on a node that is lost it is so for ever.
    """
    nodes: dict[str, dict[str, int]] = {
        path.plan.path: {} for path in check.paths if path.placement.every_node
    }
    if nodes:
        for pod in state.observed.own_pods:
            of_path = nodes.get(pod.meta.path or "")
            going = pod.finished or pod.meta.deleting
            if of_path is not None and pod.node is not None and not going:
                of_path[pod.node] = min(pod.meta.created, of_path.get(pod.node, pod.meta.created))
    return nodes


def caught_up(state: CheckState) -> bool:
    """Whether this run knows as much as the one before it: nothing is restored any more.

    Agents and finished pods hold what the earlier run knew. It is read again once every probe has been heard
    of, of every node, and the headline's newest result is no older than the one the status told of.
    """
    restored, check = state.reported.last.restored, state.applied.compiled
    if restored is None or check is None:
        return False
    lasts = {
        key: series.last_end for key, series in state.measured.series.items() if series.last_end is not None
    }
    heard = len(lasts) == sum(len(path.plan.probes) for path in check.paths)
    # The status has whole seconds, and placing on the operator's clock is good to a second.
    return (
        heard
        and lasts.get(_head(restored), max(lasts.values())) >= restored.last_result - SECOND
        and not any(_unread_nodes(state, check, restored))
    )


def awaited_until(state: CheckState, restored: Restored | None, *, now: int) -> int | None:
    """Until when an earlier run's results may still be read again; None: they are not, or are stale now."""
    check = state.applied.compiled
    if restored is None or check is None or check.suspend:
        return None
    since = max(restored.last_result, state.measured.expected_since)
    due = stale_at(check.schedule, since=since, round_ms=check.round_ms)
    return due if due is not None and now < due else None


def are_newest(state: CheckState, restored: Restored | None, *, awaited: bool) -> bool:
    """Whether nothing newer is to be told than an earlier run's figures.

    Where a part of the check stays silent, the figures of the others go on.
    """
    check = state.applied.compiled
    if restored is None:
        return False
    suspended = check is not None and check.suspend
    return suspended or awaited or not state.measured.series


def _unread_nodes(state: CheckState, check: CompiledCheck, restored: Restored) -> Iterator[str]:
    """Nodes that the earlier run may have heard of, and of which this one has not read as much."""
    nodes = nodes_of(state, check)
    for path in check.paths:
        for probe in path.plan.probes if path.placement.every_node else ():
            newest = _newest_of_nodes(state, (path.plan.path, probe.name))
            between = ((path.plan.interval_ms or 0) + probe.round_ms) * MILLISECOND
            for node, since in nodes[path.plan.path].items():
                if since <= restored.last_result and newest.get(node, 0) + between < restored.last_result:
                    yield node


def _newest_of_nodes(state: CheckState, key: ProbeKey) -> Mapping[str | None, int]:
    """Of each node the end of its newest round."""
    series = state.measured.series.get(key)
    newest = dict[str | None, int]()
    for of, rounds in (series.instances or {}).items() if series is not None else ():
        newest[of.node] = max(rounds.last_end or 0, newest.get(of.node, 0))
    return newest


def _head(restored: Restored) -> ProbeKey:
    """Whose last result the status told of."""
    head = restored.figures.get("headline")
    return (str(head.get("path")), str(head.get("probe"))) if isinstance(head, Mapping) else ("", "")
