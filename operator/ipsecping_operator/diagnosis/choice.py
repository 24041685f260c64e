"""Which path of a check is diagnosed, and which of its pods is asked. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.api.status import STATES
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledPath
from ipsecping_operator.kube.kinds import JOB
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.verdict.finding import SEVERITY

_REASONS = {reason.value: grade for grade, reason in enumerate(SEVERITY)}
UNHEALTHY = STATES[ConditionStatus.FALSE]


class Chosen(NamedTuple):
    """A path, and the node that it is to be measured from; None: any that measures it."""

    path: CompiledPath
    node: str | None


def choose(state: CheckState) -> Chosen:
    """Return the path that fails the most gravely, of equals the preferred one; if none fails, that one.

    Of a path that each node measures for itself: from the node of the worst instance.
    """
    check, last = state.applied.compiled, state.reported.last
    assert check is not None
    paths = {path.plan.path: path for path in check.paths}
    grades = dict(_failing(state))
    in_use = last.paths.preference.path
    preferred = in_use if in_use in paths else next(iter(paths))
    named = [name for name in paths if name in grades] or [preferred]
    chosen = paths[min(named, key=lambda name: (grades.get(name, 0), name != preferred))]
    nodes = list(_failing_nodes(state, chosen.plan.path)) if chosen.placement.every_node else []
    return Chosen(chosen, min(nodes)[1] if nodes else None)


def _failing(state: CheckState) -> Iterator[tuple[str, int]]:
    """The paths that fail, each with the rank of its reason; at first as an earlier run saw them."""
    last = state.reported.last
    if last.verdict is not None:
        for path in last.verdict.paths:
            if path.finding.status is ConditionStatus.FALSE:
                yield path.name, SEVERITY.index(path.finding.reason)
    if last.restored is None:
        return
    listed = last.restored.figures.get("paths")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, Mapping) and entry.get("state") == UNHEALTHY:
            yield str(entry.get("name")), _REASONS.get(str(entry.get("reason")), len(SEVERITY))


def _failing_nodes(state: CheckState, path: str) -> Iterator[tuple[int, str]]:
    """The nodes from which the path fails, each with the rank of its reason; at first as `_failing`."""
    last = state.reported.last
    for probe in () if last.verdict is None else last.verdict.probes:
        instances = {} if probe.path != path or probe.instances is None else probe.instances.verdicts
        for of, each in instances.items():
            if of.node is not None and each.finding.status is ConditionStatus.FALSE:
                yield SEVERITY.index(each.finding.reason), of.node
    listed = None if last.restored is None else last.restored.figures.get("probes")
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, Mapping) or entry.get("path") != path:
            continue
        told = entry.get("instances")
        for item in told if isinstance(told, list) else ():
            if isinstance(item, Mapping) and item.get("node") and item.get("state") == UNHEALTHY:
                yield _REASONS.get(str(item.get("reason")), len(SEVERITY)), str(item["node"])


def is_measured(state: CheckState, path: CompiledPath) -> bool:
    """Return whether the check still has this path, by this plan: a report on another says nothing of it."""
    check = state.applied.compiled
    return check is not None and any(
        (each.plan.path, each.plan.nonce) == (path.plan.path, path.plan.nonce) for each in check.paths
    )


def agent_of(state: CheckState, chosen: Chosen) -> Pod | None:
    """Return the pod whose agent measures that path, on that node; None while none runs."""
    found = [
        pod
        for pod in state.observed.own_pods
        if pod.meta.path == chosen.path.plan.path
        and pod.address
        and not pod.finished
        and not pod.meta.deleting
        and (pod.meta.owner is None or pod.meta.owner.kind != JOB.name)
        and chosen.node in (None, pod.node)
    ]
    return max(found, key=lambda pod: (pod.ready, pod.meta.created, pod.meta.name), default=None)
