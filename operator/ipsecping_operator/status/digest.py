"""Digests of what others may not edit in a status, small enough to be kept for each check. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ipsecping_operator.api.conditions import ConditionType

from .conditions import Conditions

Types = tuple[ConditionType, ...]
DIGESTED: Types = (ConditionType.READY, ConditionType.HEALTHY)
"""Conditions that every status of ours has."""


class StatusDigest(NamedTuple):
    """Hashes of what a status says: two are equal when that is."""

    version: int
    """The object's resource version; 0: not known."""
    gist: int
    """Of status and reason of each."""
    exact: int
    """Of the messages as well, and of what the webhook has been told."""
    healthy: str
    """The status of Healthy; empty where there is none."""


def status_digest(status: object, *, version: int) -> StatusDigest:
    """Digest a status as JSON, whoever wrote it."""
    content = status if isinstance(status, Mapping) else {}
    listed, notified = content.get("conditions"), content.get("notified")
    found: dict[str, Mapping[str, Any]] = {}
    for item in listed if isinstance(listed, Sequence) else ():
        if isinstance(item, Mapping):
            found[str(item.get("type"))] = item
    rows = [
        tuple(str(found.get(kind.value, {}).get(key)) for key in ("status", "reason", "message"))
        for kind in DIGESTED
    ]
    healthy = str(found.get(ConditionType.HEALTHY.value, {}).get("status", ""))
    told = notified.items() if isinstance(notified, Mapping) else ()
    exact = hash((*rows, *sorted((str(key), str(value)) for key, value in told)))
    return StatusDigest(version, hash(tuple(row[:2] for row in rows)), exact, healthy)


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
