"""Series of each instance of a probe, beside those of all together: labels say from where and to where."""

from collections.abc import Callable, Iterator
from typing import Any

from ipsecping.contract import destination
from ipsecping_operator.check.series import Rounds, Series
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.verdict.instance import Instance
from ipsecping_operator.verdict.probe import ProbeVerdict

INSTANCE_LABELS = ("node", "remote_ip")
SECOND = 1_000_000_000

Key = tuple[str, str]
Read = Callable[[Rounds, ProbeVerdict | None], float | None]


def each_instance(read: Read, labels: Callable[[CheckState, Key, Series], list[str]]) -> Callable[..., None]:
    """A sample for each instance of each probe that has several; none where the figure is None."""

    def add(family: Any, state: CheckState, _: int) -> None:
        for key, series, of, rounds, verdict in _instances(state):
            value = read(rounds, verdict)
            if value is not None:
                family.add_metric([*labels(state, key, series), of.node or "", of.address or ""], value)

    return add


def addresses(state: CheckState, path: str) -> list[str]:
    """The addresses of a path's target: each that is measured.

    Of a name every probe keeps the one that it was given, as does every node: which is heard of last is
    chance, and a label that follows it would have no alert last for long enough to be told.
    """
    verdict, known = state.reported.last.verdict, state.measured.current.get(path)
    several = set[str]()
    for probe in () if verdict is None else verdict.probes:
        series = state.measured.series.get((path, probe.probe.name))
        if probe.path != path or series is None or known is None:
            continue
        if probe.instances is None or series.instances is None:
            parts = series.parts
        else:
            parts = [each for of, each in series.instances.items() if of in probe.instances.verdicts]
        if destination(probe.probe, known.plan.target) == known.plan.target:
            several.update(each.address for each in parts if each.address is not None)
    resolved = state.measured.resolved.get(path)
    return sorted(several) or ([] if resolved is None else [resolved.address])


def sent(rounds: Rounds, _: ProbeVerdict | None) -> float:
    """Read how many packets were sent."""
    return rounds.totals.sent


def received(rounds: Rounds, _: ProbeVerdict | None) -> float:
    """Read how many packets were answered in time."""
    return rounds.totals.received


def loss(_: Rounds, verdict: ProbeVerdict | None) -> float | None:
    """Read the loss over the window."""
    figures = None if verdict is None else verdict.figures
    return None if figures is None else figures.lost / figures.sent


def median(_: Rounds, verdict: ProbeVerdict | None) -> float | None:
    """Read the median round-trip time over the window."""
    figures = None if verdict is None else verdict.figures
    return None if figures is None else next((each / SECOND for each in figures.percentiles(50)), None)


def _instances(state: CheckState) -> Iterator[tuple[Key, Series, Instance, Rounds, ProbeVerdict | None]]:
    verdict = None if state.reported.without_figures else state.reported.last.verdict
    probes = () if verdict is None else verdict.probes
    judged = {
        (probe.path, probe.probe.name): probe.instances.verdicts
        for probe in probes
        if probe.instances is not None
    }
    for key, series in state.measured.series.items():
        for of, rounds in (series.instances or {}).items():
            yield key, series, of, rounds, judged.get(key, {}).get(of)
