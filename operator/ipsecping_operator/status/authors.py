"""Who has written what of a status, as the API server keeps account of it (managedFields). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

Fields = Mapping[str, Any]
"""Names and keys to what is owned below them, as in fieldsV1; empty: the whole of it."""
_OF_A_FIELD = "f:"
_ITSELF = "."
"""That an object or a list is there, without what is in it; whoever added it keeps that."""


def written_by_others(metadata: Mapping[str, Any], *, manager: str) -> tuple[str, ...]:
    """Return the fields of the status of which somebody else owns something that `manager` does not.

    Whoever changes a value owns it from then on, alone; who writes the same value shares it.
    """
    ours: dict[str, Any] = {}
    others: dict[str, Any] = {}
    listed = metadata.get("managedFields")
    for entry in listed if isinstance(listed, Sequence) else ():
        if isinstance(entry, Mapping):
            owned = _below(_below(entry, "fieldsV1"), "f:status")
            _merge(owned, into=ours if entry.get("manager") == manager else others)
    found = (name for name, owned in others.items() if _exceeds({name: owned}, ours))
    return tuple(sorted(name.removeprefix(_OF_A_FIELD) for name in found if name.startswith(_OF_A_FIELD)))


def _below(fields: Fields, name: str) -> Fields:
    found = fields.get(name)
    return found if isinstance(found, Mapping) else {}


def _merge(fields: Fields, *, into: dict[str, Any]) -> None:
    for name in fields:
        _merge(_below(fields, name), into=into.setdefault(name, {}))


def _exceeds(theirs: Fields, ours: Fields) -> bool:
    """Somebody else owns a value that we do not."""
    return any(
        name not in ours or _exceeds(_below(theirs, name), ours[name]) for name in theirs if name != _ITSELF
    )
