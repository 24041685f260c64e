"""From a probe as the spec writes it to the one that a prober executes."""

from typing import Any

from ipsecping.contract import METHODS, Expect, PlannedProbe
from ipsecping_operator.api import defaults, durations
from ipsecping_operator.api.methods import MODELS, Given, Written
from ipsecping_operator.api.probes import Probe

from .compiled import DAY, CompiledCheck, KeyRef
from .durations import shortest


def planned_probe(probe: Probe, *, gateway: str | None, ask_source: bool = False) -> PlannedProbe:
    """Fill in every default.

    `gateway` is the one that ike probes ask; `ask_source`: stamp probes are to ask which source address the
    target sees.
    """
    member = probe.method
    method = member.declared()
    key, authority = key_of(probe), authority_of(probe)
    options = member.options(
        Given(
            gateway=gateway,
            ask_source=ask_source and probe.may_ask_source,
            key_file=None if key is None else key.file,
            ca_file=None if authority is None else authority.file,
        )
    )
    return PlannedProbe(
        name=probe.name,
        type=method.name,
        count=probe.packets if method.paced else 1,
        spacing_ms=durations.milliseconds(probe.spacing or defaults.SPACING),
        timeout_ms=durations.milliseconds(probe.timeout or defaults.TIMEOUT),
        size=probe.size or method.default_size or method.least_payload(options),
        port=(getattr(member, "port", None) or method.port) if method.has_port else None,
        dscp=probe.dscp or 0,
        ttl=probe.ttl,
        source_port=probe.source_port,
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
    port = {} if probe.port is None else {"port": probe.port}
    written = Written(auth=_auth(probe, check), tls=_tls(probe, check))
    return effective | {
        "dscp": probe.dscp,
        "expect": probe.expect.value,
        method.member: port | MODELS[probe.type].effective(probe.options, written),
    }


def _auth(probe: PlannedProbe, check: CompiledCheck) -> dict[str, Any]:
    key = check.keys.get(probe.name)
    return {} if key is None else {"auth": {"secretName": key.name, "key": key.key}}


def _tls(probe: PlannedProbe, check: CompiledCheck) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if probe.name in check.authorities:
        ca = check.authorities[probe.name]
        written["ca"] = {"configMapName": ca.name, "key": ca.key}
    if probe.name in check.thresholds.certificate_ns:
        written["minValidDays"] = check.thresholds.certificate_ns[probe.name] // DAY
    return written


def key_of(probe: Probe) -> KeyRef | None:
    """The key that the probe signs with, if any."""
    auth = probe.auth
    return None if auth is None else KeyRef(kind="Secret", name=auth.secret_name, key=auth.key)


def authority_of(probe: Probe) -> KeyRef | None:
    """The certificates that the probe trusts instead of the system's, if any."""
    ca = probe.tls.ca if probe.tls else None
    return None if ca is None else KeyRef(kind="ConfigMap", name=ca.config_map_name, key=ca.key)
