"""Part of a check's state: when packets of a path began to take another way. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ipsecping_operator.api.status import MAX_CHANGES
from ipsecping_operator.verdict.alternation import CALM, Alternation, News, alternating, restored
from ipsecping_operator.verdict.instance import MAX_INSTANCES, Instance
from ipsecping_operator.verdict.judge import ProbeKey
from ipsecping_operator.verdict.route import Change, PathChange, RouteSign

SECOND = 1_000_000_000
CALM_ROUNDS = 20
"""Rounds without a change after which the next one is news again, where they last longer than `CALM`."""
_Sign = tuple[str, str, Instance, RouteSign]
"""Path, probe, whose packets, and what shows it."""


class PathChanges:
    """The newest changes, those of an earlier run of the operator too, and how many this one has seen.

    Packets that go to and fro among the same few ways (ECMP) are told of once, and only counted then.
    """

    __slots__ = ("_alternations", "_counts", "_known", "_known_until", "_newest", "_noted")

    def __init__(self) -> None:
        self._alternations: dict[_Sign, Alternation] = {}
        self._newest: tuple[PathChange, ...] = ()
        self._counts: Mapping[tuple[str, RouteSign], int] = {}
        self._noted = 0
        self._known: tuple[PathChange, ...] = ()
        self._known_until = 0

    @property
    def newest(self) -> tuple[PathChange, ...]:
        """Those to be told, the newest first, at most `MAX_CHANGES`."""
        return self._newest

    @property
    def counts(self) -> Mapping[tuple[str, RouteSign], int]:
        """Of each path and sign, how many changes there were since the operator started."""
        return self._counts

    @property
    def noted(self) -> int:
        """How many there were to be told since the operator started."""
        return self._noted

    def since(self, noted: int) -> tuple[PathChange, ...]:
        """Those after so many, the oldest first, so far as they are kept."""
        return self._newest[: self._noted - noted][::-1]

    def inherit(self, changes: Iterable[PathChange], *, known_until: int) -> None:
        """Take over what an earlier run has told, which knew all rounds up to that instant."""
        self._newest = self._known = tuple(changes)[:MAX_CHANGES]
        self._known_until = known_until
        for each in reversed(self._known):
            told = _sign(each)
            if each.ways:
                self._alternations[told] = restored(each.ways, at=max(each.at, known_until))
            else:
                before = self._alternations.get(told)
                self._alternations[told], _ = alternating(before, each.change, at=each.at, calm=CALM)

    def note(
        self, changes: Iterable[Change], *, at: int, probe: ProbeKey, instance: Instance, interval: int
    ) -> None:
        """Add what a round of a probe has shown, unless an earlier run has.

        Agents tell this one the same rounds again. `at` is when the round ended, `interval` how far apart
        rounds are (nanoseconds).
        """
        calm = max(CALM, CALM_ROUNDS * interval)
        for each in changes:
            change = PathChange(at=at, path=probe[0], probe=probe[1], change=each, instance=instance)
            if self._is_known(change):
                continue
            self._counts = Counter(self._counts) + Counter([(change.path, each.sign)])
            alternation, news = self._alternates(change, calm)
            if news is News.NONE:
                continue
            if news is News.ALTERNATION:
                change = replace(change, ways=alternation.ways)
            self._newest = (change, *self._newest)[:MAX_CHANGES]
            self._noted += 1

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative).

        What is told of changes stays as it was told.
        """
        self._known = tuple(replace(each, at=each.at + by) for each in self._known)
        self._known_until += by
        for sign, before in self._alternations.items():
            self._alternations[sign] = replace(before, at=before.at + by)

    def _alternates(self, change: PathChange, calm: int) -> tuple[Alternation, News]:
        sign, known = _sign(change), self._alternations
        made = alternating(known.pop(sign, None), change.change, at=change.at, calm=calm)
        known[sign] = made[0]
        if len(known) > MAX_INSTANCES:
            del known[next(iter(known))]  # that which has not changed for longest
        return made

    def _is_known(self, change: PathChange) -> bool:
        # The status has whole seconds, and rounds are placed on the operator's clock to a second.
        return change.at <= self._known_until or any(
            change.at <= known.at + 2 * SECOND
            for known in self._known
            if (known.path, known.probe, known.change.sign) == (change.path, change.probe, change.change.sign)
        )


def _sign(change: PathChange) -> _Sign:
    return change.path, change.probe, change.instance, change.change.sign
