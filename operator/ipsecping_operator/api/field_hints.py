"""What somebody may have meant who wrote a field that a schema does not have, or a value of another type."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from . import durations
from .derived import joined
from .schema import structural_schema

_LONGEST = 64
"""Characters of a name that another one is looked for."""
_ALIKE, _MORE_ALIKE = 0.75, 0.85
"""How much names resemble each other, of fields beside it and of those elsewhere."""
_PLACES = 2
"""So many are named of the places that have a field of the name."""
_FEW = 24
"""So many fields are named where nothing is alike."""
_ELSEWHERE = {
    "failurethreshold": "downAfter",
    "latency": "rtt",
    "loss": "lossPercent",
    "mtu": "pathMTU",
    "packetloss": "lossPercent",
    "path": "url",
    "ping": "icmp",
    "status": "statusCodes",
    "udp": "udpEcho",
    "validstatuscodes": "statusCodes",
}
"""What other tools call a field, and what it is called here."""

Location = Sequence[int | str]


@lru_cache(maxsize=8)
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return structural_schema(model)


def meant(model: type[BaseModel], location: Location, path: str = "") -> str:
    """Which field is meant by the unknown one at `location`, as the end of a sentence; empty: who knows.

    `path` is where the model stands in the resource, such as `spec`.
    """
    name, parent = str(location[-1]), location[:-1]
    if len(name) > _LONGEST:
        return ""
    names: Mapping[str, Any] = _node(model, parent).get("properties", {})
    beside = _ELSEWHERE.get(_plain(name))
    if beside not in names:
        beside = _alike(name, names, _ALIKE)
    if beside:
        return f": did you mean {beside}?"
    if name == "type" and "icmp" in names:
        return ": the type is a field itself, such as icmp: {}"
    places = _places_by_name(model)
    if other := _alike(name, places, _MORE_ALIKE):
        near = "".join("[]" if isinstance(part, int) else f".{part}" for part in parent)
        found = sorted(places[other], key=lambda each: (not each.startswith(f"{near}."), each.count(".")))
        more = ", among others" if len(found) > _PLACES else ""
        there = " or ".join(f"{path}{each}".lstrip(".") for each in found[:_PLACES])
        return f" here: did you mean {there}{more}?"
    return f": {known}" if (known := _known(names, "the fields are")) else ""


def fields_of(model: type[BaseModel], location: Location) -> str:
    """Which fields the object at `location` has, as a clause; empty: too many, or any."""
    return _known(_node(model, location).get("properties", {}), "its fields are")


def limits_of(model: type[BaseModel], location: Location) -> str:
    """The limits of the number at `location`, as the end of a clause; empty: it has no two limits."""
    node = _node(model, location)
    if "minimum" not in node or "maximum" not in node:
        return ""
    return f" from {node['minimum']} to {node['maximum']}"


def is_duration(model: type[BaseModel], location: Location) -> bool:
    """Whether the field at `location` is a duration."""
    rules = _node(model, location).get("x-kubernetes-validations", ())
    return any(rule["message"] == durations.MESSAGE for rule in rules)


def _node(model: type[BaseModel], location: Location) -> Mapping[str, Any]:
    node = _schema(model)
    for part in location:
        known = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
        node = known or node.get("additionalProperties") or {}
    return node


def _known(names: Mapping[str, Any], words: str) -> str:
    if not 0 < len(names) <= _FEW:
        return ""
    if len(names) == 1:
        words = words.replace("fields are", "only field is")
    return f"{words} {joined([*names], 'and')}"


def _alike(name: str, names: Iterable[str], least: float) -> str | None:
    plain = {_plain(each): each for each in names}
    found = get_close_matches(_plain(name), plain, 1, least)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return re.sub("[-_]", "", name.lower())


@lru_cache(maxsize=8)
def _places_by_name(model: type[BaseModel]) -> Mapping[str, list[str]]:
    """The paths of all fields that people write, by their last name."""
    found: dict[str, list[str]] = {}
    for place in _places(_schema(model), ""):
        found.setdefault(place.rpartition(".")[2], []).append(place)
    return found


def _places(node: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in node.get("properties", {}).items():
        place = f"{path}.{name}"
        if place == ".status" or name == "affinity":  # Kubernetes' own words, which stand for much
            continue
        yield place
        yield from _places(value, place)
        if "items" in value:
            yield from _places(value["items"], f"{place}[]")
