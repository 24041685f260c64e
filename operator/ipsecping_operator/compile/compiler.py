"""The compiler proper: a custom resource in, a CompiledCheck with every default filled in out."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ipsecping.contract import (
    METHODS,
    Addresses,
    ContractError,
    Family,
    IkeOptions,
    Plan,
    PlannedCheck,
    PlannedProbe,
    plan_from_json,
    plan_to_json,
)
from ipsecping_operator.api import defaults, durations
from ipsecping_operator.api.alerting import Alerting as AlertingSpec
from ipsecping_operator.api.diagnosis import Diagnosis
from ipsecping_operator.api.placement import Placement as PlacementSpec
from ipsecping_operator.api.probes import Probe
from ipsecping_operator.api.scalars import is_ip
from ipsecping_operator.api.schedule import Schedule
from ipsecping_operator.api.source import Source
from ipsecping_operator.api.spec import CheckSpec, Path
from ipsecping_operator.api.target_from import TargetFrom
from ipsecping_operator.api.tunnel import Tunnel, TunnelNetworks
from ipsecping_operator.api.validation import InvalidModel, read

from .budget import require_budget
from .compiled import (
    ALERTING,
    DIAGNOSED,
    NOTHING,
    Alerting,
    CompiledCheck,
    CompiledPath,
    Cron,
    DiagnosisRule,
    Interval,
    InvalidSpec,
    TargetSource,
)
from .controls import compile_controls
from .cron import compile_cron, shortest_gap
from .durations import shortest
from .maintenance import compile_maintenance
from .placement import compile_placement
from .probes import files_of, planned_probe
from .thresholds import compile_own_thresholds, compile_thresholds
from .verify import compile_verify

_OPTION = re.compile(r"probes\[(\d+)\]\.options\.([a-zA-Z.\[\]0-9]+): (.*)", re.DOTALL)
NAT_PERIOD = 600
"""Seconds: gateways block peers that leave them with many half-open SAs."""


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
    tunnel = spec.tunnel or Tunnel()
    tunnel_name = tunnel.name or metadata["name"]
    if not tunnel_name.isprintable():
        # Which characters are assigned differs between the API server's Unicode and ours.
        raise InvalidSpec("spec.tunnel.name", "must be printable text, such as VPN-1_primary")
    interval_ms = schedule.interval_ms if isinstance(schedule, Interval) else None
    probes = tuple(
        _planned(index, probe, spec, gateway=tunnel.gateway, interval_ms=interval_ms)
        for index, probe in enumerate(spec.probe_list)
    )
    common = spec.placement or PlacementSpec()
    networks = tunnel.networks or TunnelNetworks.model_construct()
    looked_up = _source(spec.target_from)
    whole_field = "spec.target" if looked_up is None else "spec.targetFrom"
    whole_target = spec.target or ("" if looked_up is None else looked_up.host(metadata["namespace"]))
    files = {probe.name: refs for probe in spec.probe_list if (refs := files_of(probe))}

    def compiled(index: int, path: Path) -> CompiledPath:
        own_field = f"spec.paths[{index}]" if path.placement else "spec"
        target_from = None if path.target else looked_up
        source, target = path.source or spec.source, path.target or whole_target
        if source is not None and target_from is None and not source.fits(target):
            whole = f"spec.paths[{index}]" if path.source else "spec"
            raise InvalidSpec(f"{whole}.source.address", f"{source.name} cannot send to {target}")
        if (
            source is not None
            and source.gateway
            and not source.fits(tunnel.gateway or "")
            and any(isinstance(probe.options, IkeOptions) for probe in probes)
        ):
            whole = f"spec.paths[{index}]" if path.source else "spec"
            raise InvalidSpec(f"{whole}.source.gateway", f"{source.name} cannot send to {tunnel.gateway}")
        controls = compile_controls(tunnel, path, own_field=f"spec.paths[{index}]", target=target)
        plan = PlannedCheck(
            uid=metadata["uid"],
            namespace=metadata["namespace"],
            name=metadata["name"],
            generation=metadata["generation"],
            tunnel_name=tunnel_name,
            path=path.name,
            target=target,
            targets=() if target_from else None,
            family=_family(spec, path, index, target),
            addresses=Addresses(path.addresses or spec.addresses or Addresses.FIRST),
            interval_ms=interval_ms,
            probes=tuple(_sent_from(source, probe) for probe in probes),
            controls=controls.hosts,
            inside=networks.inside or (),
            underlay=networks.underlay or (),
        )
        return CompiledPath(
            plan=plan,
            source=source,
            placement=compile_placement(common, path.placement, own_field=own_field),
            target_from=target_from,
            target_field=f"spec.paths[{index}].target" if path.target else whole_field,
            own_field=own_field,
            control_fields=controls.fields,
        )

    thresholds = compile_thresholds(spec)
    check = CompiledCheck(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        tunnel_name=tunnel_name,
        gateway=tunnel.gateway,
        schedule=schedule,
        suspend=bool(spec.suspend),
        thresholds=thresholds,
        own_thresholds=compile_own_thresholds(spec, thresholds),
        any_path=spec.healthy_when == "Any",
        paths=tuple(
            compiled(index, path) for index, path in enumerate(spec.paths or (Path(name=defaults.PATH),))
        ),
        verified=compile_verify(spec.verify),
        alerting=_alerting(spec.alerting or AlertingSpec()),
        files=MappingProxyType(files),
        diagnosis=_diagnosis(spec.diagnosis),
        maintenance=compile_maintenance(spec.maintenance or ()),
    )
    _require_what_a_prober_reads(check)
    _require_time_between_rounds(check)
    require_budget(check)
    return check


def _family(spec: CheckSpec, path: Path, index: int, target: str) -> Family | None:
    wanted = path.family or spec.family
    field = f"spec.paths[{index}].family" if path.family else "spec.family"
    if wanted is None:
        return None
    if is_ip(target) and _family_of(target) != wanted:
        raise InvalidSpec(field, f"{target} is no {wanted} address")
    source = path.source or spec.source
    if source is not None and source.address and _family_of(source.address) != wanted:
        remedy = "the path a source" if path.family and not path.source else f"a source that is {wanted}"
        raise InvalidSpec(field, f"{source.address} cannot send to {wanted} addresses: give {remedy}")
    return Family(wanted)


def _family_of(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _planned(
    index: int, probe: Probe, spec: CheckSpec, *, gateway: str | None, interval_ms: int | None
) -> PlannedProbe:
    try:
        return planned_probe(probe, gateway=gateway, verify=spec.verify, interval_ms=interval_ms)
    except ContractError as error:  # of options that are read as a prober reads them
        field, _, message = str(error).partition(": ")
        raise InvalidSpec(f"spec.probes[{index}].{field}", message) from error


def _sent_from(source: Source | None, probe: PlannedProbe) -> PlannedProbe:
    if source is None or (isinstance(probe.options, IkeOptions) and not source.gateway):
        return probe
    return replace(probe, source=source.name)


def _require_what_a_prober_reads(check: CompiledCheck) -> None:
    """What the schema lets pass and the prober does not, it would refuse where nobody looks."""
    for path in check.paths:
        try:
            plan_from_json(plan_to_json(Plan(checks=(path.plan,))))
        except ContractError as error:
            text = str(error).removeprefix("plan.checks[0].")
            option = _OPTION.match(text)
            if option is None:
                raise InvalidSpec("spec.probes", text) from error
            index, field, message = option.groups()
            member = METHODS[path.plan.probes[int(index)].type].member
            raise InvalidSpec(f"spec.probes[{index}].{member}.{field}", message) from error


def _require_time_between_rounds(check: CompiledCheck) -> None:
    """A CronJob that forbids concurrency would skip rounds without a word; and gateways need their rest."""
    if not isinstance(check.schedule, Cron):
        return
    gap = shortest_gap(check.schedule).total_seconds()
    probes = check.paths[0].plan.probes
    if gap < NAT_PERIOD and any(isinstance(p.options, IkeOptions) and p.options.detect_nat for p in probes):
        # Each round has a process of its own, which does not know when the one before it asked.
        raise InvalidSpec(
            "spec.probes",
            f"ike.detectNAT must not be asked for more often than every {NAT_PERIOD // 60} minutes, "
            f"but spec.schedule.cron fires {gap:g}s apart",
        )
    for probe in probes:
        method = METHODS[probe.type]
        if gap * 1000 < method.least_interval_ms:
            raise InvalidSpec(
                "spec.probes",
                f"{method.member} must not come more often than every "
                f"{shortest(method.least_interval_ms * 10**6)}, but spec.schedule.cron fires {gap:g}s apart",
            )
    took = (check.round_ms + check.schedule.spread_ms) / 1000
    if took > gap:
        spread = " + spread" if check.schedule.spread_ms else ""
        raise InvalidSpec(
            "spec.schedule.spread" if spread else "spec.probes",
            f"a round takes up to {took:g}s ((count - 1) x spacing + timeout{spread}), "
            f"but spec.schedule.cron fires {gap:g}s apart",
        )


def _source(given: TargetFrom | None) -> TargetSource | None:
    if given is None:
        return None
    if given.service is not None:
        return TargetSource(service=given.service.name)
    assert given.pods is not None
    return TargetSource(pod_labels=tuple(sorted(given.pods.match_labels.items())))


def _schedule(schedule: Schedule | None) -> Interval | Cron:
    if schedule and schedule.cron:
        return replace(
            compile_cron(schedule.cron, schedule.time_zone),
            spread_ms=durations.milliseconds(schedule.spread) if schedule.spread else 0,
            start_ms=durations.milliseconds(schedule.start_timeout or defaults.START_TIMEOUT),
            history=schedule.history or defaults.HISTORY,
        )
    text = schedule.interval_text if schedule else defaults.INTERVAL
    return Interval(interval_ms=durations.milliseconds(text))


def _alerting(given: AlertingSpec) -> Alerting:
    return Alerting(
        enabled=given.enabled is not False,
        severity=given.severity or ALERTING.severity,
        labels=MappingProxyType(dict(given.labels)) if given.labels else NOTHING,
    )


def _diagnosis(given: Diagnosis | None) -> DiagnosisRule:
    if given is None:
        return DIAGNOSED
    return DiagnosisRule(
        enabled=given.enabled is not False,
        delay_ns=durations.nanoseconds(given.delay or defaults.DIAGNOSIS_DELAY),
        cooldown_ns=durations.nanoseconds(given.cooldown or defaults.DIAGNOSIS_COOLDOWN),
    )
