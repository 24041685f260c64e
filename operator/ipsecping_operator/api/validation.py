"""Offline validation: what is wrong with a check, by the field paths that the API server uses."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .field_hints import fields_of, is_duration, limits_of, meant
from .rules import ERROR_TYPE, Model, Violation

M = TypeVar("M", bound=Model)

_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "unknown field",
    "string_too_long": "longer than {max_length} characters",
    "string_too_short": "shorter than {min_length} characters",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "too_long": "at most {max_length} items are allowed",
    "too_short": "at least {min_length} items are needed",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list: begin each item with -",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
}
_UNION_BRANCHES = ("int", "str")
_HINTS = 8
"""Of so many unknown fields of an object it is said what may be meant: that takes a millisecond for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One mistake: the field a user has to edit, and what is wrong with it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class InvalidModel(ValueError):
    """The input breaks the schema or its rules; `errors` are never empty."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


def read(model: type[M], value: Mapping[str, Any], *, path: str = "") -> M:
    """`value` (a decoded JSON object) as `model`; raises InvalidModel with every mistake found.

    `path` is where `value` stands in the resource, such as `spec`.
    """
    text = json.dumps(value, default=lambda part: dict(part) if isinstance(part, Mapping) else str(part))
    # From JSON, because only there does strict mode read arrays as tuples and strings as enumerations.
    validate = partial(model.model_validate_json, strict=True, by_alias=True, by_name=False)
    try:
        try:
            return validate(text)
        except ValidationError as error:
            if (whole := _with_whole_numbers(text, error)) is None:
                raise
            return validate(whole)
    except ValidationError as error:
        raise InvalidModel(tuple(dict.fromkeys(_field_errors(error, model, path)))) from None


def _with_whole_numbers(text: str, error: ValidationError) -> str | None:
    """Return the JSON with integers in the place of floats such as 3.0; None where that is nowhere at fault.

    What is written in Go, as kubectl is, sends them to the API server as integers.
    """
    value, changed = json.loads(text), False
    for item in error.errors(include_url=False):
        given, location = item["input"], item["loc"]
        if item["type"] != "int_type" or type(given) is not float or not given.is_integer():
            continue
        *before, last = location[:-1] if location[-1] in _UNION_BRANCHES else location
        part = value
        for key in before:
            part = part[key]
        part[last], changed = int(given), True
    return json.dumps(value) if changed else None


def _field_errors(error: ValidationError, model: type[Model], path: str) -> list[FieldError]:
    items = error.errors(include_url=False)
    found: list[FieldError] = []
    unknown = [item["loc"] for item in items if item["type"] == "extra_forbidden"]
    hints = {location: meant(model, location, path) for location in unknown[:_HINTS]}
    for item in items:
        context = item.get("ctx", {})
        field = path + _path(item["loc"])
        if item["type"] == ERROR_TYPE:
            violations: list[Violation] = context["violations"]
            found += [FieldError(field=field + v.field, message=v.message) for v in violations]
        elif not _follows(item["type"], item["loc"], items):
            found.append(FieldError(field=field, message=_message(item, model) + hints.get(item["loc"], "")))
    return [FieldError(field=each.field.lstrip("."), message=each.message) for each in found]


def _message(item: ErrorDetails, model: type[Model]) -> str:
    given, location = item["input"], item["loc"]
    if location and location[-1] in _UNION_BRANCHES:
        written = type(given) is float and math.isfinite(given)
        return "must be an integer or a string" + (f': write "{given}"' if written else "")
    context = item.get("ctx", {})
    if item["type"] == "string_type" and type(given) in (int, float):
        if is_duration(model, location):
            return f"must be a string: give {given} its unit, as {given}s or {given}ms"
        return f"must be a string: put {given} in quotes"
    if item["type"] == "string_type" and type(given) is bool:
        return "must be a string: put it in quotes, for YAML reads yes, no, on, off, y and n as true or false"
    if item["type"] == "int_type" and isinstance(given, str) and given.isdecimal():
        return "must be an integer: leave out the quotes"
    if item["type"] == "int_type":
        return f"must be an integer{limits_of(model, location)}"
    if item["type"] == "model_type" and (known := fields_of(model, location)):
        return f"must be an object: {known}"
    if item["type"] == "string_too_short" and context["min_length"] == 1:
        return "must not be empty"
    template = _MESSAGES.get(item["type"])
    return template.format(**context) if template else item["msg"]


def _follows(kind: str, location: tuple[int | str, ...], items: list[ErrorDetails]) -> bool:
    """A list counts as too short when an item of it is wrong: say only what is wrong with the item."""
    return kind == "too_short" and any(item["loc"][:-1][: len(location)] == location for item in items)


def _path(location: tuple[int | str, ...]) -> str:
    # The branches of `int | str` show up in pydantic's locations; a user knows no such field.
    parts = [part for part in location if part not in (*_UNION_BRANCHES, "[key]")]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
