"""The plan: the compiled instruction that a prober executes, and its JSON form (plan.json)."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from . import fields, keepalive, token
from .bounds import DAY_MS, MAX_ADDRESSES, MAX_COUNT, MAX_FLOWS, MAX_TIMEOUT_MS
from .check import Addresses, CheckRef, Expect, Family, ProbeType
from .controls import NO_CONTROLS, Control, controls_from_json, controls_to_json
from .fields import ContractError
from .methods import METHODS, type_in
from .methods.spec import MethodSpec, Options
from .sources import read_source
from .targets import is_permitted

VERSION = 1
MAX_CHECKS = 20_000
MAX_PROBES = 16
MAX_NETWORKS = 64  # allowed, and refused
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCheck:
    """One path of one check. `interval_ms` is None where a scheduler (cron) decides when a round runs."""

    uid: str
    namespace: str
    name: str
    generation: int
    tunnel_name: str
    path: str
    target: str
    interval_ms: int | None
    probes: tuple[PlannedProbe, ...]
    family: Family | None = None
    """Which addresses of the target's name are used; None: the one that the resolver puts first."""
    addresses: Addresses = Addresses.FIRST
    """Of a target that is a name, which are measured."""
    targets: tuple[str, ...] | None = None
    """IP addresses that are measured instead of those that `target` stands for, each by itself; empty: there
    are none at present. None: the target is looked up."""
    allowed: tuple[str, ...] | None = None
    """Networks that packets may be sent to, whatever a name resolves to; None: anywhere."""
    refused: tuple[str, ...] = ()
    """Networks that packets must not be sent to, unless a part of them is allowed."""
    run_now: str | None = None
    """A word that asks an agent for one extra round; the same word asks once. None: nobody asks."""
    controls: Mapping[Control, str] = field(default_factory=lambda: NO_CONTROLS)
    """Hosts that tell a diagnosis where the path is broken; no figure of a round rests on them."""
    inside: tuple[str, ...] = ()
    """Networks on both sides of the tunnel; empty: not known."""
    underlay: tuple[str, ...] = ()
    """Networks between the gateways; empty: not known."""
    _ref: CheckRef | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def nonce(self) -> str:
        """Digest of everything that decides what is measured: equal plans have equal nonces.

        The generation is left out on purpose: an edit that changes only thresholds keeps the results. So are
        `run_now`, as an extra round measures the same, `refused`, of which no round measures anything,
        `controls`, `inside` and `underlay`, which only a diagnosis rests on, and `targets`, each of which is
        measured by itself: the others go on when one comes or goes.
        """
        return self.ref.nonce

    @property
    def per_address(self) -> bool:
        """Whether each address of the target is measured by itself, with a result of its own."""
        return self.targets is not None or self.addresses is Addresses.ALL

    @property
    def ref(self) -> CheckRef:
        """How results name this check. Made once: an agent asks for it in each round."""
        if self._ref is None:
            object.__setattr__(self, "_ref", self._make_ref())
        assert self._ref is not None
        return self._ref

    def permits(self, address: str) -> bool:
        """Whether packets may be sent to the IP address."""
        if self.allowed is None and not self.refused:
            return True
        return is_permitted(address, self.allowed, self.refused)

    def _make_ref(self) -> CheckRef:
        content = _check_to_json(self)
        del content["generation"]
        for key in ("runNow", "refusedTargets", "controls", "inside", "underlay"):
            content.pop(key, None)
        if self.targets is not None:
            content["targets"] = []
        encoded = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        return CheckRef(
            uid=self.uid,
            namespace=self.namespace,
            name=self.name,
            generation=self.generation,
            nonce=hashlib.sha256(encoded).hexdigest()[:16],
            path=self.path,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that one prober does."""

    checks: tuple[PlannedCheck, ...]
    verifiers: tuple[str, ...] = ()
    """Of the tokens that open an agent's results (see `token`); none: whoever asks gets them."""


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The content of plan.json."""
    verifiers = {"verifiers": list(plan.verifiers)} if plan.verifiers else {}
    return {"version": VERSION, **verifiers, "checks": [_check_to_json(check) for check in plan.checks]}


def plan_from_json(value: object) -> Plan:
    """Read plan.json; raises ContractError with the path of the wrong field."""
    source = fields.mapping(value, "plan")
    version = fields.integer(source, "version", "plan")
    if version != VERSION:
        raise ContractError(f"plan.version: {version} is not supported, this prober reads version {VERSION}")
    items = fields.sequence(source.get("checks"), "plan.checks", at_most=MAX_CHECKS)
    shared: dict[PlannedProbe, PlannedProbe] = {}
    checks = tuple(_check_from_json(item, f"plan.checks[{i}]", shared) for i, item in enumerate(items))
    identities = [(check.uid, check.path) for check in checks]
    if len(set(identities)) != len(identities):
        raise ContractError("plan.checks: the same path of the same check appears twice")
    return Plan(checks=checks, verifiers=_verifiers(source.get("verifiers"), "plan.verifiers"))


def _verifiers(value: object, path: str) -> tuple[str, ...]:
    if value is None:
        return ()
    verifiers = tuple(fields.sequence(value, path, at_most=token.MAX_VERIFIERS))
    # An empty list would open to everybody what somebody meant to shut.
    if not verifiers or not all(token.is_verifier(each) for each in verifiers):
        raise ContractError(f"{path}: expected SHA-256 digests of 64 hexadecimal digits")
    return verifiers


def _check_to_json(check: PlannedCheck) -> dict[str, Any]:
    limit = {} if check.allowed is None else {"allowedTargets": list(check.allowed)}
    if check.refused:
        limit["refusedTargets"] = list(check.refused)
    content: dict[str, Any] = {
        "uid": check.uid,
        "namespace": check.namespace,
        "name": check.name,
        "generation": check.generation,
        "tunnelName": check.tunnel_name,
        "path": check.path,
        "target": check.target,
        "intervalMs": check.interval_ms,
        **limit,
        "probes": [_probe_to_json(probe) for probe in check.probes],
    }
    if check.family is not None:
        content["family"] = check.family.value
    if check.addresses is not Addresses.FIRST:
        content["addresses"] = check.addresses.value
    if check.targets is not None:
        content["targets"] = list(check.targets)
    if check.run_now is not None:
        content["runNow"] = check.run_now
    if check.controls:
        content["controls"] = controls_to_json(check.controls)
    for key, networks in (("inside", check.inside), ("underlay", check.underlay)):
        if networks:
            content[key] = list(networks)
    return content


def _probe_to_json(probe: PlannedProbe) -> dict[str, Any]:
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


def _check_from_json(value: object, path: str, shared: dict[PlannedProbe, PlannedProbe]) -> PlannedCheck:
    """`shared` has the probes so far: equal ones are one object, as of thousands most are equal."""
    source = fields.mapping(value, path)
    items = fields.sequence(source.get("probes"), f"{path}.probes", at_most=MAX_PROBES)
    if not items:
        raise ContractError(f"{path}.probes: at least one probe is needed")
    made = [_probe_from_json(item, f"{path}.probes[{i}]") for i, item in enumerate(items)]
    probes = tuple(shared.setdefault(probe, probe) for probe in made)
    names = [probe.name for probe in probes]
    if len(set(names)) != len(names):
        raise ContractError(f"{path}.probes: two probes have the same name")
    interval_ms = fields.optional_integer(source, "intervalMs", path, at_least=1000, at_most=DAY_MS)
    for i, probe in enumerate(probes):
        if (keep_ms := probe.keepalive_ms) is not None:
            keepalive.check_keepalive(
                probe.type,
                keep_ms,
                timeout_ms=probe.timeout_ms,
                interval_ms=interval_ms,
                path=f"{path}.probes[{i}]",
            )
    return PlannedCheck(
        uid=fields.text(source, "uid", path),
        namespace=sys.intern(fields.text(source, "namespace", path)),
        name=fields.text(source, "name", path),
        generation=fields.integer(source, "generation", path),
        tunnel_name=fields.text(source, "tunnelName", path),
        path=sys.intern(fields.text(source, "path", path)),
        target=fields.text(source, "target", path),
        family=_family(source, path),
        addresses=(
            fields.member(source, "addresses", path, Addresses) if "addresses" in source else Addresses.FIRST
        ),
        targets=_targets(source.get("targets"), f"{path}.targets"),
        interval_ms=interval_ms,
        probes=probes,
        allowed=_networks(source.get("allowedTargets"), f"{path}.allowedTargets"),
        refused=_networks(source.get("refusedTargets"), f"{path}.refusedTargets") or (),
        run_now=fields.optional_text(source, "runNow", path),
        controls=controls_from_json(source.get("controls"), f"{path}.controls"),
        inside=_networks(source.get("inside"), f"{path}.inside") or (),
        underlay=_networks(source.get("underlay"), f"{path}.underlay") or (),
    )


def _targets(value: object, path: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    items = fields.sequence(value, path, at_most=MAX_ADDRESSES)
    targets = tuple(fields.address(item, f"{path}[{i}]") for i, item in enumerate(items))
    if len(set(targets)) != len(targets):
        raise ContractError(f"{path}: the same address appears twice")
    return targets


def _networks(value: object, path: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    networks = tuple(fields.sequence(value, path, at_most=MAX_NETWORKS))
    for item in networks:
        if not isinstance(item, str) or not _is_network(item):
            raise ContractError(f"{path}: {fields.shown(item)} is not a network such as 10.0.0.0/8")
    return networks


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _probe_from_json(value: object, path: str) -> PlannedProbe:
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
        check_flows(probe, path)
    return probe


def check_flows(probe: PlannedProbe, path: str) -> None:
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


def _family(source: Mapping[str, Any], path: str) -> Family | None:
    if source.get("family") is None:
        return None
    family = fields.member(source, "family", path, Family)
    target = fields.canonical_address(fields.text(source, "target", path))
    if target is not None and (":" in target) is not (family is Family.IPV6):
        raise ContractError(f"{path}.family: {target} is no {family} address")
    return family
