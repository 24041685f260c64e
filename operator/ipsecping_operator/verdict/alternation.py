"""Whether packets change time and again among the same few ways, which is told once. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from ipsecping_operator.api.status import MAX_WAYS

from .route import Change, same_way

RETURNS = 3
"""So many changes in succession lead back to a way that was taken before, until it is one."""
CALM = 3600 * 1_000_000_000
"""Nanoseconds without a change after which the next one is news again, at least."""


class News(Enum):
    """What a change is for people."""

    CHANGE = auto()
    """The way is another one."""
    ALTERNATION = auto()
    """It has been there before, and so it goes on: to be told once."""
    NONE = auto()
    """That is known."""


@dataclass(frozen=True, slots=True)
class Alternation:
    """The ways of one probe's packets, as one sign shows them."""

    ways: tuple[str, ...]
    """The newest last, at most `MAX_WAYS`."""
    returns: int
    """How many of the newest changes, one after the other, led back to one of them."""
    at: int
    """When the newest change was (nanoseconds)."""


def alternating(
    before: Alternation | None, change: Change, *, at: int, calm: int
) -> tuple[Alternation, News]:
    """Take one more change; `calm` is how long there was none where it is news again (nanoseconds)."""
    if before is None or at - before.at > calm:
        return Alternation((change.before, change.after), 0, at), News.CHANGE
    again = next((way for way in before.ways if same_way(change.sign, way, change.after)), None)
    if again is None:
        return Alternation((*before.ways, change.after)[-MAX_WAYS:], 0, at), News.CHANGE
    ways = (*(way for way in before.ways if way != again), again)
    returns = min(before.returns + 1, RETURNS + 1)
    news = News.CHANGE if returns < RETURNS else News.ALTERNATION if returns == RETURNS else News.NONE
    return Alternation(ways, returns, at), news


def restored(ways: tuple[str, ...], *, at: int) -> Alternation:
    """Return an alternation that an earlier run of the operator has told."""
    return Alternation(ways, RETURNS, at)
