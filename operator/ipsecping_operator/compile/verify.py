"""What must hold of packets that arrive at the target, from the spec and back."""

from ipaddress import ip_network
from typing import Any

from ipsecping_operator.api.verify import MOST_HOPS, Verify

from .compiled import UNVERIFIED, HopLimits, Verified


def compile_verify(given: Verify | None) -> Verified:
    """Fill in every default."""
    if given is None:
        return UNVERIFIED
    hops, dscp = given.hops, given.dscp
    return Verified(
        sources=tuple(ip_network(each) for each in given.source_seen or ()),
        dscp=None if dscp is None else dscp.allowed or (),
        hops=None if hops is None else HopLimits(hops.min or 0, MOST_HOPS if hops.max is None else hops.max),
    )


def effective_verify(verified: Verified) -> dict[str, Any]:
    """Write it as a spec with nothing left out; empty where nothing is verified."""
    effective: dict[str, Any] = {}
    if verified.sources:
        effective["sourceSeen"] = [str(each) for each in verified.sources]
    if verified.dscp is not None:
        effective["dscp"] = {"allowed": list(verified.dscp)} if verified.dscp else {}
    if verified.hops is not None:
        effective["hops"] = {"min": verified.hops.least, "max": verified.hops.most}
    return effective
