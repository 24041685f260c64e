"""What of EndpointSlices and pods is a target, and which targets a path has. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from typing import Any, NamedTuple

from ipsecping.contract import Family, PlannedCheck
from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping_operator.check.applied import Selection
from ipsecping_operator.children import UID_LABEL
from ipsecping_operator.compile import CompiledPath

Raw = Mapping[str, Any]
MOST_ADDRESSES = 2
"""Of an endpoint that are read: a pod has one of each family. A slice may have a hundred."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ready host."""

    addresses: tuple[str, ...]
    """In their canonical form, the preferred one first; one of them is measured."""
    pod_uid: str | None = None
    """Of the pod that it is, where that is known."""


def read_slice(raw: Raw) -> tuple[Endpoint, ...]:
    """Read the ready endpoints of an EndpointSlice; of what does not say so, the API says that it is."""
    return tuple(_endpoints(raw))


def _endpoints(raw: Raw) -> Iterator[Endpoint]:
    for each in raw.get("endpoints") or ():
        addresses = _canonical(each.get("addresses") or ())
        if addresses and (each.get("conditions") or {}).get("ready") is not False:
            of = each.get("targetRef") or {}
            yield Endpoint(addresses, of.get("uid") if of.get("kind") == "Pod" else None)


def read_pod(raw: Raw) -> tuple[Endpoint, ...]:
    """Read a pod's addresses if it is ready and goes on. What measures for checks is no target."""
    meta, status = raw["metadata"], raw.get("status") or {}
    if UID_LABEL in (meta.get("labels") or {}) or "deletionTimestamp" in meta:
        return ()
    if not any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    ):
        return ()
    addresses = _canonical([each.get("ip") for each in status.get("podIPs") or ()])
    return (Endpoint(addresses, meta["uid"]),) if addresses else ()


def _canonical(texts: Sequence[Any]) -> tuple[str, ...]:
    found = []
    for text in texts[:MOST_ADDRESSES]:
        try:
            found.append(str(ip_address(text)))
        except ValueError:  # of slices of names
            continue
    return tuple(dict.fromkeys(found))


class Target(NamedTuple):
    """An address that a plan may have."""

    address: str
    permitted: bool
    pods: frozenset[str | None]
    """Whose it is, by UID; None: not known."""


class Found:
    """The ready endpoints of one source at a time, in bounded number.

    What plans make of them is worked out once, however many checks and paths ask: whoever may write the
    endpoints decides how many there are and how often they change.
    """

    __slots__ = ("_targets", "endpoints", "more")

    def __init__(self, endpoints: Iterable[Endpoint], *, more: bool = False) -> None:
        """`more`: there are further ones, which were left out."""
        self.endpoints = tuple(endpoints)
        self.more = more
        self._targets: dict[tuple[object, ...], tuple[Target, ...]] = {}

    def targets(self, plan: PlannedCheck) -> tuple[Target, ...]:
        """Return the addresses of the plan's family, in the order of numbers, each once.

        A pod counts by its first address, or by the first of that family.
        """
        key = plan.family, plan.allowed, plan.refused
        known = self._targets.get(key)
        if known is None:
            known = self._targets[key] = tuple(self._made(plan))
        return known

    def _made(self, plan: PlannedCheck) -> Iterator[Target]:
        pods = dict[str, set[str | None]]()
        for each in self.endpoints:
            address = _of_family(each.addresses, plan.family)
            if address is not None:
                pods.setdefault(address, set()).add(each.pod_uid)
        for parsed in sorted(map(ip_address, pods), key=lambda each: (each.version, each)):
            address = str(parsed)
            yield Target(address, plan.permits(address), frozenset(pods[address]))


def select(found: Found, path: CompiledPath, *, own_pods: Collection[str]) -> Selection:
    """Choose the addresses that a path measures, of what is found that is none of `own_pods` (UIDs).

    A Service of both families tells of each endpoint twice: where the plan names no family, its IPv4
    addresses count.
    """
    own = frozenset(own_pods)
    chosen = [each for each in found.targets(path.plan) if not each.pods <= own]
    if path.target_from is not None and path.target_from.service:
        chosen = [each for each in chosen if _family(each.address) is Family.IPV4] or chosen
    allowed = (each.address for each in chosen if each.permitted)
    return Selection(
        addresses=tuple(islice(allowed, MAX_ADDRESSES)),
        found=len(chosen),
        more=found.more,
        refused=next((each.address for each in chosen if not each.permitted), None),
    )


def _of_family(addresses: Iterable[str], family: Family | None) -> str | None:
    return next((each for each in addresses if family in (None, _family(each))), None)


def _family(address: str) -> Family:
    return Family.IPV6 if ":" in address else Family.IPV4
