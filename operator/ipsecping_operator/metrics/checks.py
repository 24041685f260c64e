"""The metrics of all checks, worked out when they are scraped."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from ipsecping.contract import Figure
from ipsecping.contract.buckets import cumulative
from ipsecping.contract.figure import Gauge
from ipsecping.contract.methods import figure_types
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType
from ipsecping_operator.check.measured import Series
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.verdict.tally import Tally

from .exposition import Family

SECOND = 1_000_000_000
CHECK_LABELS = ("namespace", "check", "tunnel_name")
PROBE_LABELS = (*CHECK_LABELS, "path", "probe", "type", "target")


Failed = Callable[[CheckState, Exception], None]
_Value: TypeAlias = float | Mapping[str, float] | None


class CheckCollector(Collector):
    """Exports every check that was valid at least once; a check that has gone leaves no series.

    One that cannot be exported costs no other check anything: it keeps nothing but its conditions, which then
    say Healthy=Unknown.
    """

    def __init__(
        self,
        checks: Mapping[str, CheckState],
        *,
        failed: Failed,
        exported: Callable[[CheckState], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`failed` is told of a check that cannot be exported; `exported` of one with faults that was."""
        self._checks = checks
        self._failed = failed
        self._exported = exported
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that the registry need not collect in order to register."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield all families, in the order of their documentation."""
        # Written out piece by piece, while checks come and go.
        states = [state for state in self._checks.values() if state.metadata and state.applied.compiled]
        now, out = self._clock(), set[str]()

        def failed(state: CheckState, error: Exception) -> None:
            out.add(state.uid)
            self._failed(state, error)

        for each in _families():
            yield each.of(states, now, out, failed)
        for state in states:
            if state.faults and state.uid not in out:
                self._exported(state)

    def export(self, state: CheckState) -> None:
        """Work out all samples of one check. Raises what that raises."""
        if state.metadata and state.applied.compiled:
            now = self._clock()
            for each in _families():
                each.samples(state, now)


@dataclass(frozen=True, slots=True)
class _Described:
    """A family, and how the samples of one check (at an instant) are added to it."""

    kind: Callable[..., Metric]
    name: str
    text: str
    labels: tuple[str, ...]
    add: Callable[[Any, CheckState, int], None]

    def of(self, states: Sequence[CheckState], now: int, out: Set[str], failed: Failed) -> Metric:
        """Make the family with the samples of all these checks but those that are `out` (by UID)."""
        samples = (sample for state in states for sample in self._guarded(state, now, out, failed))
        return Family(self.name, self.text, self.kind(self.name, self.text).type, samples)

    def samples(self, state: CheckState, now: int) -> list[Sample]:
        """Make the samples of one check. Raises also where a sample could be made and not be written."""
        few = self.kind(self.name, self.text, labels=self.labels)
        self.add(few, state, now)
        for sample in few.samples:
            "".join(sample.labels.values()).encode()
            float(sample.value)
        made: list[Sample] = few.samples
        return made

    def _guarded(self, state: CheckState, now: int, out: Set[str], failed: Failed) -> Iterable[Sample]:
        if state.uid not in out:
            try:
                return self.samples(state, now)
            except Exception as error:
                failed(state, error)
        if self.add is not _conditions:
            return ()
        with suppress(Exception):
            return _unknown(self, state)
        return ()


def _unknown(family: _Described, state: CheckState) -> list[Sample]:
    """Make samples that claim nothing of the check, from as little as possible."""
    assert state.metadata is not None
    meta, tunnel = (
        state.metadata,
        "" if state.applied.compiled is None else state.applied.compiled.tunnel_name,
    )
    values = [_printable(each) for each in (meta["namespace"], meta["name"], tunnel)]
    labels = dict(zip(CHECK_LABELS, values, strict=True))
    return [
        Sample(
            family.name,
            {**labels, "type": ConditionType.HEALTHY.value, "status": status.value},
            float(status is ConditionStatus.UNKNOWN),
        )
        for status in ConditionStatus
    ]


def _printable(text: object) -> str:
    return str(text).encode(errors="replace").decode()


def _each_probe(figure: Callable[[Series, Tally | None], _Value]) -> Callable[..., None]:
    """A sample for each probe of each path, or one for each value of a label; none where there is none."""

    def add(family: Any, state: CheckState, _: int) -> None:
        figures = _figures(state)
        for key, series in state.measured.series.items():
            value = figure(series, figures.get(key))
            if isinstance(value, Mapping):
                for each in value:
                    family.add_metric([*_probe_labels(state, key, series), each], value[each])
            elif value is not None:
                family.add_metric(_probe_labels(state, key, series), value)

    return add


def _in_seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / SECOND


def _round_trip_times(family: HistogramMetricFamily, state: CheckState, _: int) -> None:
    for key, series in state.measured.series.items():
        totals = series.totals
        buckets = cumulative(totals.buckets)
        family.add_metric(_probe_labels(state, key, series), buckets, sum_value=totals.rtt_sum / SECOND)


def _conditions(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    labels = _check_labels(state)
    for kind, held in state.reported.last.conditions.items():
        for status in ConditionStatus:
            family.add_metric([*labels, kind.value, status.value], float(held.status is status))


def _thresholds(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    assert state.applied.compiled is not None
    for name, limit in _limits(state.applied.compiled):
        family.add_metric([*_check_labels(state), name], limit)


def _outages(family: CounterMetricFamily, state: CheckState, _: int) -> None:
    family.add_metric(_check_labels(state), state.reported.last.outages_begun)


def _outage_seconds(family: CounterMetricFamily, state: CheckState, now: int) -> None:
    family.add_metric(_check_labels(state), _outage_time(state, now=now) / SECOND)


def _path_info(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    assert state.applied.compiled is not None
    for path in state.applied.compiled.paths:
        address = state.measured.remote.get(path.plan.path)
        if address is not None:
            family.add_metric([*_check_labels(state), path.plan.path, path.plan.target, address], 1)


_OF_ROUNDS = (
    _Described(
        CounterMetricFamily,
        "ipsecping_packets_sent",
        "Probe packets sent.",
        PROBE_LABELS,
        _each_probe(lambda series, _: series.totals.sent),
    ),
    _Described(
        CounterMetricFamily,
        "ipsecping_packets_received",
        "Probe packets answered in time.",
        PROBE_LABELS,
        _each_probe(lambda series, _: series.totals.received),
    ),
    _Described(
        HistogramMetricFamily, "ipsecping_rtt_seconds", "Round-trip time.", PROBE_LABELS, _round_trip_times
    ),
    _Described(
        GaugeMetricFamily,
        "ipsecping_loss_ratio",
        "Packets lost over the check's window, 0 to 1.",
        PROBE_LABELS,
        _each_probe(lambda _, tally: tally.lost / tally.sent if tally else None),
    ),
    _Described(
        GaugeMetricFamily,
        "ipsecping_jitter_seconds",
        "Mean difference of successive round-trip times over the check's window.",
        PROBE_LABELS,
        _each_probe(lambda _, tally: _in_seconds(tally.jitter) if tally else None),
    ),
)
_OF_CHECKS = (
    _Described(
        GaugeMetricFamily,
        "ipsecping_last_result_timestamp_seconds",
        "When the newest round ended, Unix time.",
        PROBE_LABELS,
        _each_probe(lambda series, _: _in_seconds(series.last_end)),
    ),
    _Described(
        GaugeMetricFamily,
        "ipsecping_check_condition",
        "1 for the status that a condition has, 0 for the two others.",
        (*CHECK_LABELS, "type", "status"),
        _conditions,
    ),
    _Described(
        GaugeMetricFamily,
        "ipsecping_threshold",
        "Limit that the check is judged by.",
        (*CHECK_LABELS, "kind"),
        _thresholds,
    ),
    _Described(
        CounterMetricFamily,
        "ipsecping_outages",
        "Outages begun since the operator started.",
        CHECK_LABELS,
        _outages,
    ),
    _Described(
        CounterMetricFamily,
        "ipsecping_outage_seconds",
        "Time in outage since the operator started.",
        CHECK_LABELS,
        _outage_seconds,
    ),
    _Described(
        GaugeMetricFamily,
        "ipsecping_path_info",
        "Always 1; the target's address as it was last resolved.",
        (*CHECK_LABELS, "path", "target", "remote_ip"),
        _path_info,
    ),
)


def _families() -> Iterator[_Described]:
    """All of them; between the two rows stands what only some types of probes measure."""
    yield from _OF_ROUNDS
    for kind in figure_types():
        for gauge in kind.gauges:
            read = _each_probe(partial(_of_figure, kind, gauge))
            labels = PROBE_LABELS if gauge.label is None else (*PROBE_LABELS, gauge.label)
            yield _Described(GaugeMetricFamily, gauge.name, gauge.text, labels, read)
    yield from _OF_CHECKS


def _of_figure(kind: type[Figure], gauge: Gauge, _: Series, tally: Tally | None) -> _Value:
    figure = None if tally is None else tally.figure(kind)
    return None if figure is None else gauge.read(figure)


def _check_labels(state: CheckState) -> list[str]:
    assert state.applied.compiled is not None
    return [
        state.applied.compiled.namespace,
        state.applied.compiled.name,
        state.applied.compiled.tunnel_name,
    ]


def _probe_labels(state: CheckState, key: tuple[str, str], series: Series) -> list[str]:
    return [*_check_labels(state), *key, series.basis.probe.type, series.basis.target]


def _figures(state: CheckState) -> dict[tuple[str, str], Tally]:
    """The windows' sums as the last verdict used them."""
    if state.reported.last.verdict is None or state.reported.without_figures:
        return {}
    return {
        (probe.path, probe.probe.name): probe.figures
        for probe in state.reported.last.verdict.probes
        if probe.figures is not None
    }


def _limits(check: CompiledCheck) -> Iterator[tuple[str, float]]:
    limits = check.thresholds
    yield "loss_ratio", float(limits.loss_percent / Decimal(100))
    yield "down_after_rounds", float(limits.down_after)
    yield "window_seconds", limits.window_ms / 1000
    for name, limit in sorted(limits.rtt_ns.items()):
        yield f"rtt_{name}_seconds", limit / SECOND
    if limits.jitter_ns is not None:
        yield "jitter_seconds", limits.jitter_ns / SECOND
    if limits.burst_ns is not None:
        yield "burst_seconds", limits.burst_ns / SECOND
    if limits.path_mtu is not None:
        yield "path_mtu_bytes", float(limits.path_mtu)


def _outage_time(state: CheckState, *, now: int) -> int:
    newest = state.reported.last.outages[0] if state.reported.last.outages else None
    running = now - max(newest.start, state.observed.first_seen) if newest and newest.end is None else 0
    return state.reported.last.outage_time + max(running, 0)
