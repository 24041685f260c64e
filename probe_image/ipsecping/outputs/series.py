"""Series for Prometheus: counters that grow from round to round, and the figures of the newest round."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

from ..contract import Figure, Plan, PlannedCheck, RoundResult, destination
from ..contract.buckets import BOUNDS, cumulative, spread
from ..contract.figure import Gauge
from ..contract.methods import figure_types
from .exposition import LabelNames, head
from .figures import LABELS, SECOND, Measured

PATH_LABELS = ("namespace", "check", "tunnel_name", "path", "target", "remote_ip")

Labels = tuple[str, ...]
"""Values of `LABELS`."""
_Value: TypeAlias = float | Mapping[str, float] | None
"""Of one series of a gauge, or one for each value of the gauge's own label."""


class Counters(NamedTuple):
    """Sums over all valid rounds of one series."""

    sent: int = 0
    received: int = 0
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    """Round trips per bucket, not cumulative."""
    rtt_sum: int = 0
    """Nanoseconds."""

    def with_round(self, result: RoundResult) -> "Counters":
        """These and one valid round."""
        buckets = list(self.buckets)
        spread(result.rtt, buckets)
        return Counters(
            sent=self.sent + result.sent,
            received=self.received + result.received,
            buckets=tuple(buckets),
            rtt_sum=self.rtt_sum + result.rtt.sum,
        )

    def going_on_from(self, earlier: "Counters") -> "Counters":
        """These and those of an earlier run."""
        return Counters(
            sent=earlier.sent + self.sent,
            received=earlier.received + self.received,
            buckets=tuple(a + b for a, b in zip(earlier.buckets, self.buckets, strict=True)),
            rtt_sum=earlier.rtt_sum + self.rtt_sum,
        )


class Series(NamedTuple):
    """One probe on one path. Never changed but replaced, so that whoever reads slowly reads one moment's."""

    counters: Counters
    newest: Measured


class SeriesBook:
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
        before = self._series.get(labels)
        counters = Counters() if before is None else before.counters
        if result.invalid is None:
            counters = counters.with_round(result)
        self._series[labels] = Series(counters, measured)

    def go_on_from(self, earlier: Iterable[tuple[Labels, Counters]]) -> None:
        """Let the counters of series that are there already go on from those of an earlier run."""
        for labels, counters in earlier:
            series = self._series.get(labels)
            if series is not None:
                going_on = series.counters.going_on_from(counters)
                self._series[labels] = series._replace(counters=going_on)

    def retain(self, plan: Plan) -> None:
        """Forget what is not in the plan, and take in nothing else from now on. What is down stays."""
        wanted = self._wanted = frozenset(
            (c.namespace, c.name, c.tunnel_name, c.path, probe.name, probe.type, c.target)
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
        return "".join(self.lines()).encode()

    def lines(self) -> Iterator[str]:
        """The text format bit by bit, at most one series of one family at a time.

        All of it is of the moment of the first bit. Bits may be empty: who has other things to do may do
        them after each.
        """
        held = list(self._series.items())
        for name, text, count in _COUNTERS:
            yield head(name, "counter", text)
            for labels, (counters, _) in held:
                yield _NAMES.sample(name, labels, count(counters))
        yield head(_RTT, "histogram", "Round-trip time.")
        for labels, (counters, _) in held:
            yield _NAMES.histogram(_RTT, labels, cumulative(counters.buckets), counters.rtt_sum / SECOND)
        for name, text, read, names in (*_OF_ROUNDS, *_of_figures(), *_OF_THE_NEWEST):
            yield head(name, "gauge", text)
            for labels, (_, newest) in held:
                value = read(newest)
                if isinstance(value, Mapping):
                    yield "".join(names.sample(name, (*labels, each), value[each]) for each in value)
                else:
                    yield "" if value is None else names.sample(name, labels, value)
        yield from _addresses(held)


def _addresses(held: list[tuple[Labels, Series]]) -> Iterator[str]:
    name = "ipsecping_path_info"
    yield head(name, "gauge", "Always 1; the target's address as it was last resolved.")
    told: set[Labels] = set()
    for labels, (_, newest) in held:
        path, address = (*labels[:4], labels[6]), newest.result.remote_ip
        if address is None or path in told or not _sent_to_target(newest):
            yield ""
        else:
            told.add(path)
            yield _PATH_NAMES.sample(name, (*path, address), 1)


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


def _of_figures() -> Iterator["_Gauge"]:
    """The series of what only some types of probes measure."""
    for kind in figure_types():
        for gauge in kind.gauges:
            names = _NAMES if gauge.label is None else LabelNames((*LABELS, gauge.label))
            yield gauge.name, gauge.round_text or gauge.text, partial(_of_figure, kind, gauge), names


def _of_figure(kind: type[Figure], gauge: Gauge, measured: Measured) -> _Value:
    figure = measured.result.figures.get(kind.name)
    if figure is None or (measured.result.invalid is not None and not gauge.of_invalid_rounds):
        return None
    return (gauge.round_read or gauge.read)(figure)


_NAMES, _PATH_NAMES = LabelNames(LABELS), LabelNames(PATH_LABELS)
_RTT = "ipsecping_rtt_seconds"
_COUNTERS: tuple[tuple[str, str, Callable[[Counters], int]], ...] = (
    ("ipsecping_packets_sent_total", "Probe packets sent, without invalid rounds.", lambda c: c.sent),
    ("ipsecping_packets_received_total", "Probe packets answered in time.", lambda c: c.received),
)
_Gauge = tuple[str, str, Callable[[Measured], _Value], LabelNames]
_OF_ROUNDS: tuple[_Gauge, ...] = (
    (
        "ipsecping_loss_ratio",
        "Packets lost in the newest round, 0 to 1; absent when it is invalid.",
        _loss,
        _NAMES,
    ),
    (
        "ipsecping_jitter_seconds",
        "Mean difference of successive round-trip times, newest round.",
        _jitter,
        _NAMES,
    ),
)
_OF_THE_NEWEST: tuple[_Gauge, ...] = (
    (
        "ipsecping_last_result_timestamp_seconds",
        "When the newest round ended, Unix time.",
        lambda measured: measured.ended_at / SECOND,
        _NAMES,
    ),
    (
        "ipsecping_last_result_invalid",
        "1 when the newest round says nothing about the path, for the prober was at fault.",
        lambda measured: float(measured.result.invalid is not None),
        _NAMES,
    ),
)
