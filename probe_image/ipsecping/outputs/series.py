"""Series for Prometheus: counters that grow from round to round, and the figures of the newest round."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from ..contract import Plan, PlannedCheck, RoundResult, destination
from ..contract.buckets import BOUNDS, cumulative, spread
from .figures import LABELS, SECOND, Measured

PATH_LABELS = ("namespace", "check", "tunnel_name", "path", "target", "remote_ip")

Labels = tuple[str, ...]
"""Values of `LABELS`."""


@dataclass(slots=True)
class Counters:
    """Sums over all valid rounds of one series."""

    sent: int = 0
    received: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """Round trips per bucket, not cumulative."""
    rtt_sum: int = 0
    """Nanoseconds."""

    def add(self, result: RoundResult) -> None:
        """Count one valid round."""
        self.sent += result.sent
        self.received += result.received
        self.rtt_sum += result.rtt.sum
        spread(result.rtt, self.buckets)


@dataclass(slots=True)
class Series:
    """One probe on one path."""

    counters: Counters = field(default_factory=Counters)
    newest: Measured | None = None


class SeriesBook(Collector):
    """All series of a plan. Belongs to one thread."""

    def __init__(self) -> None:
        self._series: dict[Labels, Series] = {}
        self._wanted: frozenset[Labels] | None = None

    def add(self, check: PlannedCheck, result: RoundResult) -> None:
        """Take in a result. An invalid round counts no packets."""
        measured = Measured(check, result)
        labels = measured.series
        if self._wanted is not None and labels not in self._wanted:
            return  # the last round of a path that has left the plan
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Series()
        series.newest = measured
        if result.invalid is None:
            series.counters.add(result)

    def go_on_from(self, earlier: Iterable[tuple[Labels, Counters]]) -> None:
        """Let the counters of series that are there already go on from those of an earlier run."""
        for labels, counters in earlier:
            series = self._series.get(labels)
            if series is None:
                continue
            series.counters.sent += counters.sent
            series.counters.received += counters.received
            series.counters.rtt_sum += counters.rtt_sum
            series.counters.buckets = [
                a + b for a, b in zip(series.counters.buckets, counters.buckets, strict=True)
            ]

    def retain(self, plan: Plan) -> None:
        """Forget what is not in the plan, and take in nothing else from now on. What is down stays."""
        wanted = self._wanted = frozenset(
            (c.namespace, c.name, c.tunnel_name, c.path, probe.name, probe.type.value, c.target)
            for c in plan.checks
            for probe in c.probes
        )
        self._series = {labels: series for labels, series in self._series.items() if labels in wanted}

    def checks(self) -> list[tuple[str, str]]:
        """Namespace and name of each check that has series."""
        return list(dict.fromkeys((labels[0], labels[1]) for labels in self._series))

    def only(self, namespace: str, check: str) -> "SeriesBook":
        """The series of one check."""
        book = SeriesBook()
        book._series = {labels: s for labels, s in self._series.items() if labels[:2] == (namespace, check)}
        return book

    def exposition(self) -> bytes:
        """The text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """All families, in the order of their documentation."""
        yield self._counter(
            "ipsecping_packets_sent", "Probe packets sent, without invalid rounds.", lambda c: c.sent
        )
        yield self._counter(
            "ipsecping_packets_received", "Probe packets answered in time.", lambda c: c.received
        )
        rtt = HistogramMetricFamily("ipsecping_rtt_seconds", "Round-trip time.", labels=LABELS)
        for labels, series in self._series.items():
            counters = series.counters
            rtt.add_metric(list(labels), cumulative(counters.buckets), counters.rtt_sum / SECOND)
        yield rtt
        for name, help_text, read in _GAUGES:
            yield self._gauge(name, help_text, read)
        yield self._path_info()

    def _counter(self, name: str, help_text: str, read: Callable[[Counters], int]) -> Metric:
        family = CounterMetricFamily(name, help_text, labels=LABELS)
        for labels, series in self._series.items():
            family.add_metric(list(labels), read(series.counters))
        return family

    def _gauge(self, name: str, help_text: str, read: Callable[[Measured], float | None]) -> Metric:
        family = GaugeMetricFamily(name, help_text, labels=LABELS)
        for labels, series in self._series.items():
            if series.newest is not None and (value := read(series.newest)) is not None:
                family.add_metric(list(labels), value)
        return family

    def _path_info(self) -> Metric:
        family = GaugeMetricFamily(
            "ipsecping_path_info",
            "Always 1; the target's address as it was last resolved.",
            labels=PATH_LABELS,
        )
        addresses = {
            (*labels[:4], labels[6]): series.newest.result.remote_ip
            for labels, series in self._series.items()
            if series.newest is not None
            and series.newest.result.remote_ip is not None
            and _sent_to_target(series.newest)
        }
        for path, address in addresses.items():
            family.add_metric([*path, address], 1)
        return family


def _sent_to_target(measured: Measured) -> bool:
    """Rather than to a URL's host or to the gateway."""
    check, name = measured.check, measured.result.probe
    probe = next((each for each in check.probes if each.name == name), None)
    return probe is not None and destination(probe, check.target) == check.target


def _loss(measured: Measured) -> float | None:
    result = measured.result
    if result.invalid is not None or not result.sent:
        return None
    return (result.sent - result.received) / result.sent


def _jitter(measured: Measured) -> float | None:
    result = measured.result
    if result.invalid is not None or not result.jitter_count:
        return None
    return result.jitter_sum / result.jitter_count / SECOND


def _path_mtu(measured: Measured) -> float | None:
    found = measured.result.path_mtu
    return None if found is None or measured.result.invalid is not None else found.forward


_GAUGES: tuple[tuple[str, str, Callable[[Measured], float | None]], ...] = (
    ("ipsecping_loss_ratio", "Packets lost in the newest round, 0 to 1; absent when it is invalid.", _loss),
    ("ipsecping_jitter_seconds", "Mean difference of successive round-trip times, newest round.", _jitter),
    ("ipsecping_path_mtu_bytes", "Largest IP packet that reaches the far end, newest round.", _path_mtu),
    (
        "ipsecping_certificate_expiry_timestamp_seconds",
        "When the far end's TLS certificate ends, Unix time.",
        lambda measured: measured.result.certificate_expiry,
    ),
    (
        "ipsecping_last_result_timestamp_seconds",
        "When the newest round ended, Unix time.",
        lambda measured: measured.ended_at / SECOND,
    ),
    (
        "ipsecping_last_result_invalid",
        "1 when the newest round says nothing about the path, for the prober was at fault.",
        lambda measured: float(measured.result.invalid is not None),
    ),
)
