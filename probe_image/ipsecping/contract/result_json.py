"""The JSON form of a result: one line of the stream, one item of a termination message."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from . import fields
from .check import LossReason, ProbeType
from .check_json import check_from_json, check_to_json
from .figure import Figure, figures_by_name
from .histogram import Histogram
from .methods import figure_types, loss_reasons, type_in
from .result import NOTHING, ClockSource, Invalidity, RoundResult
from .rules import check_result


def result_to_json(result: RoundResult) -> dict[str, Any]:
    """The JSON object of one result; absent keys mean None, zero or empty."""
    content: dict[str, Any] = {
        **check_to_json(result.check),
        "probe": result.probe,
        "type": result.type,
        "startedAt": result.started_at,
        "duration": result.duration,
        "sent": result.sent,
        "received": result.received,
        "clock": result.clock.value,
    }
    content |= _more_counts(result)
    if result.rtt.count:
        content["rtt"] = result.rtt.to_json()
    if result.jitter_sum:
        content["jitterSum"] = result.jitter_sum
    if result.jitter_count:
        content["jitterCount"] = result.jitter_count
    if result.remote_ip is not None:
        content["remoteIP"] = result.remote_ip
    if result.addresses is not None:
        content["addresses"] = result.addresses
    if result.address_age is not None:
        content["addressAge"] = result.address_age
    if result.invalid is not None:
        content["invalid"] = result.invalid.value
    if result.run_now is not None:
        content["runNow"] = result.run_now
    for name, figure in result.figures.items():
        content[name] = figure.to_json()
    return content


def _more_counts(result: RoundResult) -> dict[str, Any]:
    """Those that are zero or unknown in most results."""
    content: dict[str, Any] = {}
    if result.duplicates:
        content["duplicates"] = result.duplicates
    if result.reordered:
        content["reordered"] = result.reordered
    if result.forward_lost is not None:
        content["forwardLost"] = result.forward_lost
    if result.reverse_lost is not None:
        content["reverseLost"] = result.reverse_lost
    if result.min_forward_lost:
        content["minForwardLost"] = result.min_forward_lost
    if result.min_reverse_lost:
        content["minReverseLost"] = result.min_reverse_lost
    if result.losses:
        content["losses"] = dict(result.losses)
    return content


def result_from_json(value: object, path: str = "result") -> RoundResult:
    """Read one result; raises ContractError for a wrong field or figures that contradict one another."""
    source = fields.mapping(value, path)
    kind = type_in(source, "type", path)
    result = RoundResult(
        check=check_from_json(source, path),
        probe=fields.text(source, "probe", path),
        type=kind,
        started_at=fields.integer(source, "startedAt", path),
        duration=fields.integer(source, "duration", path),
        sent=fields.integer(source, "sent", path),
        received=fields.integer(source, "received", path),
        duplicates=fields.optional_integer(source, "duplicates", path) or 0,
        reordered=fields.optional_integer(source, "reordered", path) or 0,
        forward_lost=fields.optional_integer(source, "forwardLost", path),
        reverse_lost=fields.optional_integer(source, "reverseLost", path),
        min_forward_lost=fields.optional_integer(source, "minForwardLost", path) or 0,
        min_reverse_lost=fields.optional_integer(source, "minReverseLost", path) or 0,
        losses=_losses(source, kind, path),
        rtt=Histogram.from_json(fields.optional_mapping(source, "rtt", path), f"{path}.rtt"),
        jitter_sum=fields.optional_integer(source, "jitterSum", path) or 0,
        jitter_count=fields.optional_integer(source, "jitterCount", path) or 0,
        clock=fields.member(source, "clock", path, ClockSource),
        remote_ip=fields.optional_address(source, "remoteIP", path),
        addresses=fields.optional_integer(source, "addresses", path),
        address_age=fields.optional_integer(source, "addressAge", path),
        invalid=None if source.get("invalid") is None else fields.member(source, "invalid", path, Invalidity),
        run_now=fields.optional_text(source, "runNow", path),
        figures=_figures(source, path),
    )
    check_result(result, path)
    return result


def _losses(source: Mapping[str, Any], kind: ProbeType, path: str) -> Mapping[LossReason, int]:
    losses, where = fields.optional_mapping(source, "losses", path), f"{path}.losses"
    if not losses:
        return NOTHING
    known = loss_reasons(kind)
    unknown = next((key for key in losses if key not in known), None)
    if unknown is not None:
        raise fields.not_one_of(unknown, where, known)
    return MappingProxyType({known[key]: fields.integer(losses, key, where) for key in losses})


def _figures(source: Mapping[str, Any], path: str) -> Mapping[str, Figure]:
    """Those of other types as well: the rules refuse them."""
    found = (
        kind.from_json(source[kind.name], f"{path}.{kind.name}")
        for kind in figure_types()
        if source.get(kind.name) is not None
    )
    return figures_by_name(*(figure for figure in found if figure is not None))
