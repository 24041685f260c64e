"""The effective spec: what a compiled check measures, written as a spec with nothing left out."""

from typing import Any

from ipsecping.contract import Addresses
from ipsecping_operator.api.defaults import PATH
from ipsecping_operator.api.names import API_VERSION, KIND
from ipsecping_operator.api.scalars import MAX_LABEL

from .compiled import (
    Alerting,
    CompiledCheck,
    CompiledPath,
    Cron,
    DiagnosisRule,
    Interval,
    TargetSource,
)
from .controls import effective_controls
from .cron import DEFAULT_TIME_ZONE
from .durations import shortest
from .maintenance import effective_maintenance
from .placement import effective_placement
from .probes import effective_probe
from .thresholds import effective_thresholds
from .verify import effective_verify


def effective_check(check: CompiledCheck) -> dict[str, Any]:
    """The check as a manifest, with every default in it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": check.name, "namespace": check.namespace},
        "spec": effective_spec(check),
    }


def effective_spec(check: CompiledCheck) -> dict[str, Any]:
    """The spec of the check with every default in it. Compiled, it gives the same check again."""
    first, *others = check.paths
    schedule: dict[str, str | int]
    if isinstance(check.schedule, Interval):
        schedule = {"interval": shortest(check.schedule.interval_ms * 10**6)}
    else:
        schedule = _cron(check.schedule)
    several = bool(others) or first.plan.path != PATH
    looked_up = [path.target_from for path in check.paths if path.target_from is not None]
    spec = {
        **({"targetFrom": _target_from(looked_up[0])} if looked_up else {"target": first.plan.target}),
        "family": {} if several or first.plan.family is None else first.plan.family.value,
        "addresses": Addresses.FIRST.value if several else first.plan.addresses.value,
        "tunnel": _tunnel(check, several=several),
        "schedule": schedule,
        "suspend": check.suspend,
        "placement": {} if several else effective_placement(first.placement),
        "source": {} if several else _source(first),
        "paths": [_path(path) for path in check.paths] if several else {},
        "healthyWhen": "Any" if check.any_path else "All",
        "probes": [effective_probe(probe, check) for probe in first.plan.probes],
        "thresholds": effective_thresholds(check.thresholds),
        "verify": effective_verify(check.verified),
        "alerting": _alerting(check.alerting),
        "diagnosis": _diagnosis(check.diagnosis),
        "maintenance": effective_maintenance(check.maintenance) or {},
    }
    return {key: value for key, value in spec.items() if value != {}}


def _tunnel(check: CompiledCheck, *, several: bool) -> dict[str, Any]:
    plan = check.paths[0].plan
    networks = {"inside": list(plan.inside), "underlay": list(plan.underlay)}
    tunnel = {
        # By default the check's own, which may be longer than one that can be written.
        "name": check.tunnel_name if len(check.tunnel_name) <= MAX_LABEL else "",
        "gateway": check.gateway,
        "controls": {} if several else effective_controls(plan.controls),
        "networks": {key: given for key, given in networks.items() if given},
    }
    return {key: value for key, value in tunnel.items() if value}


def _cron(schedule: Cron) -> dict[str, str | int]:
    return {
        "cron": schedule.line,
        "timeZone": schedule.time_zone or DEFAULT_TIME_ZONE,
        **({"spread": shortest(schedule.spread_ms * 10**6)} if schedule.spread_ms else {}),
        "startTimeout": shortest(schedule.start_ms * 10**6),
        "history": schedule.history,
    }


def _target_from(source: TargetSource) -> dict[str, Any]:
    if source.service:
        return {"service": {"name": source.service}}
    return {"pods": {"matchLabels": dict(source.pod_labels)}}


def _path(path: CompiledPath) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": path.plan.path}
    if path.target_from is None:
        entry["target"] = path.plan.target
    if path.plan.family is not None:
        entry["family"] = path.plan.family.value
    if path.plan.addresses is not Addresses.FIRST:
        entry["addresses"] = path.plan.addresses.value
    placement = effective_placement(path.placement)
    source = _source(path)
    own = {"placement": placement, "source": source, "controls": effective_controls(path.plan.controls)}
    return entry | {key: value for key, value in own.items() if value}


def _source(path: CompiledPath) -> dict[str, Any]:
    return {} if path.source is None else path.source.model_dump(exclude_none=True)


def _alerting(alerting: Alerting) -> dict[str, Any]:
    labels = {"labels": dict(alerting.labels)} if alerting.labels else {}
    return {"enabled": alerting.enabled, "severity": alerting.severity, **labels}


def _diagnosis(rule: DiagnosisRule) -> dict[str, Any]:
    return {
        "enabled": rule.enabled,
        "delay": shortest(rule.delay_ns),
        "cooldown": shortest(rule.cooldown_ns),
    }
