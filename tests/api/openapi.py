"""JSON schemas for kubeconform, made from what the API server under test publishes (CRDs included)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
LOCATION = "{{ .ResourceKind }}{{ .KindSuffix }}.json"
"""File name, as kubeconform's -schema-location has it."""


def write_schemas(openapi: Schema, directory: Path) -> None:
    """One file for each kind that the API serves; fields that it does not know are mistakes."""
    definitions = {name: _strict(schema) for name, schema in openapi["definitions"].items()}
    # Written as a number or as text, whatever the published type says.
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    for name, schema in openapi["definitions"].items():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            reference = {"$ref": f"#/definitions/{name}", "definitions": definitions}
            (directory / _file_name(kind)).write_text(json.dumps(reference))


def _file_name(kind: Schema) -> str:
    group = kind["group"].partition(".")[0]
    return "-".join(filter(None, (kind["kind"].lower(), group, kind["version"]))) + ".json"


def _strict(schema: Schema) -> Schema:
    made = dict(_entries(schema))
    if "properties" in made and "additionalProperties" not in made:
        made["additionalProperties"] = False
    if made.get("format") == "int-or-string" or made.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    return made


def _entries(schema: Schema) -> Iterator[tuple[str, Any]]:
    for key, value in schema.items():
        if key == "properties":
            yield key, {name: _strict(each) for name, each in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            yield key, _strict(value)
        else:
            yield key, value
