"""Evidence written down as JSON, and its digest, by which two people know that they talk of the same."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from hashlib import sha256
from typing import Any

from .evidence import VERSION, Evidence

_SPELLED = {"path_mtu": "pathMTU", "link_mtu": "linkMTU"}


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """Return the JSON object; absent keys mean None, zero or empty."""
    return {"version": VERSION, **_object(evidence)}


def evidence_digest(evidence: Evidence) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of its JSON, with sorted keys and without blanks."""
    content = json.dumps(evidence_to_json(evidence), sort_keys=True, separators=(",", ":"))
    return sha256(content.encode()).hexdigest()[:16]


def _object(value: Any) -> dict[str, Any]:
    content = {each.name: (getattr(value, each.name), each) for each in fields(value)}
    return {spelled(name): _json(one) for name, (one, each) in content.items() if one != _default(each)}


def _default(field: "Field[Any]") -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def spelled(name: str) -> str:
    """Return the JSON key of a field."""
    first, *others = name.split("_")
    return _SPELLED.get(name) or first + "".join(word.capitalize() for word in others)


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(_json(each) for each in value)
    if isinstance(value, tuple):
        return [_json(each) for each in value]
    return _object(value)
