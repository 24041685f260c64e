"""What a check may ask for only where the operator was told to permit it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ipsecping.contract import HttpOptions, IkeOptions, PlannedCheck, PlannedProbe, destination
from ipsecping_operator.api.scalars import is_ip
from ipsecping_operator.compile import CompiledCheck, CompiledPath

ALL = "*"
"""Stands for every namespace; of targets, for every namespace that is not named itself."""
FLAG = "--allow-targets"
_NAMED = 3
"""So many networks are named in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Nobody gains by writing a check what they may not do themselves: the default permits no privilege."""

    host_network: frozenset[str] = frozenset()
    """Namespaces whose probe pods may use the node's own network."""
    targets: Mapping[str, tuple[str, ...]] | None = None
    """Namespace to the networks that its probes may send to; None: anywhere, from all namespaces."""

    def limited(self, check: CompiledCheck) -> CompiledCheck:
        """The check with plans that say where its probers may send: they alone see what names resolve to."""
        allowed = self._allowed(check.namespace)
        if allowed is None:
            return check
        paths = tuple(replace(path, plan=replace(path.plan, allowed=allowed)) for path in check.paths)
        return replace(check, paths=paths)

    def refusal(self, check: CompiledCheck) -> str | None:
        """Which field of the check, as `limited`, is not permitted, and the remedy; None when all is."""
        return self._host_network(check) or self._targets(check)

    def _allowed(self, namespace: str) -> tuple[str, ...] | None:
        if self.targets is None:
            return None
        return self.targets.get(namespace, self.targets.get(ALL, ()))

    def _host_network(self, check: CompiledCheck) -> str | None:
        if self.host_network & {check.namespace, ALL}:
            return None
        asking = [path.plan.path for path in check.paths if path.placement.host_network]
        if not asking:
            return None
        return (
            f"placement.hostNetwork of path {asking[0]} is not permitted in namespace {check.namespace}: "
            "remove it, or have the operator run with --allow-host-network for the namespace"
        )

    @staticmethod
    def _targets(check: CompiledCheck) -> str | None:
        foreign = dict(_foreign(check))
        if not foreign:
            return None
        field, host = next(iter(foreign.items()))
        others = len(foreign) - 1
        more = f" (and {others} more {'field' if others == 1 else 'fields'})" if others else ""
        return f"{field}: {host} is {not_allowed(check.paths[0].plan)}{more}"


def not_allowed(plan: PlannedCheck) -> str:
    """The end of a sentence about a target that the plan does not allow: what is, and who says so."""
    allowed = plan.allowed or ()
    more = f" and {len(allowed) - _NAMED} more networks" if len(allowed) > _NAMED else ""
    named = ", ".join(allowed[:_NAMED]) + more if allowed else "nothing"
    return (
        f"not a permitted target in namespace {plan.namespace}: allowed is {named} ({FLAG} of the operator)"
    )


def field_of(path: CompiledPath, probe: PlannedProbe) -> str:
    """Where the spec says whom the probe sends to."""
    match probe.options:
        case HttpOptions():
            index = [each.name for each in path.plan.probes].index(probe.name)
            return f"spec.probes[{index}].http.url"
        case IkeOptions():
            return "spec.tunnel.gateway"
        case _:
            return path.target_field


def _foreign(check: CompiledCheck) -> Iterator[tuple[str, str]]:
    """Field and address of each that is written as an address and not allowed; of names probers see to it."""
    for path in check.paths:
        for probe in path.plan.probes:
            host = destination(probe, path.plan.target)
            if is_ip(host) and not path.plan.permits(host):
                yield field_of(path, probe), host
