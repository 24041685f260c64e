"""The effective spec: what a compiled check measures, written as a spec with nothing left out."""

from typing import Any

from ipsecping.contract import PlannedProbe, ProbeType
from ipsecping_operator.api.names import API_VERSION, KIND

from .compiled import CompiledCheck, CompiledPath, Interval
from .cron import DEFAULT_TIME_ZONE

_UNITS = ((3600 * 10**9, "h"), (60 * 10**9, "m"), (10**9, "s"))
_MEMBERS = {ProbeType.ICMP: "icmp", ProbeType.UDP_ECHO: "udpEcho", ProbeType.STAMP: "stamp"}


def effective_check(check: CompiledCheck) -> dict[str, Any]:
    """The check as a manifest, with every default in it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": check.name, "namespace": check.namespace},
        "spec": effective_spec(check),
    }


def effective_spec(check: CompiledCheck) -> dict[str, Any]:
    """The spec of the check with every default in it."""
    (path,) = check.paths
    schedule: dict[str, str]
    if isinstance(check.schedule, Interval):
        schedule = {"interval": _duration(check.schedule.interval_ms * 10**6)}
    else:
        schedule = {"cron": check.schedule.line, "timeZone": check.schedule.time_zone or DEFAULT_TIME_ZONE}
    thresholds: dict[str, Any] = {
        "window": _duration(check.thresholds.window_ms * 10**6),
        "lossPercent": str(check.thresholds.loss_percent),
        "downAfter": check.thresholds.down_after,
    }
    if check.thresholds.rtt_ns:
        thresholds["rtt"] = {key: _duration(value) for key, value in check.thresholds.rtt_ns.items()}
    spec = {
        "target": path.plan.target,
        "tunnel": {"name": check.tunnel_name},
        "schedule": schedule,
        "suspend": check.suspend,
        "placement": _placement(path),
        "probes": [_probe(probe) for probe in path.plan.probes],
        "thresholds": thresholds,
    }
    return {key: value for key, value in spec.items() if value != {}}


def _placement(path: CompiledPath) -> dict[str, Any]:
    placement = {
        "nodeSelector": dict(path.placement.node_selector),
        "tolerations": [dict(toleration) for toleration in path.placement.tolerations],
    }
    return {key: value for key, value in placement.items() if value}


def _probe(probe: PlannedProbe) -> dict[str, Any]:
    return {
        "name": probe.name,
        "count": probe.count,
        "spacing": _duration(probe.spacing_ms * 10**6),
        "timeout": _duration(probe.timeout_ms * 10**6),
        "size": probe.size,
        _MEMBERS[probe.type]: {} if probe.port is None else {"port": probe.port},
    }


def _duration(nanoseconds: int) -> str:
    """The duration in the largest unit that writes it as a whole number, otherwise in milliseconds."""
    for size, unit in _UNITS:
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    whole, rest = divmod(nanoseconds, 10**6)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") + "ms"
