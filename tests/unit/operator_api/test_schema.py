"""Properties of the CRD that the API conventions, or experience with real API servers, ask for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ipsecping_operator.api.crd import custom_resource_definition

YAML_1_1_BOOLEANS = {"y", "n", "yes", "no", "on", "off"}
CRD = custom_resource_definition()
(VERSION,) = CRD["spec"]["versions"]
ROOT = VERSION["schema"]["openAPIV3Schema"]


def nodes(path: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from nodes(f"{path}.{name}", below)
    if "items" in schema:
        yield from nodes(f"{path}[]", schema["items"])
    if "additionalProperties" in schema:
        yield from nodes(f"{path}.*", schema["additionalProperties"])


OURS = [(path, node) for path, node in nodes("", ROOT) if path.startswith((".spec", ".status"))]


@pytest.mark.parametrize(
    "keyword", ["$ref", "$defs", "default", "anyOf", "title", "const", "additionalProperties"]
)
def test_the_schema_is_structural_and_the_spec_has_no_defaults(keyword: str) -> None:
    found = [path for path, node in OURS if keyword in node]
    if keyword == "default":
        assert found == [".status"]
    elif keyword == "additionalProperties":
        maps = {"nodeSelector", "podLabels", "podAnnotations", "matchLabels", "labels"}
        assert {path.rpartition(".")[2] for path in found} == maps
    else:
        assert found == []


def test_every_value_has_a_type() -> None:
    assert not [
        path for path, node in OURS if "type" not in node and "x-kubernetes-int-or-string" not in node
    ]


def test_every_field_explains_itself() -> None:
    unexplained = [
        path for path, node in OURS if not path.endswith(("[]", ".*")) and not node.get("description")
    ]
    assert not unexplained


def test_everything_is_bounded() -> None:
    for path, node in OURS:
        bounded = {
            "string": "maxLength" in node or "enum" in node,
            "array": "maxItems" in node,
            "object": "additionalProperties" not in node or "maxProperties" in node,
        }
        assert bounded.get(node.get("type", ""), True), path


def test_no_regular_expression_is_said_to_whoever_is_refused() -> None:
    """Of the keyword `pattern` an API server says the expression alone; a rule has a message."""
    assert not [path for path, node in OURS if "pattern" in node]
    messages = {rule["message"] for _, node in OURS for rule in node.get("x-kubernetes-validations", ())}
    assert not [message for message in messages if re.search(r"\^|\\|\)[?*+]", message)]


def test_every_list_says_how_it_is_merged() -> None:
    assert not [
        path for path, node in OURS if node.get("type") == "array" and "x-kubernetes-list-type" not in node
    ]


def test_no_name_or_value_is_a_boolean_to_yaml() -> None:
    words = {path.rsplit(".", 1)[-1] for path, _ in OURS}
    words |= {value for _, node in OURS for value in node.get("enum", ())}
    assert not {word.lower() for word in words} & YAML_1_1_BOOLEANS


def test_printer_columns_are_in_the_order_that_users_read() -> None:
    shown = [c["name"] for c in VERSION["additionalPrinterColumns"] if not c.get("priority")]
    assert shown == [
        "Target",
        "Healthy",
        "Reason",
        "Loss%",
        "RTT-p50",
        "RTT-p99",
        "Last",
        "Age",
        "Maintenance-Until",
    ]
