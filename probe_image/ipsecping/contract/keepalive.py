"""How often a probe sends a packet between its rounds, for a NAT on the way to keep its mapping. Pure."""

from typing import TYPE_CHECKING

from .fields import ContractError
from .methods import METHODS

if TYPE_CHECKING:
    from .plan import PlannedProbe

LEAST_MS, MOST_MS = 5_000, 300_000


def check_keepalive(probe: "PlannedProbe", interval_ms: int | None, path: str) -> None:
    """Raise ContractError unless the probe can have its keepalive in a check with this interval."""
    if probe.keepalive_ms is None:
        return
    if not METHODS[probe.type].keeps_mapping:
        having = ", ".join(each.member for each in METHODS.values() if each.keeps_mapping)
        raise ContractError(f"{path}.keepaliveMs: a {probe.type} probe has no mapping to keep; {having} have")
    if probe.keepalive_ms < probe.timeout_ms:
        raise ContractError(f"{path}.keepaliveMs: {probe.keepalive_ms}, shorter than timeoutMs")
    if interval_ms is None or probe.keepalive_ms >= interval_ms:
        raise ContractError(
            f"{path}.keepaliveMs: {probe.keepalive_ms}, must be shorter than the check's intervalMs"
        )
