"""A planned probe: what a prober sends in a round, and its JSON form in plan.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import fields, keepalive
from .bounds import DAY_MS, MAX_COUNT, MAX_FLOWS, MAX_TIMEOUT_MS
from .check import Expect, ProbeType
from .fields import ContractError
from .methods import METHODS, type_in
from .methods.spec import MethodSpec, Options
from .sources import read_source

FLOWS_APART_MS = 10
"""Packets of different flows leave so far apart, or nearer where `spacing_ms` has no room for that."""
LEAST_REST_MS = 250
"""Of flows that have one packet under way at a time, the next one leaves so long after the one before has
timed out: flows change their order, and packets may be a little late."""
MAX_PAYLOAD = 65_507  # bytes of UDP payload in one IPv4 packet


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProbe:
    """One probe of one path. Durations in milliseconds, `size` in bytes of UDP or ICMP payload."""

    name: str
    type: ProbeType
    count: int
    spacing_ms: int
    timeout_ms: int
    size: int
    port: int | None = None
    """UDP or TCP destination port; None for types that have none."""
    dscp: int = 0
    """Differentiated services code point of what is sent (RFC 2474), 0..63."""
    ttl: int | None = None
    """TTL or hop limit of what is sent, 1..255; None: the host's default."""
    source: str | None = None
    """Address of this host, or name of an interface, that packets leave from; None: by the host's routes."""
    source_port: int | None = None
    """Port that packets are sent from, in every round; of several flows that of the first, and those
    behind it of the others. None: a fresh one for each session; of several flows the prober's choice."""
    flows: int = 1
    """Source ports from which `count` packets each are sent, side by side."""
    keepalive_ms: int | None = None
    """So long after the last packet another one follows from the same port, until the next round begins; it
    counts in no figure. None: nothing is sent between rounds."""
    expect: Expect = Expect.REACHABLE
    options: Options | None = None
    """Those of the type; None where it has none."""

    @property
    def packets(self) -> int:
        """Packets of a round, of all flows, as far as they are planned."""
        return self.count * self.flows

    @property
    def round_ms(self) -> int:
        """Longest time that a round takes, from its first packet to the last one's timeout."""
        apart = min(self.spacing_ms, self.flows * FLOWS_APART_MS) if self.flows > 1 else 0
        return (self.count - 1) * self.spacing_ms + apart + self.timeout_ms


def planned_probe_to_json(probe: PlannedProbe) -> dict[str, Any]:
    """As it stands in plan.json; what has its usual value is left out."""
    content: dict[str, Any] = {
        "name": probe.name,
        "type": probe.type,
        "count": probe.count,
        "spacingMs": probe.spacing_ms,
        "timeoutMs": probe.timeout_ms,
        "size": probe.size,
    }
    if probe.port is not None:
        content["port"] = probe.port
    if probe.dscp:
        content["dscp"] = probe.dscp
    if probe.ttl is not None:
        content["ttl"] = probe.ttl
    if probe.source is not None:
        content["source"] = probe.source
    if probe.source_port is not None:
        content["sourcePort"] = probe.source_port
    if probe.flows != 1:
        content["flows"] = probe.flows
    if probe.keepalive_ms is not None:
        content["keepaliveMs"] = probe.keepalive_ms
    if probe.expect is not Expect.REACHABLE:
        content["expect"] = probe.expect.value
    if probe.options is not None and (options := probe.options.to_json()):
        content["options"] = options
    return content


def planned_probe_from_json(value: object, path: str) -> PlannedProbe:
    """Raises ContractError with the path of the wrong field."""
    source: Mapping[str, Any] = fields.mapping(value, path)
    kind = type_in(source, "type", path)
    method = METHODS[kind]
    port = fields.optional_integer(source, "port", path, at_least=1, at_most=65535)
    options = method.read_options(source.get("options"), f"{path}.options")
    if (port is None) is method.needs_port(options):
        raise ContractError(f"{path}.port: {kind} {'has no' if port else 'needs a'} port")
    flows = fields.optional_integer(source, "flows", path, at_least=1, at_most=MAX_FLOWS) or 1
    probe = PlannedProbe(
        name=fields.text(source, "name", path),
        type=kind,
        count=fields.integer(source, "count", path, at_least=1, at_most=MAX_COUNT),
        spacing_ms=fields.integer(source, "spacingMs", path, at_least=1, at_most=DAY_MS),
        timeout_ms=fields.integer(source, "timeoutMs", path, at_least=1, at_most=MAX_TIMEOUT_MS),
        size=fields.integer(
            source, "size", path, at_least=method.least_payload(options), at_most=MAX_PAYLOAD
        ),
        port=port,
        dscp=fields.optional_integer(source, "dscp", path, at_most=63) or 0,
        ttl=fields.optional_integer(source, "ttl", path, at_least=1, at_most=255),
        source=read_source(source.get("source"), f"{path}.source"),
        source_port=_source_port(source, method, path, flows=flows),
        flows=flows,
        keepalive_ms=fields.optional_integer(
            source, "keepaliveMs", path, at_least=keepalive.LEAST_MS, at_most=keepalive.MOST_MS
        ),
        expect=fields.member(source, "expect", path, Expect) if "expect" in source else Expect.REACHABLE,
        options=options,
    )
    if flows > 1:
        _check_flows(probe, path)
    return probe


def _check_flows(probe: PlannedProbe, path: str) -> None:
    """Raise ContractError unless the probe can have as many flows as it asks for, more than one."""
    method = METHODS[probe.type]
    if not method.has_flows:
        having = ", ".join(each.member for each in METHODS.values() if each.has_flows)
        raise ContractError(f"{path}.flows: a {probe.type} probe has one flow; several have {having}")
    if probe.packets > MAX_COUNT:
        raise ContractError(f"{path}.flows: {probe.packets} packets (count x flows), at most {MAX_COUNT}")
    least = probe.timeout_ms + LEAST_REST_MS
    if method.one_at_a_time and probe.count > 1 and probe.spacing_ms < least:
        raise ContractError(
            f"{path}.spacingMs: {probe.spacing_ms}, with flows a {probe.type} probe needs at least {least} "
            f"(timeout and {LEAST_REST_MS}), for a flow has one connection at a time: all come from its port"
        )


def _source_port(source: Mapping[str, Any], method: MethodSpec, path: str, *, flows: int) -> int | None:
    last = 65_536 - flows
    port = fields.optional_integer(source, "sourcePort", path, at_least=1, at_most=last)
    if port is not None and not (method.fixes_port or (flows > 1 and method.has_flows)):
        raise ContractError(f"{path}.sourcePort: a {method.name} probe has no port of its own to fix")
    return port
