"""How paths changed, as the status has it: which was preferred, and which way their packets took. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ipsecping.printable import shortened
from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.api.status import MAX_CHANGES, MAX_WAYS, STATES
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.instance import Instance
from ipsecping_operator.verdict.preference import Move
from ipsecping_operator.verdict.route import Change, PathChange, RouteSign

from .conditions import MAX_MESSAGE

MAX_VALUE = 256
"""Characters of what was seen before and after."""


def histories_to_json(moves: Sequence[Move], changes: Sequence[PathChange]) -> dict[str, Any]:
    """Return the fields of a status; what has no entries is absent."""
    fields = {
        "preferredPathChanges": list(map(_move_to_json, moves)),
        "pathChanges": list(map(_change_to_json, changes)),
    }
    return {name: entries for name, entries in fields.items() if entries}


def _move_to_json(move: Move) -> dict[str, Any]:
    """Return a change of the preferred path."""
    return {
        "time": text.moment(move.at),
        "from": move.before,
        "to": move.after,
        "reason": move.reason,
        "message": shortened(move.message, MAX_MESSAGE),
    }


def moves_from_json(items: object) -> tuple[Move, ...]:
    """Read the changes of a status from the API; malformed ones are left out."""
    found = []
    for item in _entries(items):
        try:
            found.append(
                Move(
                    at=text.from_moment(item["time"]),
                    before=str(item["from"]),
                    after=str(item["to"]),
                    reason=str(item["reason"]),
                    message=str(item["message"]),
                    bad=False,
                )
            )
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(found)


def _change_to_json(change: PathChange) -> dict[str, Any]:
    """Return a change of the way that a path's packets take."""
    sign, before, after = change.change
    entry = {
        "time": text.moment(change.at),
        "path": change.path,
        "probe": change.probe,
        "node": change.instance.node,
        "address": change.instance.address,
        "sign": sign.value,
        "from": shortened(before, MAX_VALUE),
        "to": shortened(after, MAX_VALUE),
        "alternatesBetween": [shortened(way, MAX_VALUE) for way in change.ways] or None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def changes_from_json(items: object, *, now: int) -> tuple[PathChange, ...]:
    """Read the changes of a status from the API; malformed ones are left out, and none was later than `now`:
    those that followed would be taken for known."""
    found = []
    for item in _entries(items):
        try:
            found.append(
                PathChange(
                    at=min(text.from_moment(item["time"]), now),
                    path=str(item["path"]),
                    probe=str(item["probe"]),
                    change=Change(RouteSign(item["sign"]), str(item["from"]), str(item["to"])),
                    instance=Instance(_text(item.get("node")), _text(item.get("address"))),
                    ways=_ways(item.get("alternatesBetween")),
                )
            )
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(found)


def _ways(value: object) -> tuple[str, ...]:
    return tuple(map(str, value[:MAX_WAYS])) if isinstance(value, list) else ()


def unhealthy_from_json(paths: object) -> frozenset[str]:
    """Read which paths a status says are unhealthy."""
    entries = (item for item in paths if isinstance(item, Mapping)) if isinstance(paths, list) else ()
    return frozenset(
        str(item.get("name")) for item in entries if item.get("state") == STATES[ConditionStatus.FALSE]
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _entries(items: object) -> Iterator[Mapping[str, Any]]:
    """Go through what is a list of objects, at most as many as a history has."""
    for item in items[:MAX_CHANGES] if isinstance(items, list) else ():
        if isinstance(item, Mapping):
            yield item
