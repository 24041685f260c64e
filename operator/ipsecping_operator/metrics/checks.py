"""The metrics of all checks, worked out when they are scraped."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ipsecping.contract.buckets import cumulative
from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.results.measurements import Series
from ipsecping_operator.state import CheckState
from ipsecping_operator.verdict.tally import Tally

SECOND = 1_000_000_000
CHECK_LABELS = ("namespace", "check", "tunnel_name")
PROBE_LABELS = (*CHECK_LABELS, "path", "probe", "type", "target")


class CheckCollector(Collector):
    """Exports every check that was valid at least once; a check that has gone leaves no series."""

    def __init__(self, checks: Mapping[str, CheckState], *, clock: Callable[[], int] = time.time_ns) -> None:
        self._checks = checks
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not collect in order to register."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families, in the order of their documentation."""
        # May run in a thread beside the event loop: work on copies of what can grow meanwhile.
        states = [state for state in list(self._checks.values()) if state.body and state.compiled]
        yield from _probe_families(states)
        yield from _check_families(states, now=self._clock())


def _probe_families(states: list[CheckState]) -> Iterator[Metric]:
    sent = CounterMetricFamily("ipsecping_packets_sent", "Probe packets sent.", labels=PROBE_LABELS)
    received = CounterMetricFamily(
        "ipsecping_packets_received", "Probe packets answered in time.", labels=PROBE_LABELS
    )
    rtt = HistogramMetricFamily("ipsecping_rtt_seconds", "Round-trip time.", labels=PROBE_LABELS)
    loss = GaugeMetricFamily(
        "ipsecping_loss_ratio", "Packets lost over the check's window, 0 to 1.", labels=PROBE_LABELS
    )
    jitter = GaugeMetricFamily(
        "ipsecping_jitter_seconds",
        "Mean difference of successive round-trip times over the check's window.",
        labels=PROBE_LABELS,
    )
    path_mtu = GaugeMetricFamily(
        "ipsecping_path_mtu_bytes",
        "Largest IP packet that passes, by the newest search.",
        labels=PROBE_LABELS,
    )
    certificate = GaugeMetricFamily(
        "ipsecping_certificate_expiry_timestamp_seconds",
        "When the far end's TLS certificate ends, Unix time.",
        labels=PROBE_LABELS,
    )
    last = GaugeMetricFamily(
        "ipsecping_last_result_timestamp_seconds",
        "When the newest round ended, Unix time.",
        labels=PROBE_LABELS,
    )
    for state in states:
        figures = _figures(state)
        for key, series in list(state.measurements.series.items()):
            labels = _probe_labels(state, key, series)
            totals = series.totals
            sent.add_metric(labels, totals.sent)
            received.add_metric(labels, totals.received)
            rtt.add_metric(labels, buckets=cumulative(totals.buckets), sum_value=totals.rtt_sum / SECOND)
            tally = figures.get(key)
            if tally is not None:
                loss.add_metric(labels, tally.lost / tally.sent)
                if tally.jitter is not None:
                    jitter.add_metric(labels, tally.jitter / SECOND)
                if tally.mtu is not None:
                    path_mtu.add_metric(labels, tally.mtu)
                if tally.certificate_expiry is not None:
                    certificate.add_metric(labels, tally.certificate_expiry / SECOND)
            if series.last_end is not None:
                last.add_metric(labels, series.last_end / SECOND)
    yield from (sent, received, rtt, loss, jitter, path_mtu, certificate, last)


def _check_families(states: list[CheckState], *, now: int) -> Iterator[Metric]:
    condition = GaugeMetricFamily(
        "ipsecping_check_condition",
        "1 for the status that a condition has, 0 for the two others.",
        labels=(*CHECK_LABELS, "type", "status"),
    )
    threshold = GaugeMetricFamily(
        "ipsecping_threshold", "Limit that the check is judged by.", labels=(*CHECK_LABELS, "kind")
    )
    outages = CounterMetricFamily(
        "ipsecping_outages", "Outages begun since the operator started.", labels=CHECK_LABELS
    )
    outage_seconds = CounterMetricFamily(
        "ipsecping_outage_seconds", "Time in outage since the operator started.", labels=CHECK_LABELS
    )
    info = GaugeMetricFamily(
        "ipsecping_path_info",
        "Always 1; the target's address as it was last resolved.",
        labels=(*CHECK_LABELS, "path", "target", "remote_ip"),
    )
    for state in states:
        labels = _check_labels(state)
        for kind, held in dict(state.conditions).items():
            for status in ConditionStatus:
                condition.add_metric([*labels, kind.value, status.value], float(held.status is status))
        assert state.compiled is not None
        for name, limit in _limits(state.compiled):
            threshold.add_metric([*labels, name], limit)
        outages.add_metric(labels, state.outages_begun)
        outage_seconds.add_metric(labels, _outage_time(state, now=now) / SECOND)
        for path in state.compiled.paths:
            address = state.measurements.remote.get(path.plan.path)
            if address is not None:
                info.add_metric([*labels, path.plan.path, path.plan.target, address], 1)
    yield from (condition, threshold, outages, outage_seconds, info)


def _check_labels(state: CheckState) -> list[str]:
    assert state.compiled is not None
    return [state.compiled.namespace, state.compiled.name, state.compiled.tunnel_name]


def _probe_labels(state: CheckState, key: tuple[str, str], series: Series) -> list[str]:
    return [*_check_labels(state), *key, series.basis.probe.type.value, series.basis.target]


def _figures(state: CheckState) -> dict[tuple[str, str], Tally]:
    """The windows' sums as the last verdict used them."""
    if state.verdict is None:
        return {}
    return {
        (probe.path, probe.probe.name): probe.figures
        for probe in state.verdict.probes
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
    if limits.path_mtu is not None:
        yield "path_mtu_bytes", float(limits.path_mtu)


def _outage_time(state: CheckState, *, now: int) -> int:
    newest = state.outages[0] if state.outages else None
    running = now - max(newest.start, state.born) if newest and newest.end is None else 0
    return state.outage_time + max(running, 0)
