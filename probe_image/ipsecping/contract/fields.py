"""Read one field of a decoded JSON object, or say which field is wrong and how.

What is read is bounded, so that a hostile or broken peer cannot make the reader hold arbitrary amounts of
data, and printable wherever a text goes: log lines, metrics, the Kubernetes API.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar

from ..addresses import unmapped
from .bounds import MAX_INTEGER, MAX_TEXT, MAX_TOKEN

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_SHOWN = 64
"""Characters of a wrong value that an error quotes."""
_TOKEN = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}")
_ZONE = re.compile(r"[!-$&-.0-~]{1,15}")
"""The name of a network interface (IFNAMSIZ), or its number."""


class ContractError(ValueError):
    """A plan or result that breaks the contract; the message starts with the path of the field.

    The message is short and printable, whatever the value was.
    """

    @property
    def field(self) -> str:
        """The path of the field: one of a bounded set, where the message may quote any value."""
        return str(self).partition(":")[0]


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


def optional_mapping(source: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    """A JSON object; an empty one when the key is absent or null."""
    value = source.get(key)
    return {} if value is None else mapping(value, f"{path}.{key}")


def text(source: Mapping[str, Any], key: str, path: str) -> str:
    """A required, non-empty, printable string of at most `MAX_TEXT` characters."""
    value = source.get(key)
    if not isinstance(value, str) or not value:
        given = "an empty one" if value == "" else _kind(value)
        raise ContractError(f"{path}.{key}: expected a non-empty string, got {given}")
    check_text(value, path, key)
    return value


def optional_text(source: Mapping[str, Any], key: str, path: str) -> str | None:
    """A string, or None when the key is absent or null."""
    return None if source.get(key) is None else text(source, key, path)


def token(source: Mapping[str, Any], key: str, path: str) -> str:
    """A required string of 1 to `MAX_TOKEN` visible ASCII characters."""
    value = source.get(key)
    if not isinstance(value, str) or not is_token(value):
        raise ContractError(
            f"{path}.{key}: {shown(value)} is not a string of 1 to {MAX_TOKEN} visible ASCII characters"
        )
    return value


def is_token(value: str) -> bool:
    """Whether it is 1 to `MAX_TOKEN` visible ASCII characters."""
    return _TOKEN.fullmatch(value) is not None


def is_text(value: str) -> bool:
    """Whether it is 1 to `MAX_TEXT` printable characters.

    Not printable are control characters, line breaks, lone surrogates, marks of direction, and what Unicode
    has not assigned (`str.isprintable`).
    """
    return 0 < len(value) <= MAX_TEXT and value.isprintable()


def check_text(value: str, path: str, key: str) -> None:
    """Raise ContractError unless `is_text`."""
    if is_text(value):
        return
    if not 0 < len(value) <= MAX_TEXT:
        raise ContractError(f"{path}.{key}: empty, or longer than {MAX_TEXT} characters")
    raise ContractError(f"{path}.{key}: {shown(value)} has characters that cannot be printed")


@lru_cache(maxsize=32_768)
def canonical_address(value: str) -> str | None:
    """An IP address as RFC 5952 writes it, with its zone where it is link-local; None for anything else."""
    try:
        address = ip_address(value)
    except ValueError:
        return None
    zone = address.scope_id if isinstance(address, IPv6Address) else None
    if zone is not None and not (address.is_link_local and _ZONE.fullmatch(zone)):
        return None
    return str(address)


def packet_address(value: str) -> str:
    """The address that packets to `value` bear, canonical: IPv4 where that is IPv4 in the form of IPv6.

    Raises ValueError for what is no IP address.
    """
    plain = str(unmapped(value))
    return canonical_address(value) or plain if ":" in plain else plain


def optional_address(source: Mapping[str, Any], key: str, path: str) -> str | None:
    """An IP address in its canonical form, or None when the key is absent or null."""
    value = source.get(key)
    return None if value is None else address(value, f"{path}.{key}")


def address(value: object, path: str) -> str:
    """An IP address in its canonical form."""
    found = canonical_address(value) if isinstance(value, str) and len(value) <= MAX_TOKEN else None
    if found is None:
        raise ContractError(f"{path}: {shown(value)} is not an IP address")
    return found


def integer(
    source: Mapping[str, Any], key: str, path: str, *, at_least: int = 0, at_most: int = MAX_INTEGER
) -> int:
    """A required integer within the given bounds (inclusive)."""
    return whole_number(source.get(key), f"{path}.{key}", at_least=at_least, at_most=at_most)


def whole_number(value: object, path: str, *, at_least: int = 0, at_most: int = MAX_INTEGER) -> int:
    """`value` as an integer within the given bounds (inclusive)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ContractError(f"{path}: expected an integer, got {_kind(value)}")
    if not at_least <= value <= at_most:
        raise out_of_range(value, path, at_least, at_most)
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
    return default if value is None else boolean(value, f"{path}.{key}")


def boolean(value: object, path: str) -> bool:
    """`value` as a boolean."""
    if not isinstance(value, bool):
        raise ContractError(f"{path}: expected true or false, got {_kind(value)}")
    return value


def member(source: Mapping[str, Any], key: str, path: str, enum: type[E]) -> E:
    """A required string that names a member of `enum` by value."""
    value = text(source, key, path)
    try:
        return enum(value)
    except ValueError:
        raise not_one_of(value, f"{path}.{key}", enum) from None


def one_of(source: Mapping[str, Any], key: str, path: str, choices: Mapping[str, T]) -> T:
    """A required string that names one of `choices`; returns what it names."""
    value = text(source, key, path)
    if value not in choices:
        raise not_one_of(value, f"{path}.{key}", choices)
    return choices[value]


def present(**content: Any) -> dict[str, Any]:
    """A JSON object of those values that are not None."""
    return {key: value for key, value in content.items() if value is not None}


def not_one_of(value: str, path: str, choices: Iterable[str]) -> ContractError:
    """What to raise for a string that names none of the choices."""
    return ContractError(f"{path}: {shown(value)} is not one of {', '.join(choices)}")


def out_of_range(value: int, path: str, at_least: int, at_most: int) -> ContractError:
    """What to raise for an integer outside of its bounds (inclusive)."""
    return ContractError(f"{path}: {shown(value)} is outside {at_least}..{at_most}")


def shown(value: object) -> str:
    """A wrong value for an error message: printable, and short whatever it is."""
    if isinstance(value, int) and value.bit_length() > 1024:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str):
        value = value[: _SHOWN + 1]  # one more, to see that it goes on
    elif value is not None and not isinstance(value, int | float):
        return _kind(value)
    quoted = repr(value)
    return quoted if len(quoted) <= _SHOWN + 2 else f"{quoted[:_SHOWN]}…"


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
