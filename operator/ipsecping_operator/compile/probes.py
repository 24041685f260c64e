"""From a probe as the spec writes it to the one that a prober executes."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipsecping.contract import METHODS, Expect, PlannedProbe
from ipsecping_operator.api.methods import MODELS, Given
from ipsecping_operator.api.probes import Probe
from ipsecping_operator.api.verify import Verify

from .compiled import DAY, NAME_FIELDS, CompiledCheck, KeyRef
from .durations import shortest
from .thresholds import effective_own_thresholds


def planned_probe(
    probe: Probe, *, gateway: str | None, verify: Verify | None = None, interval_ms: int | None = None
) -> PlannedProbe:
    """Fill in every default.

    `interval_ms` is that between rounds, None with cron; `gateway` is the one that ike probes ask;
    `verify`: what stamp probes are to ask of packets that arrive.
    """
    verify = verify if probe.can_verify else None
    member = probe.method
    method = member.declared()
    options = member.options(
        Given(
            gateway=gateway,
            ask_source=verify is not None and verify.asks_source,
            ask_dscp=verify is not None and verify.asks_dscp,
            ask_hops=verify is not None and verify.hops is not None,
            files={path: ref.file for path, ref in files_of(probe).items()},
        )
    )
    return PlannedProbe(
        name=probe.name,
        type=method.name,
        count=probe.packets if method.paced else method.turns,
        spacing_ms=probe.planned_spacing_ms(interval_ms),
        timeout_ms=probe.timeout_ms,
        size=probe.size or method.default_size or method.least_payload(options),
        port=member.planned_port,
        dscp=probe.dscp or 0,
        ttl=probe.ttl,
        source_port=probe.source_port,
        flows=probe.flow_count,
        keepalive_ms=probe.keepalive_ms,
        expect=probe.expect or Expect.REACHABLE,
        options=options,
    )


def effective_probe(probe: PlannedProbe, check: CompiledCheck) -> dict[str, Any]:
    """Write the probe as a spec with nothing left out."""
    method = METHODS[probe.type]
    effective: dict[str, Any] = {"name": probe.name}
    if method.paced:
        effective |= {"count": probe.count, "spacing": shortest(probe.spacing_ms * 10**6)}
    effective["timeout"] = shortest(probe.timeout_ms * 10**6)
    if probe.size:
        effective["size"] = probe.size
    if probe.ttl is not None:
        effective["ttl"] = probe.ttl
    if probe.source_port is not None:
        effective["sourcePort"] = probe.source_port
    if method.has_flows:
        effective["flows"] = probe.flows
    if probe.keepalive_ms is not None:
        effective["keepalive"] = shortest(probe.keepalive_ms * 10**6)
    model = MODELS[probe.type]
    member = model.effective_port(probe.options, probe.port) | model.effective(probe.options)
    for path, value in _unplanned(probe, check):
        _put(member, path, value)
    own = check.own_thresholds.get(probe.name)
    if own is not None:
        effective["thresholds"] = effective_own_thresholds(own, check.thresholds)
    return effective | {"dscp": probe.dscp, "expect": probe.expect.value, method.member: member}


def files_of(probe: Probe) -> Mapping[str, KeyRef]:
    """Return the keys of Secrets and ConfigMaps that the probe needs, by the path of the field."""
    return {
        path: KeyRef(
            kind=each.kind, name=each.object_name, key=each.data_key, content=each.content, use=each.use
        )
        for path, each in probe.mounted.items()
    }


def _unplanned(probe: PlannedProbe, check: CompiledCheck) -> Iterator[tuple[str, Any]]:
    """Fields of the member that no plan has: Kubernetes objects and thresholds."""
    for path, ref in check.files.get(probe.name, {}).items():
        yield path, {NAME_FIELDS[ref.kind]: ref.name, "key": ref.key}
    if probe.name in check.thresholds.accepted:
        yield "accept", [each.value for each in check.thresholds.accepted[probe.name]]
    if probe.name in check.thresholds.certificate_ns:
        yield "tls.minValidDays", check.thresholds.certificate_ns[probe.name] // DAY


def _put(member: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        member = member.setdefault(parent, {})
    member[last] = value
