"""How often a probe sends a packet between its rounds, for a NAT on the way to keep its mapping. Pure."""

from .check import ProbeType
from .fields import ContractError
from .methods import METHODS

LEAST_MS, MOST_MS = 5_000, 300_000


def check_keepalive(
    kind: ProbeType, keepalive_ms: int, *, timeout_ms: int, interval_ms: int | None, path: str
) -> None:
    """Raise ContractError unless a probe can have this keepalive in a check with this interval."""
    if not METHODS[kind].keeps_mapping:
        having = ", ".join(each.member for each in METHODS.values() if each.keeps_mapping)
        raise ContractError(f"{path}.keepaliveMs: a {kind} probe has no mapping to keep; {having} have")
    if keepalive_ms < timeout_ms:
        raise ContractError(f"{path}.keepaliveMs: {keepalive_ms}, shorter than timeoutMs")
    if interval_ms is None or keepalive_ms >= interval_ms:
        raise ContractError(
            f"{path}.keepaliveMs: {keepalive_ms}, must be shorter than the check's intervalMs"
        )
