"""What each namespace may have of a receiver: its share, whatever others ask for. Pure.

Shares are max-min fair: who asks for less than the others gets it all, the rest is divided equally. So
whoever may write checks in one namespace keeps no alert of another namespace from its receiver.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from .alerts import Labels

T = TypeVar("T")


def namespace_of(labels: Labels) -> str:
    """Return the namespace that an alert is of; all alerts bear one."""
    return next((value for key, value in labels if key == "namespace"), "")


def share(asked: Iterable[int], *, most: int) -> int:
    """Return how many each may have at most, so that all together have no more than `most`."""
    left, counts = most, sorted(asked)
    for place, count in enumerate(counts):
        equal = left // (len(counts) - place)
        if count > equal:
            return equal
        left -= count
    return most


def within_shares(waiting: Iterable[Labels], *, most: int) -> Mapping[Labels, None]:
    """Return those of the alerts that are within the share of their namespace: the first ones of each."""
    ordered = [(each, namespace_of(each)) for each in waiting]
    if len(ordered) <= most:
        return dict.fromkeys(each for each, _ in ordered)
    limit = share(Counter(namespace for _, namespace in ordered).values(), most=most)
    having, within = Counter[str](), dict[Labels, None]()
    for each, namespace in ordered:
        if having[namespace] < limit:
            having[namespace] += 1
            within[each] = None
    return within


def by_turns(waiting: Iterable[T], *, labels: Callable[[T], Labels]) -> list[T]:
    """Return all of them in another order: the first of each namespace, then the second of each."""
    had, turns = Counter[str](), list[tuple[int, T]]()
    for each in waiting:
        namespace = namespace_of(labels(each))
        turns.append((had[namespace], each))
        had[namespace] += 1
    turns.sort(key=lambda turn: turn[0])
    return [each for _, each in turns]
