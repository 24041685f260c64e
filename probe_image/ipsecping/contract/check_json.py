"""The fields by which a result, and a report of a diagnosis, name what they are about."""

from collections.abc import Mapping
from typing import Any

from . import fields
from .check import CheckRef


def check_to_json(check: CheckRef) -> dict[str, Any]:
    """Return the fields of the JSON object that has them."""
    return {
        "uid": check.uid,
        "namespace": check.namespace,
        "name": check.name,
        "generation": check.generation,
        "nonce": check.nonce,
        "path": check.path,
    }


def check_from_json(source: Mapping[str, Any], path: str) -> CheckRef:
    """Read them; raises ContractError for a field that is absent or of a wrong type."""
    return CheckRef(
        uid=fields.text(source, "uid", path),
        namespace=fields.text(source, "namespace", path),
        name=fields.text(source, "name", path),
        generation=fields.integer(source, "generation", path),
        nonce=fields.text(source, "nonce", path),
        path=fields.text(source, "path", path),
    )
