"""From the models to a structural schema, as a CustomResourceDefinition wants it: no references."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

# Said by pydantic, refused or without use in a structural schema.
_DROPPED = {"title", "default", "additionalProperties", "propertyNames", "$defs"}


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of `model` with every reference resolved in place."""
    schema = model.model_json_schema(by_alias=True, schema_generator=GenerateJsonSchema)
    return _inline(schema, schema.get("$defs", {}))


def _inline(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    node = _resolved(node, definitions)
    made: dict[str, Any] = {key: value for key, value in node.items() if key not in _DROPPED}
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if "const" in made:
        made["enum"] = [made.pop("const")]
    if "properties" in made:
        made["properties"] = {name: _inline(value, definitions) for name, value in made["properties"].items()}
    if "items" in made:
        made["items"] = _inline(made["items"], definitions)
    if made.get("type") == "object":
        _bound_entries(made)
    values = node.get("additionalProperties")
    if isinstance(values, Mapping):
        made["additionalProperties"] = _inline(values, definitions)
    return dict(sorted(made.items(), key=lambda item: (item[0] in ("properties", "items"), item[0])))


def _bound_entries(made: dict[str, Any]) -> None:
    """Say of entries what pydantic says of length where a field narrows a map that is bounded already."""
    for length, entries, narrower in (
        ("minLength", "minProperties", max),
        ("maxLength", "maxProperties", min),
    ):
        if length in made:
            bound = made.pop(length)
            made[entries] = narrower(bound, made.get(entries, bound))


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """`node` without `$ref` and without the null of an optional field; what stands beside them wins."""
    merged = dict(node)
    while True:
        if reference := merged.pop("$ref", None):
            merged = {**definitions[reference.rpartition("/")[2]], **merged}
        elif alternatives := merged.pop("anyOf", None):
            (only,) = [option for option in alternatives if option != {"type": "null"}]
            merged = {**only, **merged}
        else:
            return merged
