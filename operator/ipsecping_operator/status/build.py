"""Build the whole status from verdict, conditions and outages. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ipsecping.contract import PathMtu
from ipsecping.printable import shortened
from ipsecping_operator.api.conditions import ConditionType
from ipsecping_operator.api.methods import status_fields
from ipsecping_operator.api.status import MAX_INSTANCES_SHOWN, MAX_OUTAGES, STATES
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.flow_loss import FlowState
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.outage import Outage
from ipsecping_operator.verdict.path import PathVerdict, difference, loss_direction
from ipsecping_operator.verdict.preference import Move
from ipsecping_operator.verdict.probe import ProbeVerdict
from ipsecping_operator.verdict.route import PathChange
from ipsecping_operator.verdict.tally import Tally

from .addresses import TargetAddresses
from .conditions import MAX_MESSAGE, Conditions
from .diagnosis import DiagnosisOutcome
from .held import NOTHING_HELD, Held, to_json
from .instances import instances_to_json
from .maintenance import NO_MAINTENANCE, Maintenance
from .notified import Notified
from .path_history import histories_to_json
from .run_now import RunNowOutcome

NO_ADDRESSES: Mapping[str, TargetAddresses] = MappingProxyType({})
MOST_INSTANCES = 256
"""Of all probes together."""
_ORDER = (ConditionType.READY, ConditionType.HEALTHY, ConditionType.MAINTENANCE, ConditionType.STALLED)


def build_status(
    *,
    generation: int,
    verdict: Verdict | None,
    conditions: Conditions,
    outages: Sequence[Outage],
    run_now: RunNowOutcome | None = None,
    diagnosis: DiagnosisOutcome | None = None,
    addresses: Mapping[str, TargetAddresses] = NO_ADDRESSES,
    moves: Sequence[Move] = (),
    path_changes: Sequence[PathChange] = (),
    maintenance: Maintenance = NO_MAINTENANCE,
    held: Held = NOTHING_HELD,
    notified: Notified | None = None,
) -> dict[str, Any]:
    """Build the status; what was not measured is absent, never zero.

    `verdict` is None for a check that was never valid: then there is nothing but conditions. `addresses` are
    those of the paths' targets; `moves` are changes of the preferred path, `path_changes` of the way that
    packets take.
    """
    status: dict[str, Any] = {"observedGeneration": generation}
    if verdict is not None:
        status |= _figures(verdict, addresses)
    status["conditions"] = [conditions[kind].to_json() for kind in _ORDER if kind in conditions]
    if outages:
        status["outages"] = [outage_to_json(outage) for outage in outages]
    status |= histories_to_json(moves, path_changes)
    if windows := maintenance.to_json():
        status["maintenance"] = windows
    if run_now is not None:
        status["runNow"] = run_now.to_json()
    if diagnosis is not None:
        status["diagnosis"] = diagnosis.to_json()
    if held:
        status["heldReasons"] = to_json(held)
    if notified is not None:
        status["notified"] = notified.to_json()
    return status


def _figures(verdict: Verdict, addresses: Mapping[str, TargetAddresses]) -> dict[str, Any]:
    preferred = verdict.preferred
    head = preferred.head
    status: dict[str, Any] = {
        "headline": {"path": head.path, "probe": head.probe.name},
        "preferredPath": preferred.name,
        "paths": [_path(path, preferred, addresses.get(path.name)) for path in verdict.paths],
    }
    most = _instances_shown(verdict)
    probes = [_probe(probe, most) for probe in verdict.probes if probe.figures is not None]
    if probes:
        status["probes"] = probes
    sizes = ((probe, _path_mtu(probe)) for probe in preferred.probes)
    searched, size = next(((probe, size) for probe, size in sizes if size is not None), (None, None))
    # No number that `kubectl get` shows is older than this; without numbers it is the newest result of all.
    shown = [probe.measured for probe in (head, searched) if probe is not None and probe.measured is not None]
    last = min(shown, default=verdict.last_result)
    if last is not None:
        status["lastResultTime"] = text.moment(last)
    if head.figures is not None:
        status |= _measured(head.figures)
    if size is not None:
        status["pathMTU"] = size
    return status


def _instances_shown(verdict: Verdict) -> int:
    """How many of each probe's instances: a status has to stay well below the API's 1.5 MiB."""
    several = sum(probe.instances is not None for probe in verdict.probes)
    return max(min(MAX_INSTANCES_SHOWN, MOST_INSTANCES // max(several, 1)), 1)


def _path_mtu(probe: ProbeVerdict) -> int | None:
    found = None if probe.figures is None else probe.figures.figure(PathMtu)
    return None if found is None else found.size


def _path(path: PathVerdict, preferred: PathVerdict, target: TargetAddresses | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": path.name,
        "state": STATES[path.finding.status],
        "reason": path.finding.reason.value,
    }
    figures = path.head.figures
    if figures is not None:
        entry["lossPercent"] = text.percent(figures.lost, figures.sent)
        for median in figures.percentiles(50):
            entry["rttP50"] = text.milliseconds(median)
    differs = difference(path, preferred)
    if differs is not None:
        if differs.rtt is not None:
            entry["rttDifference"] = text.signed_milliseconds(differs.rtt)
        entry["lossDifference"] = text.signed_points(differs.loss)
    if (direction := loss_direction(path)) is not None:
        entry["lossDirection"] = direction
    return entry if target is None else entry | target.to_json()


def _probe(probe: ProbeVerdict, most: int) -> dict[str, Any]:
    figures = probe.figures
    assert figures is not None
    entry: dict[str, Any] = {
        "path": probe.path,
        "name": probe.probe.name,
        "type": str(probe.probe.type),
        "reason": probe.finding.reason.value,
        "sent": figures.sent,
        "received": figures.received,
        "duplicates": figures.duplicates,
        "reordered": figures.reordered,
    }
    entry |= _directions(figures)
    for field in status_fields():
        figure = figures.figure(field.figure)
        value = None if figure is None else field.read(figure)
        if value is not None:
            entry[field.name] = text.moment(value) if field.is_time else value
    if probe.flows is not None:
        entry["flows"] = _flows(probe.flows)
    if probe.instances is not None:
        entry |= instances_to_json(probe.instances, most)
    return entry | _measured(figures)


def _directions(figures: Tally) -> dict[str, str]:
    forward, reverse, undirected = (
        text.percent(count, figures.sent)
        for count in (figures.forward_lost, figures.reverse_lost, figures.undirected)
    )
    if figures.directions_told:
        entry = {"forwardLossPercent": forward, "reverseLossPercent": reverse}
    elif figures.forward_lost or figures.reverse_lost:
        entry = {"minForwardLossPercent": forward, "minReverseLossPercent": reverse}
    else:
        return {}
    return entry | ({"undirectedLossPercent": undirected} if figures.undirected else {})


def _flows(flows: FlowState) -> dict[str, Any]:
    entry: dict[str, Any] = {"count": flows.count, "dead": len(flows.dead)}
    return entry | ({"deadPorts": flows.dead_ports} if flows.dead else {})


def _measured(figures: Tally) -> dict[str, Any]:
    measured: dict[str, Any] = {"lossPercent": text.percent(figures.lost, figures.sent)}
    times = figures.percentiles(0, 50, 90, 99, 100)
    if times:
        names = ("min", "p50", "p90", "p99", "max")
        measured["rtt"] = dict(zip(names, map(text.milliseconds, times), strict=True))
    if figures.jitter is not None:
        measured["jitter"] = text.milliseconds(figures.jitter)
    return measured


def outage_to_json(outage: Outage) -> dict[str, Any]:
    """Return an outage as in the status."""
    entry = {
        "start": text.moment(outage.start),
        "reason": outage.reason,
        "message": shortened(outage.message, MAX_MESSAGE),
    }
    if outage.end is not None:
        entry["end"] = text.moment(outage.end)
    return entry


def outages_from_json(items: object, *, now: int) -> tuple[Outage, ...]:
    """Read the outages of a status from the API; malformed ones are left out, and but one lasts.

    None has ended later than `now`: no other would begin before.
    """
    found = list[Outage]()
    for item in items[:MAX_OUTAGES] if isinstance(items, list) else ():
        try:
            start = text.from_moment(item["start"])
            end = None if item.get("end") is None else min(text.from_moment(item["end"]), now)
            if end is None and found:
                continue
            found.append(
                Outage(
                    start=start if end is None else min(start, end),
                    end=end,
                    reason=str(item["reason"]),
                    message=str(item["message"]),
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return tuple(found)
