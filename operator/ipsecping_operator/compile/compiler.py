"""The compiler proper: a custom resource in, a CompiledCheck with every default filled in out."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from ipsecping.contract import PlannedCheck, PlannedProbe, ProbeType
from ipsecping_operator.api import defaults, durations
from ipsecping_operator.api.placement import Placement as PlacementSpec
from ipsecping_operator.api.probes import Probe
from ipsecping_operator.api.schedule import Schedule
from ipsecping_operator.api.spec import CheckSpec
from ipsecping_operator.api.thresholds import Thresholds as ThresholdsSpec
from ipsecping_operator.api.validation import InvalidModel, read

from .compiled import CompiledCheck, CompiledPath, Cron, Interval, InvalidSpec, Placement, Thresholds
from .cron import compile_cron, shortest_gap


def compile_check(body: Mapping[str, Any]) -> CompiledCheck:
    """Compile a custom resource as the API server hands it out (status is not looked at).

    Raises InvalidSpec with the path of the first wrong field. What the schema refuses comes here only
    from a client without validation, or from a check older than the schema.
    """
    try:
        spec = read(CheckSpec, body.get("spec") or {}, path="spec")
    except InvalidModel as error:
        first, *more = error.errors
        also = f" (and {len(more)} more: {', '.join(each.field for each in more)})" if more else ""
        raise InvalidSpec(first.field, first.message + also) from error
    return compile_spec(spec, metadata=body["metadata"])


def compile_spec(spec: CheckSpec, *, metadata: Mapping[str, Any]) -> CompiledCheck:
    """Compile a spec that obeys the schema. `metadata` has uid, namespace, name and generation.

    Raises InvalidSpec for what the schema cannot know.
    """
    schedule = _schedule(spec.schedule)
    tunnel_name = (spec.tunnel and spec.tunnel.name) or metadata["name"]
    plan = PlannedCheck(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        tunnel_name=tunnel_name,
        path=defaults.PATH,
        target=spec.target,
        interval_ms=schedule.interval_ms if isinstance(schedule, Interval) else None,
        probes=tuple(_probe(probe) for probe in spec.probes or (_default_probe(),)),
    )
    check = CompiledCheck(
        uid=plan.uid,
        namespace=plan.namespace,
        name=plan.name,
        generation=plan.generation,
        tunnel_name=tunnel_name,
        schedule=schedule,
        suspend=bool(spec.suspend),
        thresholds=_thresholds(spec.thresholds or ThresholdsSpec()),
        paths=(CompiledPath(plan=plan, placement=_placement(spec.placement or PlacementSpec())),),
    )
    _require_time_for_a_round(check)
    return check


def _require_time_for_a_round(check: CompiledCheck) -> None:
    """A CronJob that forbids concurrency would skip rounds without a word."""
    if not isinstance(check.schedule, Cron):
        return
    gap = shortest_gap(check.schedule).total_seconds()
    if check.round_ms / 1000 > gap:
        raise InvalidSpec(
            "spec.probes",
            f"a round takes up to {check.round_ms / 1000:g}s ((count - 1) x spacing + timeout), "
            f"but spec.schedule.cron fires {gap:g}s apart",
        )


def _schedule(schedule: Schedule | None) -> Interval | Cron:
    if schedule and schedule.cron:
        return compile_cron(schedule.cron, schedule.time_zone)
    text = schedule.interval_text if schedule else defaults.INTERVAL
    return Interval(interval_ms=durations.milliseconds(text))


def _default_probe() -> Probe:
    return Probe.model_validate({"name": defaults.PROBE, "icmp": {}})


def _probe(probe: Probe) -> PlannedProbe:
    (kind,) = probe.members
    port: int | None = None
    if probe.stamp:
        port = probe.stamp.port or defaults.STAMP_PORT
    elif probe.udp_echo:
        port = probe.udp_echo.port
    return PlannedProbe(
        name=probe.name,
        type=ProbeType(kind),
        count=probe.count or defaults.COUNT,
        spacing_ms=durations.milliseconds(probe.spacing or defaults.SPACING),
        timeout_ms=durations.milliseconds(probe.timeout or defaults.TIMEOUT),
        size=probe.size or defaults.SIZE[kind],
        port=port,
    )


def _thresholds(thresholds: ThresholdsSpec) -> Thresholds:
    limits = thresholds.rtt.model_dump(exclude_none=True) if thresholds.rtt else {}
    loss = defaults.LOSS_PERCENT if thresholds.loss_percent is None else thresholds.loss_percent
    return Thresholds(
        window_ms=durations.milliseconds(thresholds.window or defaults.WINDOW),
        loss_percent=Decimal(loss),
        rtt_ns=MappingProxyType({key: durations.nanoseconds(text) for key, text in limits.items()}),
        down_after=thresholds.down_after or defaults.DOWN_AFTER,
    )


def _placement(placement: PlacementSpec) -> Placement:
    return Placement(
        node_selector=MappingProxyType(dict(placement.node_selector or {})),
        tolerations=tuple(
            MappingProxyType(toleration.model_dump(by_alias=True, exclude_none=True))
            for toleration in placement.tolerations or ()
        ),
    )
