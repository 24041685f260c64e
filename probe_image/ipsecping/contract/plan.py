"""The plan: the compiled instruction that a prober executes, and its JSON form (plan.json)."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from . import fields, keepalive, token
from .bounds import DAY_MS, MAX_ADDRESSES
from .check import Addresses, CheckRef, Family
from .controls import NO_CONTROLS, Control, controls_from_json, controls_to_json
from .fields import ContractError
from .planned_probe import PlannedProbe, planned_probe_from_json, planned_probe_to_json
from .targets import is_permitted

VERSION = 1
MAX_CHECKS = 20_000
MAX_PROBES = 16
MAX_NETWORKS = 64  # allowed, and refused


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

        Left out on purpose are:
        `generation`: an edit that changes only thresholds keeps the results;
        `run_now`: an extra round measures the same;
        `refused`: no round measures anything of these networks;
        `controls`, `inside` and `underlay`: only a diagnosis rests on them;
        `targets`: each is measured by itself, so the others go on when one comes or goes.
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
        "probes": [planned_probe_to_json(probe) for probe in check.probes],
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


def _check_from_json(value: object, path: str, shared: dict[PlannedProbe, PlannedProbe]) -> PlannedCheck:
    """`shared` has the probes so far: equal ones are one object, as of thousands most are equal."""
    source = fields.mapping(value, path)
    items = fields.sequence(source.get("probes"), f"{path}.probes", at_most=MAX_PROBES)
    if not items:
        raise ContractError(f"{path}.probes: at least one probe is needed")
    made = [planned_probe_from_json(item, f"{path}.probes[{i}]") for i, item in enumerate(items)]
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


def _family(source: Mapping[str, Any], path: str) -> Family | None:
    if source.get("family") is None:
        return None
    family = fields.member(source, "family", path, Family)
    target = fields.canonical_address(fields.text(source, "target", path))
    if target is not None and (":" in target) is not (family is Family.IPV6):
        raise ContractError(f"{path}.family: {target} is no {family} address")
    return family
