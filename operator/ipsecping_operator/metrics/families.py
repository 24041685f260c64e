"""All families of metrics of checks."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.samples import Sample

from ipsecping.contract import Figure
from ipsecping.contract.buckets import cumulative
from ipsecping.contract.figure import Gauge, LabelledGauge
from ipsecping.contract.methods import figure_types
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.finding import Umbrella
from ipsecping.printable import printable
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType
from ipsecping_operator.check.series import Series
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.status.diagnosis import is_of_outage
from ipsecping_operator.verdict.tally import Tally

from . import alerting, instances, limits
from .described import Described
from .labels import CHECK_LABELS, PROBE_LABELS
from .labels import check_labels as _check_labels
from .labels import probe_labels as _probe_labels
from .paths import path_families

SECOND = 1_000_000_000
_CAUSES = frozenset({*map(str, Cause), *map(str, Umbrella)})


def _each_probe(figure: Callable[[Series, Tally | None], float | None]) -> Callable[..., None]:
    """A sample for each probe of each path; none where the figure is None."""

    def add(family: Any, state: CheckState, _: int) -> None:
        figures = _figures(state)
        for key, series in state.measured.series.items():
            value = figure(series, figures.get(key))
            if value is not None:
                family.add_metric(_probe_labels(state, key, series), value)

    return add


def _in_seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / SECOND


def _round_trip_times(family: HistogramMetricFamily, state: CheckState, _: int) -> None:
    for key, series in state.measured.series.items():
        totals = series.totals
        buckets = cumulative(totals.buckets)
        family.add_metric(_probe_labels(state, key, series), buckets, sum_value=totals.rtt_sum / SECOND)


def _refused_answers(family: CounterMetricFamily, state: CheckState, _: int) -> None:
    """Of each probe those reasons that there were."""
    for key, series in state.measured.series.items():
        for reason, count in sorted(series.totals.refused.items()):
            family.add_metric([*_probe_labels(state, key, series), reason.value], count)


def _conditions(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    labels = _check_labels(state)
    for kind, held in state.reported.last.conditions.items():
        for status in ConditionStatus:
            family.add_metric([*labels, kind.value, status.value], float(held.status is status))


def _unknown(family: Described, state: CheckState) -> list[Sample]:
    """Make samples that claim nothing of the check, from as little as possible."""
    assert state.metadata is not None
    meta, tunnel = (
        state.metadata,
        "" if state.applied.compiled is None else state.applied.compiled.tunnel_name,
    )
    values = [printable(str(each)) for each in (meta["namespace"], meta["name"], tunnel)]
    labels = dict(zip(CHECK_LABELS, values, strict=True))
    return [
        Sample(
            family.name,
            {**labels, "type": ConditionType.HEALTHY.value, "status": status.value},
            float(status is ConditionStatus.UNKNOWN),
        )
        for status in ConditionStatus
    ]


def _outages(family: CounterMetricFamily, state: CheckState, _: int) -> None:
    family.add_metric(_check_labels(state), state.reported.last.outages_begun)


def _outage_seconds(family: CounterMetricFamily, state: CheckState, now: int) -> None:
    family.add_metric(_check_labels(state), _outage_time(state, now=now) / SECOND)


def _diagnosis(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    """Of findings alike one; names that are not in the fault dictionary are another release's, or forged."""
    diagnosis = state.reported.last.diagnosis
    if diagnosis is None or not is_of_outage(diagnosis, state.reported.last.outages):
        return
    known = {
        (finding.reason if finding.reason in _CAUSES else "Other", finding.direction, finding.confidence)
        for finding in diagnosis.findings
    }
    for labels in sorted(known):
        family.add_metric([*_check_labels(state), *labels], 1)


def _path_info(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    assert state.applied.compiled is not None
    for path in state.applied.compiled.paths:
        for address in instances.addresses(state, path.plan.path):
            family.add_metric([*_check_labels(state), path.plan.path, path.plan.target, address], 1)


_OF_ROUNDS = (
    Described(
        CounterMetricFamily,
        "ipsecping_packets_sent",
        "Probe packets sent.",
        PROBE_LABELS,
        _each_probe(lambda series, _: series.totals.sent),
    ),
    Described(
        CounterMetricFamily,
        "ipsecping_packets_received",
        "Probe packets answered in time.",
        PROBE_LABELS,
        _each_probe(lambda series, _: series.totals.received),
    ),
    Described(
        HistogramMetricFamily, "ipsecping_rtt_seconds", "Round-trip time.", PROBE_LABELS, _round_trip_times
    ),
    Described(
        CounterMetricFamily,
        "ipsecping_answers_refused",
        "Answers that came and were refused, by reason; no series where there were none.",
        (*PROBE_LABELS, "reason"),
        _refused_answers,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_loss_ratio",
        "Packets lost over the check's window, 0 to 1.",
        PROBE_LABELS,
        _each_probe(lambda _, tally: tally.lost / tally.sent if tally else None),
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_jitter_seconds",
        "Mean difference of successive round-trip times over the check's window.",
        PROBE_LABELS,
        _each_probe(lambda _, tally: _in_seconds(tally.jitter) if tally else None),
    ),
)
_OF_CHECKS = (
    Described(
        GaugeMetricFamily,
        "ipsecping_last_result_timestamp_seconds",
        "When the newest round ended, Unix time.",
        PROBE_LABELS,
        _each_probe(lambda series, _: _in_seconds(series.last_end)),
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_check_condition",
        "1 for the status that a condition has, 0 for the two others.",
        (*CHECK_LABELS, "type", "status"),
        _conditions,
        instead=_unknown,
    ),
    Described(
        CounterMetricFamily,
        "ipsecping_outages",
        "Outages begun since the operator started.",
        CHECK_LABELS,
        _outages,
    ),
    Described(
        CounterMetricFamily,
        "ipsecping_outage_seconds",
        "Time in outage since the operator started.",
        CHECK_LABELS,
        _outage_seconds,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_path_info",
        "Always 1; the target's address as it was last resolved.",
        (*CHECK_LABELS, "path", "target", "remote_ip"),
        _path_info,
    ),
)


_DIAGNOSIS = Described(
    GaugeMetricFamily,
    "ipsecping_diagnosis_info",
    "Always 1; a finding of the diagnosis of the outage that lasts: a cause, or what several causes have in "
    "common.",
    (*CHECK_LABELS, "cause", "direction", "confidence"),
    _diagnosis,
)
_OF_INSTANCES = (
    (
        CounterMetricFamily,
        "ipsecping_instance_packets_sent",
        "Probe packets sent from one node, to one address.",
        instances.sent,
    ),
    (
        CounterMetricFamily,
        "ipsecping_instance_packets_received",
        "Probe packets answered in time, from one node, to one address.",
        instances.received,
    ),
    (
        GaugeMetricFamily,
        "ipsecping_instance_loss_ratio",
        "Packets lost over the check's window, 0 to 1, from one node, to one address.",
        instances.loss,
    ),
    (
        GaugeMetricFamily,
        "ipsecping_instance_rtt_median_seconds",
        "Median round-trip time over the check's window, from one node, to one address.",
        instances.median,
    ),
)
"""Of probes that nodes measure each for itself, or of which each address is measured by itself."""


def families() -> Iterator[Described]:
    """All of them; between the two rows stands what only some types of probes measure."""
    yield from _OF_ROUNDS
    for kind in figure_types():
        for gauge in kind.gauges:
            read = _each_probe(partial(_of_figure, kind, gauge))
            yield Described(GaugeMetricFamily, gauge.name, gauge.text, PROBE_LABELS, read)
        for family in kind.labelled:
            add = partial(_labelled, kind, family)
            labels = (*PROBE_LABELS, family.label)
            yield Described(GaugeMetricFamily, family.name, family.text, labels, add)
    yield _FLOWS
    yield from _OF_CHECKS
    yield from limits.FAMILIES
    yield from alerting.FAMILIES
    yield from path_families(CHECK_LABELS, _check_labels)
    yield _DIAGNOSIS
    for made, name, text, of_instance in _OF_INSTANCES:
        both = (*PROBE_LABELS, *instances.INSTANCE_LABELS)
        yield Described(made, name, text, both, instances.each_instance(of_instance, _probe_labels))


def _of_figure(kind: type[Figure], gauge: Gauge, _: Series, tally: Tally | None) -> float | None:
    figure = None if tally is None else tally.figure(kind)
    return None if figure is None else gauge.read(figure)


def _labelled(
    kind: type[Figure], described: LabelledGauge, family: GaugeMetricFamily, state: CheckState, _: int
) -> None:
    figures = _figures(state)
    for key, series in state.measured.series.items():
        tally = figures.get(key)
        figure = None if tally is None else tally.figure(kind)
        if figure is not None:
            for label, value in described.read(figure).items():
                family.add_metric([*_probe_labels(state, key, series), label], value)


def _flows(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    verdict = state.reported.last.verdict
    if verdict is None or state.reported.without_figures:
        return
    for probe in verdict.probes:
        key = probe.path, probe.probe.name
        if probe.flows is not None and (series := state.measured.series.get(key)) is not None:
            dead, labels = len(probe.flows.dead), _probe_labels(state, key, series)
            family.add_metric([*labels, "alive"], probe.flows.count - dead)
            family.add_metric([*labels, "dead"], dead)


_FLOWS = Described(
    GaugeMetricFamily,
    "ipsecping_flows",
    "Flows of a probe that has several: dead are those that lose every packet while others live.",
    (*PROBE_LABELS, "state"),
    _flows,
)


def _figures(state: CheckState) -> dict[tuple[str, str], Tally]:
    """The windows' sums as the last verdict used them."""
    if state.reported.last.verdict is None or state.reported.without_figures:
        return {}
    return {
        (probe.path, probe.probe.name): probe.figures
        for probe in state.reported.last.verdict.probes
        if probe.figures is not None
    }


def _outage_time(state: CheckState, *, now: int) -> int:
    newest = state.reported.last.outages[0] if state.reported.last.outages else None
    running = now - max(newest.start, state.observed.first_seen) if newest and newest.end is None else 0
    return state.reported.last.outage_time + max(running, 0)
