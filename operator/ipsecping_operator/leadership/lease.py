"""What a Lease says, and what to do about it. Pure.

The rules are those of client-go's leader election. Another process's clock is never trusted: a Lease has
expired when it has not changed for its duration, counted from when this process saw it change.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from ipsecping_operator.kube.kinds import LEASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A coordination.k8s.io/v1 Lease. Two are equal when their holders have written the same."""

    holder: str | None
    """None: released, or never held."""
    duration: float
    """Seconds without a change after which others may take it."""
    acquired: str | None
    renewed: str | None
    transitions: int
    version: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The Lease as last read; None when there is none."""

    lease: Lease | None
    since: float
    """Monotonic time, seconds: when it was first seen as it is."""


class Step(Enum):
    """What to do next."""

    ACQUIRE = "acquire"
    RENEW = "renew"
    WAIT = "wait"
    LOST = "lost"
    """Another has it: whatever this process does as the leader has to end."""


def see(lease: Lease | None, *, before: Sighting | None, now: float) -> Sighting:
    """The sighting after a read at `now`: only a change sets `since` anew."""
    if before is not None and before.lease == lease:
        # Somebody may have edited the labels: what is written next needs the newest version.
        return Sighting(lease=lease, since=before.since)
    return Sighting(lease=lease, since=now)


def decide(sighting: Sighting, *, identity: str, leading: bool, now: float) -> Step:
    """What `identity` is to do; `leading`: it has held the Lease without a break until now."""
    lease = sighting.lease
    if lease is None or lease.holder is None:
        return Step.ACQUIRE
    if lease.holder == identity:
        # Not leading: an earlier process of the same identity has ended and left it behind.
        return Step.RENEW if leading else Step.ACQUIRE
    if leading:
        return Step.LOST
    return Step.ACQUIRE if now - sighting.since >= lease.duration else Step.WAIT


def read(body: Mapping[str, Any] | None) -> Lease | None:
    """The object as the API stores it."""
    if body is None:
        return None
    spec = body.get("spec") or {}
    return Lease(
        holder=spec.get("holderIdentity") or None,
        duration=float(spec.get("leaseDurationSeconds") or 0),
        acquired=spec.get("acquireTime"),
        renewed=spec.get("renewTime"),
        transitions=int(spec.get("leaseTransitions") or 0),
        version=body["metadata"]["resourceVersion"],
    )


def held(
    before: Lease | None, *, namespace: str, name: str, identity: str, duration: float, now: datetime
) -> Any:
    """The object to write in order to take or to keep the Lease, which was `before` when last read.

    It names that version: the API refuses it when another has written meanwhile.
    """
    mine = before is not None and before.holder == identity
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": math.ceil(duration),
        "acquireTime": before.acquired if before is not None and mine else moment(now),
        "renewTime": moment(now),
        "leaseTransitions": 0 if before is None else before.transitions + (not mine),
    }
    return _object(before, namespace, name, spec)


def released(before: Lease, *, namespace: str, name: str, now: datetime) -> Any:
    """The object to write in order to leave the Lease to the next."""
    spec = {
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "acquireTime": moment(now),
        "renewTime": moment(now),
        "leaseTransitions": before.transitions,
    }
    return _object(before, namespace, name, spec)


def _object(before: Lease | None, namespace: str, name: str, spec: Mapping[str, Any]) -> Any:
    metadata = {"namespace": namespace, "name": name}
    if before is not None:
        metadata["resourceVersion"] = before.version
    return {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata, "spec": spec}


def moment(at: datetime) -> str:
    """As Kubernetes writes a MicroTime."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
