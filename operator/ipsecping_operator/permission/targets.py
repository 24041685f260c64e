"""Whom a check may have probed. What a name stands for only its prober sees, which is told by the plan."""

import re
import socket
from collections.abc import Iterator
from ipaddress import ip_address

from ipsecping.contract import METHODS, PlannedCheck, PlannedProbe, destination
from ipsecping.contract.targets import is_permitted
from ipsecping_operator.api.methods import MODELS
from ipsecping_operator.compile import CompiledCheck, CompiledPath

from .scope import Refusal, listed
from .special import kind_of

_NUMBERS = re.compile("[0-9a-fx.]+")


def targets(check: CompiledCheck) -> Iterator[Refusal]:
    """Fields with an address that the check's plans do not allow."""
    seen: set[str] = set()
    for path in check.paths:
        for probe in path.plan.probes:
            field, host = field_of(path, probe), destination(probe, path.plan.target)
            address = written_address(host)
            if field not in seen and address is not None and not path.plan.permits(address):
                seen.add(field)
                yield Refusal(field, f"{host} is {not_allowed(path.plan, address)}")
        for control, host in path.plan.controls.items():
            field, address = path.control_fields[control], written_address(host)
            if field not in seen and address is not None and not path.plan.permits(address):
                seen.add(field)
                yield Refusal(field, f"{host} is {not_allowed(path.plan, address)}")


def looked_up(check: CompiledCheck) -> Iterator[Refusal]:
    """Targets that are looked up in the cluster: it tells what addresses pods have."""
    for path in check.paths:
        if path.target_from is not None:
            yield Refusal(
                path.target_field,
                f"is not permitted in namespace {check.namespace}: give target, or have the operator run "
                "with --allow-target-from for the namespace",
            )


def secrets(check: CompiledCheck) -> Iterator[Refusal]:
    """Fields of secrets that probes would send as they are, where the operator names no networks.

    Who may write a check could have them sent to a host of his own, and read what he may not.
    """
    for path in check.paths:
        for index, probe in enumerate(path.plan.probes):
            if path.plan.allowed is None and probe.options is not None and probe.options.discloses_secret:
                field = f"spec.probes[{index}].{METHODS[probe.type].member}"
                yield Refusal(
                    field,
                    f"credentials are not permitted in namespace {check.namespace}: they are sent only to "
                    "networks that the operator names for it (--allow-targets)",
                )


def written_address(host: str) -> str | None:
    """The IP address that a host is, also in a form that only resolvers know (127.1, 2130706433); or None."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    if not _NUMBERS.fullmatch(host):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def not_allowed(plan: PlannedCheck, address: str) -> str:
    """The end of a sentence about an address that the plan does not allow: what is, and who says so."""
    where = f"not a permitted target in namespace {plan.namespace}"
    if plan.allowed is not None and not is_permitted(address, plan.allowed, ()):
        allowed = listed(plan.allowed, more="more networks")
        return f"{where}: allowed is {allowed} (--allow-targets of the operator)"
    if plan.permits(address):
        return where  # by an agent's word alone
    kind, network = kind_of(address, plan.refused)
    return f"{kind}, {where}: --allow-targets of the operator has to name {network}, or a part of it"


def field_of(path: CompiledPath, probe: PlannedProbe) -> str:
    """Where the spec says whom the probe sends to."""
    field = MODELS[probe.type].host_field(probe.options)
    if not field:
        return path.target_field
    if field.startswith("spec."):
        return field
    index = [each.name for each in path.plan.probes].index(probe.name)
    return f"spec.probes[{index}].{METHODS[probe.type].member}{field}"
