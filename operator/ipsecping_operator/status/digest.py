"""Digests of a status, which others may not edit, small enough to be kept for each check. Pure."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ipsecping_operator.api.conditions import ConditionType

from .conditions import Conditions

Types = tuple[ConditionType, ...]
DIGESTED: Types = (ConditionType.READY, ConditionType.HEALTHY)
"""Conditions that every status of ours has."""
_LIST_MAPS = ("conditions", "paths", "probes")
"""Lists whose order says nothing: a server-side apply may keep that of before."""
_as_json = partial(json.dumps, sort_keys=True, separators=(",", ":"))


class StatusDigest(NamedTuple):
    """Hashes of what a status says: two are equal when that is."""

    version: int
    """The object's resource version; 0: not known."""
    gist: int
    """Of status and reason of Ready and Healthy."""
    exact: int
    """Of everything."""
    healthy: str
    """The status of Healthy; empty where there is none."""


def status_digest(status: object, *, version: int) -> StatusDigest:
    """Digest a status as JSON, whoever wrote it."""
    content = status if isinstance(status, Mapping) else {}
    listed = content.get("conditions")
    found: dict[str, Mapping[str, Any]] = {}
    for item in listed if isinstance(listed, Sequence) else ():
        if isinstance(item, Mapping):
            found[str(item.get("type"))] = item
    rows = tuple(
        tuple(str(found.get(kind.value, {}).get(key)) for key in ("status", "reason")) for kind in DIGESTED
    )
    healthy = str(found.get(ConditionType.HEALTHY.value, {}).get("status", ""))
    lists = {
        key: sorted(map(_as_json, content[key]))
        for key in _LIST_MAPS
        if isinstance(content.get(key), Sequence)
    }
    return StatusDigest(version, hash(rows), hash(_as_json({**content, **lists})), healthy)


def conditions_gist(conditions: Conditions) -> int:
    """Return the gist of the status that these conditions will be written into."""
    rows = tuple(
        (condition.status.value, condition.reason)
        if (condition := conditions.get(kind)) is not None
        else ("None", "None")
        for kind in DIGESTED
    )
    return hash(rows)
