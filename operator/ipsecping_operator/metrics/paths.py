"""Series of paths: how each does, which is preferred, how they differ, whether they are other ways now."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.api.status import STATES
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.verdict.path import DIRECTIONS, Difference, PathVerdict, difference, loss_direction
from ipsecping_operator.verdict.route import RouteSign

from .described import Described

SECOND = 1_000_000_000
CheckLabels = Callable[[CheckState], list[str]]


def path_families(labels: tuple[str, ...], check_labels: CheckLabels) -> Iterator[Described]:
    """Make the families; `labels` are the names of those that `check_labels` gives of a check."""
    path = (*labels, "path")

    def described(
        made: Callable[..., Any], name: str, text: str, names: tuple[str, ...], read: Callable[..., None]
    ) -> Described:
        def add(family: Any, state: CheckState, _: int) -> None:
            read(family, state, check_labels(state))

        return Described(made, name, text, names, add)

    yield described(
        GaugeMetricFamily,
        "ipsecping_path_state",
        "1 for the state that a path has (Healthy, Unhealthy, Unknown), 0 for the two others; of checks with "
        "several paths.",
        (*path, "state"),
        _states,
    )
    yield described(
        GaugeMetricFamily,
        "ipsecping_path_preferred",
        "1 for the path that is preferred, 0 for the others; of checks with several paths.",
        path,
        _preferred,
    )
    yield described(
        CounterMetricFamily,
        "ipsecping_preferred_path_changes",
        "Changes of the preferred path since the operator started; of checks with several paths.",
        labels,
        _moves,
    )
    yield described(
        GaugeMetricFamily,
        "ipsecping_path_rtt_difference_seconds",
        "Median round-trip time over the check's window less that of the preferred path, in the same "
        "instant.",
        path,
        _rtt_differences,
    )
    yield described(
        GaugeMetricFamily,
        "ipsecping_path_loss_difference_ratio",
        "Loss over the check's window less that of the preferred path, -1 to 1.",
        path,
        _loss_differences,
    )
    yield described(
        GaugeMetricFamily,
        "ipsecping_path_loss_direction",
        "1 for the way on which a path loses packets over the check's window (Forward, Reverse, Both), 0 for "
        "the two others; none below 12 losses of known direction.",
        (*path, "direction"),
        _loss_directions,
    )
    yield described(
        CounterMetricFamily,
        "ipsecping_path_changes",
        "How often packets began to take another way since the operator started, by what shows it (Hops, "
        "Source, RTT).",
        (*path, "sign"),
        _changes,
    )


def _paths(state: CheckState) -> tuple[PathVerdict | None, Sequence[PathVerdict]]:
    """The preferred path and all of them, as the last verdict has them; none where there is but one."""
    verdict = None if state.reported.without_figures else state.reported.last.verdict
    if verdict is None or len(verdict.paths) == 1:
        return None, ()
    return verdict.preferred, verdict.paths


def _differences(state: CheckState) -> Iterator[tuple[str, Difference]]:
    preferred, paths = _paths(state)
    for path in paths:
        differs = None if preferred is None else difference(path, preferred)
        if differs is not None:
            yield path.name, differs


def _states(family: GaugeMetricFamily, state: CheckState, labels: list[str]) -> None:
    for path in _paths(state)[1]:
        for status in ConditionStatus:
            family.add_metric([*labels, path.name, STATES[status]], float(path.finding.status is status))


def _preferred(family: GaugeMetricFamily, state: CheckState, labels: list[str]) -> None:
    preferred, paths = _paths(state)
    for path in paths:
        family.add_metric([*labels, path.name], float(path is preferred))


def _moves(family: CounterMetricFamily, state: CheckState, labels: list[str]) -> None:
    if _paths(state)[1]:
        family.add_metric(labels, state.reported.last.paths.moves_made)


def _rtt_differences(family: GaugeMetricFamily, state: CheckState, labels: list[str]) -> None:
    for name, differs in _differences(state):
        if differs.rtt is not None:
            family.add_metric([*labels, name], differs.rtt / SECOND)


def _loss_differences(family: GaugeMetricFamily, state: CheckState, labels: list[str]) -> None:
    for name, differs in _differences(state):
        family.add_metric([*labels, name], float(differs.loss))


def _loss_directions(family: GaugeMetricFamily, state: CheckState, labels: list[str]) -> None:
    verdict = None if state.reported.without_figures else state.reported.last.verdict
    for path in () if verdict is None else verdict.paths:
        held = loss_direction(path)
        for direction in () if held is None else DIRECTIONS:
            family.add_metric([*labels, path.name, direction], float(direction == held))


def _changes(family: CounterMetricFamily, state: CheckState, labels: list[str]) -> None:
    """Of a check with one path only what there was: it has one sign as a rule, and there are many checks."""
    assert state.applied.compiled is not None
    counts, paths = state.measured.path_changes.counts, state.applied.compiled.paths
    for path in paths:
        for sign in RouteSign:
            count = counts.get((path.plan.path, sign), 0)
            if count or len(paths) > 1:
                family.add_metric([*labels, path.plan.path, sign.value], count)
