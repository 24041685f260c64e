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

    holder_identity: str | None
    """None: released, or never held."""
    lease_duration_seconds: float
    """Seconds without a change after which others may take it."""
    acquire_time: str | None
    renew_time: str | None
    lease_transitions: int
    resource_version: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
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


def observe(lease: Lease | None, *, before: Observation | None, now: float) -> Observation:
    """Note what was read at `now`: only a change sets `since` anew."""
    if before is not None and before.lease == lease:
        # Somebody may have edited the labels: what is written next needs the newest version.
        return Observation(lease=lease, since=before.since)
    return Observation(lease=lease, since=now)


def decide(observed: Observation, *, identity: str, leading: bool, now: float) -> Step:
    """Choose what `identity` is to do; `leading`: it has held the Lease without a break until now."""
    lease = observed.lease
    if lease is None or lease.holder_identity is None:
        return Step.ACQUIRE
    if lease.holder_identity == identity:
        # Not leading: an earlier process of the same identity has ended and left it behind.
        return Step.RENEW if leading else Step.ACQUIRE
    if leading:
        return Step.LOST
    return Step.ACQUIRE if now - observed.since >= lease.lease_duration_seconds else Step.WAIT


def read(body: Mapping[str, Any] | None) -> Lease | None:
    """Read the object as the API stores it; None: there is none."""
    if body is None:
        return None
    spec = body.get("spec") or {}
    return Lease(
        holder_identity=spec.get("holderIdentity") or None,
        lease_duration_seconds=float(spec.get("leaseDurationSeconds") or 0),
        acquire_time=spec.get("acquireTime"),
        renew_time=spec.get("renewTime"),
        lease_transitions=int(spec.get("leaseTransitions") or 0),
        resource_version=body["metadata"]["resourceVersion"],
    )


def lease_body(
    before: Lease | None, *, namespace: str, name: str, identity: str, duration: float, now: datetime
) -> Any:
    """Make the object to write in order to acquire or renew the Lease, which was `before` when last read.

    It names that version: the API refuses it when another has written meanwhile.
    """
    mine = before is not None and before.holder_identity == identity
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": math.ceil(duration),
        "acquireTime": before.acquire_time if before is not None and mine else micro_time(now),
        "renewTime": micro_time(now),
        "leaseTransitions": 0 if before is None else before.lease_transitions + (not mine),
    }
    return _object(before, namespace, name, spec)


def released_body(before: Lease, *, namespace: str, name: str, now: datetime) -> Any:
    """Make the object to write in order to leave the Lease to the next."""
    spec = {
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "acquireTime": micro_time(now),
        "renewTime": micro_time(now),
        "leaseTransitions": before.lease_transitions,
    }
    return _object(before, namespace, name, spec)


def _object(before: Lease | None, namespace: str, name: str, spec: Mapping[str, Any]) -> Any:
    metadata = {"namespace": namespace, "name": name}
    if before is not None:
        metadata["resourceVersion"] = before.resource_version
    return {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata, "spec": spec}


def micro_time(at: datetime) -> str:
    """Write an instant as Kubernetes writes a MicroTime: RFC 3339, UTC, with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
