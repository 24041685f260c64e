"""Part of a check's state: when packets of a path began to take another way. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ipsecping_operator.api.status import MAX_CHANGES
from ipsecping_operator.verdict.instance import Instance
from ipsecping_operator.verdict.judge import ProbeKey
from ipsecping_operator.verdict.route import Change, PathChange, RouteSign

SECOND = 1_000_000_000


class PathChanges:
    """The newest changes, those of an earlier run of the operator too, and how many this one has seen."""

    __slots__ = ("_counts", "_known", "_known_until", "_newest", "_noted")

    def __init__(self) -> None:
        self._newest: tuple[PathChange, ...] = ()
        self._counts: Mapping[tuple[str, RouteSign], int] = {}
        self._noted = 0
        self._known: tuple[PathChange, ...] = ()
        self._known_until = 0

    @property
    def newest(self) -> tuple[PathChange, ...]:
        """The newest first, at most `MAX_CHANGES`."""
        return self._newest

    @property
    def counts(self) -> Mapping[tuple[str, RouteSign], int]:
        """Of each path and sign, how many changes there were since the operator started."""
        return self._counts

    @property
    def noted(self) -> int:
        """How many there were in all since the operator started."""
        return self._noted

    def since(self, noted: int) -> tuple[PathChange, ...]:
        """Those after so many, the oldest first, so far as they are kept."""
        return self._newest[: self._noted - noted][::-1]

    def inherit(self, changes: Iterable[PathChange], *, known_until: int) -> None:
        """Take over what an earlier run has told, which knew all rounds up to that instant."""
        self._newest = self._known = tuple(changes)[:MAX_CHANGES]
        self._known_until = known_until

    def note(self, changes: Iterable[Change], *, at: int, probe: ProbeKey, instance: Instance) -> None:
        """Add what a round of a probe has shown, unless an earlier run has.

        Agents tell this one the same rounds again. `at` is when the round ended.
        """
        for each in changes:
            change = PathChange(at=at, path=probe[0], probe=probe[1], change=each, instance=instance)
            if not self._is_known(change):
                self._newest = (change, *self._newest)[:MAX_CHANGES]
                self._counts = Counter(self._counts) + Counter([(change.path, each.sign)])
                self._noted += 1

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative).

        What is told of changes stays as it was told.
        """
        self._known = tuple(replace(each, at=each.at + by) for each in self._known)
        self._known_until += by

    def _is_known(self, change: PathChange) -> bool:
        # The status has whole seconds, and rounds are placed on the operator's clock to a second.
        return change.at <= self._known_until or any(
            change.at <= known.at + 2 * SECOND
            for known in self._known
            if (known.path, known.probe, known.change.sign) == (change.path, change.probe, change.change.sign)
        )
