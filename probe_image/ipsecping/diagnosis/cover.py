"""The smallest sets of causes that explain all symptoms. Pure, and bounded whatever the symptoms are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from .cause import Cause
from .symptom import Symptom

MOST = 3
"""Faults at once that are looked for; with more, each symptom is explained for itself."""


@dataclass(frozen=True, slots=True)
class Group:
    """Symptoms that go together, and the causes of which one explains them."""

    symptoms: tuple[Symptom, ...]
    causes: frozenset[Cause]
    forced: bool = False
    """One of the symptoms has no other explanation, so that the cause does not rest on being the simplest."""


def smallest_cover(possible: Mapping[Symptom, frozenset[Cause]]) -> list[Group]:
    """Return the symptoms in groups, each with the causes of smallest sets that explain all symptoms.

    Causes that explain the same symptoms are taken together, so that at most some thousand sets are
    tried.
    """
    wanted = list(possible)
    alike: dict[frozenset[Symptom], set[Cause]] = {}
    for cause in {cause for causes in possible.values() for cause in causes}:
        explained = frozenset(symptom for symptom in wanted if cause in possible[symptom])
        alike.setdefault(explained, set()).add(cause)
    used = _used(wanted, list(alike))
    by_symptom = {
        symptom: frozenset(cause for each in used if symptom in each for cause in alike[each])
        for symptom in wanted
    }
    return [
        replace(group, forced=any(possible[symptom] == group.causes for symptom in group.symptoms))
        for group in _grouped(by_symptom)
    ]


def _used(wanted: Sequence[Symptom], sets: Sequence[frozenset[Symptom]]) -> set[frozenset[Symptom]]:
    """The sets that stand in any smallest cover; all of them when none of at most `MOST` sets is one."""
    everything = frozenset(wanted)
    for size in range(1, MOST + 1):
        covers = [each for each in combinations(sets, size) if frozenset().union(*each) >= everything]
        if covers:
            return {each for cover in covers for each in cover}
    return set(sets)


def _grouped(by_symptom: Mapping[Symptom, frozenset[Cause]]) -> Iterable[Group]:
    """Symptoms that share a cause belong together."""
    groups: list[tuple[list[Symptom], set[Cause]]] = []
    for symptom, causes in by_symptom.items():
        joined: tuple[list[Symptom], set[Cause]] = ([symptom], set(causes))
        rest = []
        for group in groups:
            if group[1] & joined[1]:
                joined = (group[0] + joined[0], group[1] | joined[1])
            else:
                rest.append(group)
        groups = [*rest, joined]
    return [Group(tuple(symptoms), frozenset(causes)) for symptoms, causes in groups]
