"""Fields of evidence in its JSON form, each read strictly; all raise ContractError, which names the field."""

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any, TypeVar

from ..contract import ContractError
from ..contract import fields as read
from ..contract.bounds import MAX_COUNT, MAX_INSTANT, MAX_RTT, MAX_TOKEN
from .evidence import MAX_KINDS, MAX_NETWORKS, Part

T = TypeVar("T")
Source = Mapping[str, Any]
_PARTS = {part.value: part for part in Part}


def network(value: object, path: str) -> str:
    """Read an IP network, as a text."""
    try:
        return str(ip_network(value if isinstance(value, str) and len(value) <= MAX_TOKEN else ""))
    except ValueError:
        raise ContractError(f"{path}: {read.shown(value)} is not an IP network") from None


def address(source: Source, key: str, path: str) -> str:
    """Read an IP address, as a text."""
    return read.address(source.get(key), f"{path}.{key}")


def by_part(source: Source, key: str, path: str, one: Callable[[Source, str, str], T]) -> Mapping[Part, T]:
    """Read an object with parts of evidence for keys; `one` reads a value."""
    found, where = read.optional_mapping(source, key, path), f"{path}.{key}"
    for name in found:
        if name not in _PARTS:
            raise read.not_one_of(name, where, _PARTS)
    return MappingProxyType({_PARTS[name]: one(found, name, where) for name in found})


def counts(source: Source, key: str, path: str, one: Callable[[object, str], str]) -> Mapping[str, int]:
    """Read an object of at most MAX_KINDS counts; `one` reads a key."""
    found, where = read.optional_mapping(source, key, path), f"{path}.{key}"
    if len(found) > MAX_KINDS:
        raise ContractError(f"{where}: {len(found)} entries, at most {MAX_KINDS} are allowed")
    made = {one(name, where): count(found, name, where) for name in found}
    if len(made) < len(found):
        raise ContractError(f"{where}: the same one appears twice")
    return MappingProxyType(made)


def items(source: Source, key: str, path: str, one: Callable[[object, str], T]) -> tuple[T, ...]:
    """Read an array of at most MAX_NETWORKS values; nothing: none."""
    if source.get(key) is None:
        return ()
    found = read.sequence(source[key], f"{path}.{key}", at_most=MAX_NETWORKS)
    return tuple(one(each, f"{path}.{key}[{place}]") for place, each in enumerate(found))


def several(
    source: Source, key: str, path: str, one: Callable[[Source, str], T], at_most: int
) -> tuple[T, ...] | None:
    """Read an array of objects; None: it is not there."""
    if source.get(key) is None:
        return None
    found = read.sequence(source[key], f"{path}.{key}", at_most=at_most)
    places = [f"{path}.{key}[{place}]" for place in range(len(found))]
    return tuple(strict(each, where, one) for each, where in zip(found, places, strict=True))


def object_of(source: Source, key: str, path: str, one: Callable[[Source, str], T]) -> T | None:
    """Read an object; None: it is not there."""
    return None if source.get(key) is None else strict(source[key], f"{path}.{key}", one)


class _Watched(dict[str, Any]):
    """A JSON object that knows which of its keys were read: what nobody reads is the writer's mistake."""

    def __init__(self, content: Source) -> None:
        super().__init__(content)
        self.unread = set(content)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value, and take the key for known."""
        self.unread.discard(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.unread.discard(key)
        return super().__getitem__(key)


def strict(value: object, path: str, one: Callable[[Source, str], T]) -> T:
    """Read an object by `one`, and refuse what that does not ask for."""
    watched = _Watched(read.mapping(value, path))
    made = one(watched, path)
    for key in sorted(watched.unread):
        raise ContractError(f"{path}: {read.shown(key)} is not a field of it")
    return made


def check_keys(source: Source, path: str, keys: frozenset[str]) -> None:
    """Refuse keys that evidence does not have."""
    for key in sorted(source):
        if key not in keys:
            raise ContractError(f"{path}: {read.shown(key)} is not a field of evidence")


def count(source: Source, key: str, path: str) -> int:
    """Read a number of packets or the like."""
    return read.integer(source, key, path, at_most=MAX_COUNT)


def some(source: Source, key: str, path: str) -> int | None:
    """Read a number of packets or the like; None: it is not there."""
    return read.optional_integer(source, key, path, at_most=MAX_COUNT)


def time(source: Source, key: str, path: str) -> int | None:
    """Read a duration in nanoseconds, at most that of a round trip; None: it is not there."""
    return read.optional_integer(source, key, path, at_most=MAX_RTT)


def instant(source: Source, key: str, path: str) -> int:
    """Read nanoseconds since the Unix epoch."""
    return read.integer(source, key, path, at_most=MAX_INSTANT)


def truth(source: Source, key: str, path: str) -> bool | None:
    """Read a truth value; None: it is not there."""
    return None if source.get(key) is None else read.boolean(source[key], f"{path}.{key}")
