"""One round of several flows, from what each of them measured. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..contract import ClockSource, Figure, Flows, Invalidity, RoundResult
from ..contract.bounds import MAX_DUPLICATES
from ..contract.figure import figures_by_name
from .totals import Totals


def side_by_side(flows: Sequence[RoundResult], *, first_port: int, invalid: Invalidity | None) -> RoundResult:
    """The flows' results as one, with the figure `Flows`; `first_port` is the source port of the first.

    Delay variation is that of each flow, never between two: they may go different ways. So is the run of
    packets lost one after the other. Directions are known where those of every flow are.
    """
    totals = Totals()
    for flow in flows:
        totals.add(flow)
    directed = totals.forward_lost is not None and totals.reverse_lost is not None
    return replace(
        flows[0],
        duration=max(flow.duration for flow in flows),
        sent=totals.sent,
        received=totals.received,
        duplicates=min(totals.duplicates, MAX_DUPLICATES),
        reordered=totals.reordered,
        forward_lost=totals.forward_lost if directed else None,
        reverse_lost=totals.reverse_lost if directed else None,
        losses=dict(totals.losses),
        rtt=totals.rtt,
        jitter_sum=totals.jitter_sum,
        jitter_count=totals.jitter_count,
        clock=totals.clock or ClockSource.USER,
        invalid=invalid,
        figures=figures_by_name(*_figures(flows), of_flows(flows, first_port=first_port)),
        answers=None,
    )


def of_flows(flows: Sequence[RoundResult], *, first_port: int) -> Flows:
    """The figure that tells the flows apart."""
    rows = [(flow.sent, flow.received, flow.rtt.count, flow.rtt.sum) for flow in flows]
    return Flows.of(rows, first_port=first_port)


def _figures(flows: Sequence[RoundResult]) -> Iterator[Figure]:
    kinds = dict.fromkeys(type(figure) for flow in flows for figure in flow.figures.values())
    for kind in kinds:
        of_kind = [figure for flow in flows if (figure := flow.figure(kind)) is not None]
        if (merged := kind.side_by_side(of_kind)) is not None:
            yield merged
