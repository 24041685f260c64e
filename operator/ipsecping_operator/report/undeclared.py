"""Leave out fields of the status that an older CRD does not know. Pure.

Server-side apply refuses the whole object for one of them. Between the upgrade of the operator and that of
its CRD the rest is still to be told.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Field = tuple[str, ...]
"""Keys from the root of the object down; those of list items without saying which."""


def without(fields: Iterable[Field], status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the status without these fields."""
    for field in fields:
        status = _less(field[1:], status)
    return status


def _less(keys: Field, value: Any) -> Any:
    if isinstance(value, list):
        return [_less(keys, item) for item in value]
    if not isinstance(value, Mapping) or keys[0] not in value:
        return value
    if len(keys) == 1:
        return {key: each for key, each in value.items() if key != keys[0]}
    return {**value, keys[0]: _less(keys[1:], value[keys[0]])}
