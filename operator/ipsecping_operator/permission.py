"""What a check may ask for only where the operator was told to permit it. Pure."""

from dataclasses import dataclass

from ipsecping_operator.compile import CompiledCheck

ALL = "*"
"""Stands for every namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Nobody gains by writing a check what they may not do themselves: the default permits nothing."""

    host_network: frozenset[str] = frozenset()
    """Namespaces whose probe pods may use the node's own network."""

    def refusal(self, check: CompiledCheck) -> str | None:
        """Which field of the check is not permitted, and the remedy; None when all is."""
        if self.host_network & {check.namespace, ALL}:
            return None
        asking = [path.plan.path for path in check.paths if path.placement.host_network]
        if not asking:
            return None
        return (
            f"placement.hostNetwork of path {asking[0]} is not permitted in namespace {check.namespace}: "
            "remove it, or have the operator run with --allow-host-network for the namespace"
        )
