"""Digests of a status's conditions, small enough to be kept for each check. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ipsecping_operator.api.conditions import ConditionType

from .conditions import Conditions

Types = tuple[ConditionType, ...]
DIGESTED: Types = (ConditionType.READY, ConditionType.HEALTHY)
"""Conditions that every status of ours has."""


class StatusDigest(NamedTuple):
    """Hashes of conditions: two are equal when the conditions are."""

    version: int
    """The object's resource version; 0: not known."""
    gist: int
    """Of status and reason of each."""
    exact: int
    """Of the messages as well."""
    healthy: str
    """The status of Healthy; empty where there is none."""


def status_digest(status: object, *, version: int) -> StatusDigest:
    """Digest a status as JSON, whoever wrote it."""
    listed = status.get("conditions") if isinstance(status, Mapping) else None
    found: dict[str, Mapping[str, Any]] = {}
    for item in listed if isinstance(listed, Sequence) else ():
        if isinstance(item, Mapping):
            found[str(item.get("type"))] = item
    rows = [
        tuple(str(found.get(kind.value, {}).get(key)) for key in ("status", "reason", "message"))
        for kind in DIGESTED
    ]
    healthy = str(found.get(ConditionType.HEALTHY.value, {}).get("status", ""))
    return StatusDigest(version, hash(tuple(row[:2] for row in rows)), hash(tuple(rows)), healthy)


def conditions_digest(conditions: Conditions) -> StatusDigest:
    """Digest the status that these conditions will be written into."""
    rows = [
        (condition.status.value, condition.reason, condition.message)
        if (condition := conditions.get(kind)) is not None
        else ("None", "None", "None")
        for kind in DIGESTED
    ]
    healthy = conditions.get(ConditionType.HEALTHY)
    return StatusDigest(
        0,
        hash(tuple(row[:2] for row in rows)),
        hash(tuple(rows)),
        "" if healthy is None else healthy.status.value,
    )
