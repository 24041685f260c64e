"""Whether packets take another way than before, by what each round tells of it. Pure: no I/O, no clock.

The way shows in how many hops packets pass, from which source address the target sees them, and how long
they take. A change counts once two rounds in succession agree on it: one odd round, reordering or a rekeying
is none.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from ipsecping.contract import Hops, Sources
from ipsecping.contract.methods.arrival import Arrivals

from . import text
from .instance import WHOLE, Instance
from .packed_histogram import extremes_of
from .tally import Tally

FORGOTTEN = 10
"""A value that so many rounds in succession have not told is no longer one of the way."""
LEAST_STEP = 5_000_000
"""Nanoseconds: less of a step of the round-trip time may be a busy host's."""
STEP_PART = 4
"""A step is at least one part in so many of the time before."""
SPREAD_PART = 4
"""Half of the packets are within one part in so many of a step, and so is the next round: else it is a
queue."""
LEAST_PACKETS = 5
"""Of fewer the shortest time says little."""


class RouteSign(StrEnum):
    """What shows that the way is another one."""

    HOPS = "Hops"
    SOURCE = "Source"
    RTT = "RTT"

    @property
    def noun(self) -> str:
        """For a message."""
        return {RouteSign.HOPS: "hops", RouteSign.SOURCE: "source seen", RouteSign.RTT: "least RTT"}[self]


class Change(NamedTuple):
    """What was seen before, and what is seen instead."""

    sign: RouteSign
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """When it was seen, and of whose packets."""

    at: int
    """End of the round that bore it out (nanoseconds)."""
    path: str
    probe: str
    change: Change
    instance: Instance = WHOLE
    ways: tuple[str, ...] = ()
    """Among which it has changed time and again, where that is told here."""

    def __str__(self) -> str:
        """For people."""
        sign, before, after = self.change
        said = f"{sign.noun} {before} -> {after} on {self.path}/{self.probe}{self.instance}"
        if not self.ways:
            return said
        ways = " / ".join(sorted(self.ways))
        return f"{said}, which alternates between {ways}: from now on that is only counted"


class Sender(NamedTuple):
    """Where packets come from and go to: from elsewhere they have a way of their own, which is no change."""

    pod: str | None
    node: str | None
    address: str | None
    """Of the target."""


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one kind that rounds tell of the way."""

    of: Hashable
    """Of whose packets."""
    known: Mapping[Any, int]
    """Value to how many rounds ago it was seen last; empty until two rounds agree."""
    odd: frozenset[Any] = frozenset()
    """What the last round told that is not known."""

    def taken(self, told: frozenset[Any]) -> tuple["Values", frozenset[Any]]:
        """The values after one more round, and those that are new, in two rounds now."""
        fresh = told & self.odd
        if fresh:
            # What is still seen beside the new ones stays; the others belong to the way before.
            return Values(self.of, dict.fromkeys(told & (fresh | self.known.keys()), 0)), fresh
        aged = {value: 0 if value in told else age + 1 for value, age in self.known.items()}
        kept = {value: age for value, age in aged.items() if age < FORGOTTEN}
        return Values(self.of, kept or aged, told - self.known.keys()), fresh


@dataclass(frozen=True, slots=True)
class Level:
    """The round-trip time that the way itself takes: the shortest of each round (nanoseconds)."""

    of: Hashable
    known: int | None = None
    """None until two rounds agree."""
    odd: int | None = None
    """That of the last round, where it is off."""

    def near(self, least: int) -> bool:
        """A round with this shortest time tells nothing new."""
        return (
            self.known is not None
            and self.odd is None
            and abs(least - self.known) < _step(self.known) // STEP_PART
        )

    def taken(self, least: int, median: int) -> tuple["Level", bool]:
        """The level after one more round, and whether it is another one, in two rounds now."""
        if self.known is None:
            agrees = self.odd is not None and abs(least - self.odd) < _step(self.odd)
            return (Level(self.of, least) if agrees else Level(self.of, None, least)), False
        step = abs(least - self.known)
        if step < _step(self.known):
            # It follows what changes slowly.
            return Level(self.of, (self.known + least) // 2), False
        if median - least > step // SPREAD_PART:
            return Level(self.of, self.known), False
        if self.odd is not None and abs(least - self.odd) <= step // SPREAD_PART:
            return Level(self.of, least), True
        return Level(self.of, self.known, least), False


@dataclass(frozen=True, slots=True)
class Route:
    """What is known of the way of one probe's packets."""

    hops: Values | None = None
    source: Values | None = None
    rtt: Level | None = None


UNKNOWN = Route()


def follow(route: Route, tally: Tally, sender: Sender, *, timed: bool) -> tuple[Route, tuple[Change, ...]]:
    """What is known after one more round, newer than all before, and how the way has changed.

    `timed`: the round-trip time is that of the way, and not of what a server does. Of packets from another
    node or to another address all begins anew, and the source address with each pod, which has its own.
    """
    changes: list[Change] = []
    place = (sender.node, sender.address)
    if tally.figures:
        if (hops := tally.figure(Hops)) is not None:
            route = replace(route, hops=_values(RouteSign.HOPS, route.hops, hops, place, changes))
        if (seen := tally.figure(Sources)) is not None:
            of = (sender.pod, sender.address)
            route = replace(route, source=_values(RouteSign.SOURCE, route.source, seen, of, changes))
    extremes = extremes_of(tally.packed_rtt) if timed and tally.received >= LEAST_PACKETS else None
    if extremes is not None:
        rtt = _level(route.rtt, tally, extremes[0], place, changes)
        if rtt is not route.rtt:
            route = replace(route, rtt=rtt)
    return route, tuple(changes)


def _values(
    sign: RouteSign, before: Values | None, figure: Arrivals, of: Hashable, changes: list[Change]
) -> Values:
    """The values after one more round; adds to `changes`."""
    told = frozenset(figure.counts)
    if before is None or before.of != of:
        return Values(of, {}, told)
    after, fresh = before.taken(told)
    if fresh and before.known:
        changes.append(Change(sign, _listed(before.known), _listed(after.known)))
    return after


def _level(before: Level | None, tally: Tally, least: int, of: Hashable, changes: list[Change]) -> Level:
    """The level after one more round; adds to `changes`."""
    if before is None or before.of != of:
        return Level(of, None, least)
    if before.near(least):
        return before
    after, changed = before.taken(least, tally.percentiles(50)[0])
    if changed and before.known is not None:
        said = text.milliseconds(before.known), text.milliseconds(least)
        changes.append(Change(RouteSign.RTT, *said))
    return after


def same_way(sign: RouteSign, one: str, other: str) -> bool:
    """Whether two values of changes are of one way; of round-trip times those less than a step apart are."""
    if sign is not RouteSign.RTT:
        return one == other
    here, there = text.from_milliseconds(one), text.from_milliseconds(other)
    return here is not None and there is not None and abs(here - there) < _step(min(here, there))


def _step(level: int) -> int:
    return max(LEAST_STEP, level // STEP_PART)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(values)))
