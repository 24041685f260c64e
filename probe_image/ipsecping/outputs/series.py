"""Series for Prometheus: counters that grow from round to round, and the figures of the newest round."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import NamedTuple

from ..contract import Figure, Plan, PlannedCheck, RefusedAnswers, RoundResult, destination
from ..contract.bounds import MAX_ADDRESSES
from ..contract.buckets import BOUNDS, cumulative, spread
from ..contract.figure import Gauge, LabelledGauge
from ..contract.methods import figure_types
from .exposition import LabelNames, head
from .figures import ADDRESS_LABEL, LABELS, SECOND, Measured

REFUSED = "ipsecping_answers_refused_total"
PATH_LABELS = ("namespace", "check", "tunnel_name", "path", "target", "remote_ip")

Labels = tuple[str, ...]
"""Values of `LABELS`, and of `ADDRESS_LABEL` where each address is measured by itself."""
MOST_ADDRESSES = 2 * MAX_ADDRESSES
"""Addresses of one probe that are kept: those that were not measured for longest go first."""


MILLISECOND = 1_000_000
LINGERS = 15 * 60 * SECOND
"""How long an address is told that is measured no more, at least."""


Refused = tuple[tuple[str, int], ...]


class Counters(NamedTuple):
    """Sums over all valid rounds of one series."""

    sent: int = 0
    received: int = 0
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    """Round trips per bucket, not cumulative."""
    rtt_sum: int = 0
    """Nanoseconds."""
    refused: Refused = ()
    """Reasons why answers were refused, in order, and how many."""

    def with_round(self, result: RoundResult) -> "Counters":
        """These and one valid round."""
        buckets = list(self.buckets)
        spread(result.rtt, buckets)
        return Counters(
            sent=self.sent + result.sent,
            received=self.received + result.received,
            buckets=tuple(buckets),
            rtt_sum=self.rtt_sum + result.rtt.sum,
            refused=_with_refused(self.refused, result.figure(RefusedAnswers)),
        )

    def going_on_from(self, earlier: "Counters") -> "Counters":
        """These and those of an earlier run."""
        return Counters(
            sent=earlier.sent + self.sent,
            received=earlier.received + self.received,
            buckets=tuple(a + b for a, b in zip(earlier.buckets, self.buckets, strict=True)),
            rtt_sum=earlier.rtt_sum + self.rtt_sum,
            refused=_added(earlier.refused, self.refused),
        )


def _with_refused(known: Refused, figure: RefusedAnswers | None) -> Refused:
    if figure is None:
        return known
    return _added(known, ((str(reason), count) for reason, count in figure.by_reason.items()))


def _added(known: Refused, more: Iterable[tuple[str, int]]) -> Refused:
    return tuple(sorted((Counter(dict(known)) + Counter(dict(more))).items()))


class Series(NamedTuple):
    """One probe on one path. Never changed but replaced, so that whoever reads slowly reads one moment's."""

    counters: Counters
    newest: Measured


class SeriesBook:
    """All series of a plan. Belongs to one thread."""

    def __init__(self) -> None:
        self._series: dict[Labels, Series] = {}
        self._wanted: frozenset[Labels] | None = None
        self._addresses: dict[Labels, dict[str, int]] = {}
        """Of each probe the addresses, in the order in which they were measured last, and when."""

    def add(self, check: PlannedCheck, result: RoundResult) -> None:
        """Take in a result. An invalid round counts no packets."""
        measured = Measured(check, result)
        labels = measured.series
        if self._wanted is not None and labels not in self._wanted:
            return  # the last round of a path that has left the plan
        if measured.address:
            labels = (*labels, measured.address)
            self._forget_addresses(labels, check, result)
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
        self._series = {
            labels: series for labels, series in self._series.items() if labels[: len(LABELS)] in wanted
        }
        self._addresses = {labels: each for labels, each in self._addresses.items() if labels in wanted}

    def _forget_addresses(self, labels: Labels, check: PlannedCheck, result: RoundResult) -> None:
        """Forget addresses of the same probe that the name has no more, as its newest rounds have it."""
        probe, address = labels[:-1], labels[-1]
        self._series.pop(probe, None)  # of rounds in which the name had none
        known = self._addresses.setdefault(probe, {})
        lingers = max(LINGERS, 3 * (check.interval_ms or 0) * MILLISECOND)
        known.pop(address, None)
        known[address] = result.started_at
        while known:
            oldest, at = next(iter(known.items()))
            # All are measured in each round: who was not for a while is there no more.
            if len(known) <= MOST_ADDRESSES and at + lingers > result.started_at:
                break
            del known[oldest]
            self._series.pop((*probe, oldest), None)

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
                yield _names(labels).sample(name, labels, count(counters))
        yield head(REFUSED, "counter", "Answers that came and were refused, by reason; none: no series.")
        for labels, (counters, _) in held:
            names = _names(labels, "reason")
            yield "".join(
                names.sample(REFUSED, (*labels, reason), count) for reason, count in counters.refused
            )
        yield head(_RTT, "histogram", "Round-trip time.")
        for labels, (counters, _) in held:
            yield _names(labels).histogram(
                _RTT, labels, cumulative(counters.buckets), counters.rtt_sum / SECOND
            )
        for name, text, read in (*_OF_ROUNDS, *_of_figures(), *_OF_THE_NEWEST):
            yield head(name, "gauge", text)
            for labels, (_, newest) in held:
                value = read(newest)
                yield "" if value is None else _names(labels).sample(name, labels, value)
        for kind in figure_types():
            for family in kind.labelled:
                yield head(family.name, "gauge", family.round_text)
                for labels, (_, newest) in held:
                    names = _names(labels, family.label)
                    yield from _labelled(names, labels, family, newest.result.figures.get(kind.name), newest)
        yield from _addresses(held)


def _labelled(
    names: LabelNames, labels: Labels, family: LabelledGauge, figure: Figure | None, newest: Measured
) -> Iterator[str]:
    if figure is not None and newest.result.invalid is None:
        for label, value in family.read(figure).items():
            yield names.sample(family.name, (*labels, label), value)
    yield ""


def _addresses(held: list[tuple[Labels, Series]]) -> Iterator[str]:
    name = "ipsecping_path_info"
    yield head(name, "gauge", "Always 1; the target's address as it was last resolved.")
    told: set[Labels] = set()
    for labels, (_, newest) in held:
        path, address = (*labels[:4], labels[6]), newest.result.remote_ip
        key = (*path, newest.address)
        if address is None or key in told or not _sent_to_target(newest):
            yield ""
        else:
            told.add(key)
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
            yield gauge.name, gauge.round_text or gauge.text, partial(_of_figure, kind, gauge)


def _of_figure(kind: type[Figure], gauge: Gauge, measured: Measured) -> float | None:
    figure = measured.result.figures.get(kind.name)
    if figure is None or (measured.result.invalid is not None and not gauge.of_invalid_rounds):
        return None
    return (gauge.round_read or gauge.read)(figure)


def _names(labels: Labels, *more: str) -> LabelNames:
    """The names of these labels, and of `more` behind them."""
    return _made_names(len(labels) > len(LABELS), more)


@cache
def _made_names(with_address: bool, more: tuple[str, ...]) -> LabelNames:
    return LabelNames((*LABELS, *((ADDRESS_LABEL,) if with_address else ()), *more))


_PATH_NAMES = LabelNames(PATH_LABELS)
_RTT = "ipsecping_rtt_seconds"
_COUNTERS: tuple[tuple[str, str, Callable[[Counters], int]], ...] = (
    ("ipsecping_packets_sent_total", "Probe packets sent, without invalid rounds.", lambda c: c.sent),
    ("ipsecping_packets_received_total", "Probe packets answered in time.", lambda c: c.received),
)
_Gauge = tuple[str, str, Callable[[Measured], float | None]]
_OF_ROUNDS: tuple[_Gauge, ...] = (
    ("ipsecping_loss_ratio", "Packets lost in the newest round, 0 to 1; absent when it is invalid.", _loss),
    ("ipsecping_jitter_seconds", "Mean difference of successive round-trip times, newest round.", _jitter),
)
_OF_THE_NEWEST: tuple[_Gauge, ...] = (
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
