"""The figures of a ping: as text for one host, as a table for several, as JSON."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ..contract import METHODS, PlannedProbe, RefusedAnswers, StampOptions
from ..contract.directions import at_least, neither
from ..measure.totals import Totals
from .live import UNTIMED
from .table import milliseconds, table

PERCENTILES = (50, 90, 99)
_UNKNOWN = "unknown"


class Outcome(NamedTuple):
    """What was measured of one host."""

    host: str
    """As it was given."""
    address: str | None
    probe: PlannedProbe
    totals: Totals
    samples: list[dict[str, Any]] | None = None
    """Each answered packet's figures, if asked for."""
    trouble: str | None = None
    """Why nothing could be sent."""
    shown_as: str | None = None
    """What tells it from other addresses of the same host; None: the host."""
    flows: Mapping[int, Totals] = MappingProxyType({})
    """Source port to what was measured from there; of several flows."""

    @property
    def label(self) -> str:
        """What tells it from other outcomes."""
        return self.shown_as or self.host


def text(outcome: Outcome) -> list[str]:
    """The summary of one host."""
    totals = outcome.totals
    lines = [
        f"--- {outcome.host} {outcome.probe.type} statistics ---",
        f"{totals.sent} sent, {totals.received} received, {loss(totals)} % lost, "
        f"{totals.duplicates} duplicates, {totals.reordered} reordered",
    ]
    if unsent := _not_sent(totals):
        lines.append(unsent)
    if totals.losses:
        lines.append(f"lost: {_reasons(totals)}")
    if refused := _refused(totals):
        lines.append(refused)
    if (shape := totals.loss_shape) is not None:
        run = f"longest loss: {shape.packets} in a row within {shape.duration / 1e6:.0f} ms"
        lines.append("; ".join(filter(None, (run, shape.remark()))))
    if direction := _direction(outcome):
        lines.append(f"direction: {direction}")
    lines += _arrivals(outcome)
    if figures := rtt_figures(totals):
        lines.append(
            f"rtt {'/'.join(figures)} = {'/'.join(f'{value:.3f}' for value in figures.values())} ms, "
            f"clock: {totals.clock}"
        )
    elif totals.received and METHODS[outcome.probe.type].timed:
        lines.append(f"rtt unknown: {UNTIMED}")
    if totals.jitter is not None:
        lines.append(f"jitter {totals.jitter / 1e6:.3f} ms")
    return lines


def rows(outcomes: Sequence[Outcome]) -> list[str]:
    """One line for each host."""
    times = ("MIN", *(f"P{percent}" for percent in PERCENTILES), "MAX", "JITTER")
    heading = ("HOST", "SENT", "RECV", "LOSS%", "DUP", "REORD", *times, "REMARK")
    lines: list[Sequence[str]] = [heading]
    for outcome in outcomes:
        totals = outcome.totals
        counts = (totals.sent, totals.received, loss(totals), totals.duplicates, totals.reordered)
        rtt = totals.rtt
        shown = (rtt.min, *(rtt.percentile(percent) for percent in PERCENTILES), rtt.max, totals.jitter)
        trouble = (outcome.trouble or "").removeprefix(f"{outcome.label}: ")
        direction = _direction(outcome)
        if direction == _UNKNOWN:
            direction = f"direction {_UNKNOWN}"
        told = (_not_sent(totals), _reasons(totals), direction, _refused(totals))
        remark = trouble or "; ".join(filter(None, told))
        lines.append((outcome.label, *map(str, counts), *map(milliseconds, shown), remark))
    return table(lines, numbers=frozenset(range(1, len(heading) - 1)))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One object; times in milliseconds, None for what is unknown."""
    probe, totals = outcome.probe, outcome.totals
    content: dict[str, Any] = {
        "host": outcome.host,
        "address": outcome.address,
        "type": probe.type,
        "port": probe.port,
        "size": probe.size,
        "sent": totals.sent,
        "received": totals.received,
        "duplicates": totals.duplicates,
        "reordered": totals.reordered,
        "loss_percent": totals.loss_percent,
        "losses": dict(totals.losses),
        "refused_answers": RefusedAnswers.of(totals.refused).to_json(),
        "forward_lost": totals.forward_lost,
        "reverse_lost": totals.reverse_lost,
        "min_forward_lost": totals.min_forward_lost,
        "min_reverse_lost": totals.min_reverse_lost,
        **{name: value for each in totals.arrivals.values() for name, value in each.fields().items()},
        "loss_shape": None if totals.loss_shape is None else totals.loss_shape.fields(),
        "unit": "ms",
        "rtt": rtt_figures(totals) or None,
        "jitter": None if totals.jitter is None else totals.jitter / 1e6,
        "clock": totals.clock,
    }
    if outcome.flows:
        content["flows"] = [
            {
                "source_port": port,
                "sent": flow.sent,
                "received": flow.received,
                "loss_percent": flow.loss_percent,
                "rtt": rtt_figures(flow) or None,
            }
            for port, flow in outcome.flows.items()
        ]
    if totals.not_sent:
        content["not_sent"] = totals.not_sent
    if outcome.samples is not None:
        content["samples"] = outcome.samples
    if outcome.trouble is not None:
        content["error"] = outcome.trouble
    return content


def rtt_figures(totals: Totals) -> dict[str, float]:
    """Round-trip times in milliseconds; empty when there are none."""
    rtt = totals.rtt
    figures = {
        "min": rtt.min,
        "avg": totals.mean_rtt,
        **{f"p{percent}": rtt.percentile(percent) for percent in PERCENTILES},
        "max": rtt.max,
    }
    return {name: value / 1e6 for name, value in figures.items() if value is not None}


def loss(totals: Totals) -> str:
    """Loss in percent, or a dash."""
    return "-" if totals.loss_percent is None else f"{totals.loss_percent:.2f}"


def _not_sent(totals: Totals) -> str:
    return f"{totals.not_sent} more could not be sent by this host" if totals.not_sent else ""


def _reasons(totals: Totals) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in totals.losses.items())


def _refused(totals: Totals) -> str:
    """How many answers were refused, and why."""
    return RefusedAnswers.of(totals.refused).remark() or ""


def _arrivals(outcome: Outcome) -> list[str]:
    """How packets arrived, so far as it was asked for; and of what the target tells nothing."""
    options, totals = outcome.probe.options, outcome.totals
    if not isinstance(options, StampOptions) or not totals.received:
        return []
    told = ((kind, totals.arrivals.get(kind)) for kind in options.asked)
    return [
        f"the reflector does not tell {kind.what}" if figure is None else str(figure.remark())
        for kind, figure in told
    ]


def _direction(outcome: Outcome) -> str:
    """In words, where there is a loss and the method can tell."""
    totals = outcome.totals
    if not totals.losses or not METHODS[outcome.probe.type].directed:
        return ""
    lost = totals.sent - totals.received
    if totals.forward_lost is None or totals.reverse_lost is None:
        return at_least(totals.min_forward_lost, totals.min_reverse_lost, lost=lost) or _UNKNOWN
    parts = (
        f"{totals.forward_lost} on the way there, {totals.reverse_lost} on the way back",
        neither(totals.forward_lost, totals.reverse_lost, lost=lost),
    )
    return ", ".join(filter(None, parts))
