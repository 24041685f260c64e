"""Read one field of a decoded JSON object, or say which field is wrong and how."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

E = TypeVar("E", bound=StrEnum)

# Bounds keep a hostile or broken peer from making the reader hold arbitrary amounts of data.
MAX_STRING = 512
MAX_INTEGER = 2**63 - 1


class ContractError(ValueError):
    """A plan or result that breaks the contract; the message starts with the path of the field."""


def mapping(value: object, path: str) -> Mapping[str, Any]:
    """`value` as a JSON object."""
    if not isinstance(value, dict):
        raise ContractError(f"{path}: expected an object, got {_kind(value)}")
    return value


def sequence(value: object, path: str, *, at_most: int) -> list[Any]:
    """`value` as a JSON array of at most `at_most` items."""
    if not isinstance(value, list):
        raise ContractError(f"{path}: expected an array, got {_kind(value)}")
    if len(value) > at_most:
        raise ContractError(f"{path}: {len(value)} items, at most {at_most} are allowed")
    return value


def text(source: Mapping[str, Any], key: str, path: str) -> str:
    """A required, non-empty string of at most `MAX_STRING` characters."""
    value = source.get(key)
    if not isinstance(value, str) or not value:
        raise ContractError(f"{path}.{key}: expected a non-empty string, got {_kind(value)}")
    if len(value) > MAX_STRING:
        raise ContractError(f"{path}.{key}: longer than {MAX_STRING} characters")
    return value


def optional_text(source: Mapping[str, Any], key: str, path: str) -> str | None:
    """A string, or None when the key is absent or null."""
    return None if source.get(key) is None else text(source, key, path)


def integer(
    source: Mapping[str, Any], key: str, path: str, *, at_least: int = 0, at_most: int = MAX_INTEGER
) -> int:
    """A required integer within the given bounds (inclusive)."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ContractError(f"{path}.{key}: expected an integer, got {_kind(value)}")
    if not at_least <= value <= at_most:
        raise ContractError(f"{path}.{key}: {value} is outside {at_least}..{at_most}")
    return value


def optional_integer(
    source: Mapping[str, Any], key: str, path: str, *, at_least: int = 0, at_most: int = MAX_INTEGER
) -> int | None:
    """An integer within the bounds, or None when the key is absent or null."""
    if source.get(key) is None:
        return None
    return integer(source, key, path, at_least=at_least, at_most=at_most)


def flag(source: Mapping[str, Any], key: str, path: str, *, default: bool = False) -> bool:
    """A boolean; `default` when the key is absent or null."""
    value = source.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ContractError(f"{path}.{key}: expected true or false, got {_kind(value)}")
    return value


def member(source: Mapping[str, Any], key: str, path: str, enum: type[E]) -> E:
    """A required string that names a member of `enum` by value."""
    value = text(source, key, path)
    try:
        return enum(value)
    except ValueError:
        allowed = ", ".join(enum)
        raise ContractError(f"{path}.{key}: {value!r} is not one of {allowed}") from None


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
