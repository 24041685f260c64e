"""Settings by namespace, and how a refusal is worded."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, TypeVar

ALL = "*"
"""Stands for every namespace that is not named itself."""
_NAMED = 3
"""So many of what is allowed are named in a message."""
V = TypeVar("V")


class Refusal(NamedTuple):
    """Something that a check asks for and does not get."""

    field: str
    text: str
    """What is there, what is allowed, and which setting says so."""

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


def of_namespace(given: Mapping[str, V], namespace: str, default: V) -> V:
    """What holds in the namespace."""
    return given.get(namespace, given.get(ALL, default))


def holds_in(namespaces: Collection[str], namespace: str) -> bool:
    """Whether the namespace is among them, or all are."""
    return namespace in namespaces or ALL in namespaces


def matches(name: str, patterns: Collection[str]) -> bool:
    """Whether the name is among the patterns: names, or beginnings of names that end in `*`."""
    return any(
        name.startswith(each.removesuffix("*")) if each.endswith("*") else name == each for each in patterns
    )


def listed(allowed: Collection[str], *, more: str = "more") -> str:
    """What is allowed, cut short where it is much."""
    first = list(allowed)[:_NAMED]
    rest = len(allowed) - len(first)
    return (", ".join(first) if first else "nothing") + (f" and {rest} {more}" if rest else "")
