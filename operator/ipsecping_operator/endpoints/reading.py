"""What of EndpointSlices and pods is a target, and which targets a path has. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from ipsecping.contract import Family
from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping_operator.check.applied import Selection
from ipsecping_operator.children import UID_LABEL
from ipsecping_operator.compile import CompiledPath

Raw = Mapping[str, Any]


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
    addresses = _canonical(each.get("ip") for each in status.get("podIPs") or ())
    return (Endpoint(addresses, meta["uid"]),) if addresses else ()


def _canonical(texts: Iterable[Any]) -> tuple[str, ...]:
    found = []
    for text in texts:
        try:
            found.append(str(ip_address(text)))
        except ValueError:  # of slices of names
            continue
    return tuple(dict.fromkeys(found))


def select(endpoints: Iterable[Endpoint], path: CompiledPath, *, own_pods: Collection[str]) -> Selection:
    """Choose the addresses that a path measures, of endpoints that are none of the check's `own_pods` (UIDs).

    A pod counts by its first address, or by the first of the plan's family. A Service of both families tells
    of each endpoint twice: where the plan names no family, its IPv4 addresses count.
    """
    plan = path.plan
    chosen = {
        address
        for each in endpoints
        if each.pod_uid not in own_pods and (address := _of_family(each.addresses, plan.family)) is not None
    }
    if path.target_from is not None and path.target_from.service:
        chosen = {each for each in chosen if _family(each) is Family.IPV4} or chosen
    found = [str(each) for each in sorted(map(ip_address, chosen), key=lambda each: (each.version, each))]
    allowed = [address for address in found if plan.permits(address)]
    return Selection(
        addresses=tuple(allowed[:MAX_ADDRESSES]),
        found=len(found),
        refused=next((address for address in found if not plan.permits(address)), None),
    )


def _of_family(addresses: Iterable[str], family: Family | None) -> str | None:
    return next((each for each in addresses if family in (None, _family(each))), None)


def _family(address: str) -> Family:
    return Family.IPV6 if ":" in address else Family.IPV4
