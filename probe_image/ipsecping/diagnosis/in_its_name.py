"""Answers by ICMP that the target cannot have given: what is left of the evidence is without them. Pure.

A router, a firewall or a NAT on our side may answer every echo request, whoever it is for. Then a dead tunnel
looks like a target that answers by one method only, and each control seems to answer.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from ..contract import ProbeType
from .evidence import Batch, Evidence, Hop, HopKind, Part
from .reading import Reading

_BEHIND = frozenset({Part.FAR_INSIDE, Part.NEIGHBOUR, Part.GATEWAY})
"""Controls that packets get to by way of our gateway."""


def without_forged(evidence: Evidence) -> Evidence:
    """Return the evidence without what somebody on the way answers in another's name; else the same."""
    forger = answered_in_its_name(evidence)
    if forger is None:
        return evidence
    gone = {Part.METHODS} | (_BEHIND if _before_our_gateway(evidence, forger) else set())
    why = f"somebody at hop {forger.ttl} answers ICMP in the target's name"

    def kept(batch: Batch) -> bool:
        return batch.type is not ProbeType.ICMP or batch.part not in gone

    left = replace(evidence, batches=tuple(filter(kept, evidence.batches)))
    absent = {part: why for part in gone if evidence.has(part) and not left.has(part)}
    return replace(left, not_tested=MappingProxyType({**evidence.not_tested, **absent}))


def answered_in_its_name(evidence: Evidence) -> Hop | None:
    """Return the hop at which the target seems to answer ICMP, where it cannot be there; None: it may.

    It is no nearer than a router that other packets to it meet; and not next to us, where our gateway is in
    between.
    """
    reached = [
        hop for hop in evidence.hops or () if hop.type is ProbeType.ICMP and hop.kind is HopKind.REACHED
    ]
    first = min(reached, key=lambda hop: hop.ttl, default=None)
    if first is None:
        return None
    farthest = max((hop.ttl for hop in _routers(evidence)), default=0)
    return first if first.ttl <= farthest or (first.ttl == 1 and _is_routed(evidence)) else None


def _routers(evidence: Evidence) -> Iterator[Hop]:
    """Those that packets of other methods to the target meet."""
    for hop in evidence.hops or ():
        if hop.type is not ProbeType.ICMP and hop.kind is HopKind.TIME_EXCEEDED:
            yield hop


def _is_routed(evidence: Evidence) -> bool:
    """Whether our gateway is known, and the target in another network than we."""
    host, address = evidence.host, evidence.address
    if host is None or host.source is None or address is None:
        return False
    ours = evidence.expected.controls.get(Part.NEAR_INSIDE)
    return ours not in (None, address) and not Reading(evidence).near_each_other(host.source, address)


def _before_our_gateway(evidence: Evidence, forger: Hop) -> bool:
    """Whether it is so, as far as is known: then it may answer for all that is behind our gateway."""
    ours = evidence.expected.controls.get(Part.NEAR_INSIDE)
    near = [hop.ttl for hop in evidence.hops or () if ours is not None and hop.address == ours]
    return not near or forger.ttl <= min(near)
