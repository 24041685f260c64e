"""Figures: what probes of some types measure beside the counts and times that all have.

A figure is declared once, as a class beside the probe type that measures it (`methods`). How it is read,
checked, added up over a window, printed and shown follows from the class. Pure.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias, TypeVar

Field = int | float | str
"""A value of a database or of a log line."""
F = TypeVar("F", bound="Figure")
FigureType: TypeAlias = type[F]


NO_FIGURES: Mapping[str, Any] = MappingProxyType({})
"""One for all that have none."""


class Gauge(NamedTuple):
    """A series of Prometheus that shows a figure. Values are None where there is nothing to show."""

    name: str
    text: str
    """What it shows of a window."""
    read: Callable[[Any], float | Mapping[str, float] | None]
    """Its value of a window's figure; with `label` one for each of the label's values."""
    round_text: str | None = None
    """What it shows of one round; None: as of a window."""
    round_read: Callable[[Any], float | None] | None = None
    of_invalid_rounds: bool = False
    """Whether the prober's own fault leaves a round's figure as true as it was."""
    label: str | None = None
    """A label of its own, beside those that all series have; its values are few and known."""


class Figure(ABC):
    """One figure of a round, or of all rounds in a window.

    Subclasses are frozen dataclasses with slots; most extend `Newest` or `Counted`, which say how rounds are
    added up.
    """

    __slots__ = ()

    name: ClassVar[str]
    """Its key in a result's JSON."""
    position: ClassVar[int] = 100
    """Where it stands among the figures in status, metrics and outputs: the lower the sooner."""
    kept: ClassVar[int] = 0
    """Nanoseconds for which a finding stands where the window is shorter: for what is seldom looked for."""
    gauges: ClassVar[tuple[Gauge, ...]] = ()

    @classmethod
    @abstractmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """Read the value of the key, which is not null; None: it says nothing. Raises ContractError."""

    @abstractmethod
    def to_json(self) -> object:
        """Make the value of the key, for `json.dumps`."""

    @abstractmethod
    def check(self, path: str, *, sent: int, received: int) -> None:
        """Raise ContractError where it is out of bounds or contradicts the counts of its round."""

    def spoilt(self) -> Self | None:
        """Return what stays of it in a round that the prober spoilt; None: nothing."""
        return None

    @classmethod
    @abstractmethod
    def total(cls, newest_first: Iterable[Self]) -> Self | None:
        """Add up the figures of several rounds."""

    def fields(self) -> Mapping[str, Field | None]:
        """Return it as fields of a database and of log lines; what is None is left out."""
        return {}

    def remark(self) -> str | None:
        """Return it in a few words, for a person who looks at one round; None: not worth a word."""
        return None


class Newest(Figure):
    """A figure of which the newest round that has it counts."""

    __slots__ = ()

    @classmethod
    def total(cls, newest_first: Iterable[Self]) -> Self | None:
        """Return the first."""
        return next(iter(newest_first), None)


@dataclass(frozen=True, slots=True)
class Counted(Figure):
    """A figure of packets by something that tells them apart. All rounds together: the sums by key."""

    most: ClassVar[int]
    """Keys that a window keeps; packets of further ones are left out."""

    counts: Mapping[Any, int]
    """At least one packet each."""

    @classmethod
    def total(cls, newest_first: Iterable[Self]) -> Self | None:
        """Return the sums by key; where there are more than `most` keys, of the oldest ones."""
        rounds = list(newest_first)
        keys = {key for each in rounds for key in each.counts}
        if len(keys) <= cls.most:
            return cls.summed([(each, 1) for each in rounds])
        added: Self | None = None
        for each in reversed(rounds):
            fitting = each.fitted(added)
            if fitting is not None:
                added = fitting if added is None else cls.summed([(added, 1), (fitting, 1)])
        return added

    @classmethod
    def summed(cls, parts: Sequence[tuple[Self, int]]) -> Self | None:
        """Return the sums by key, each part taken so many times (-1: it has left); None: nothing is left."""
        if len(parts) == 1:
            return parts[0][0]
        counts = _summed((each.counts, times) for each, times in parts)
        return cls.made(counts, parts) if counts else None

    @classmethod
    def made(cls, counts: Mapping[Any, int], parts: Sequence[tuple[Self, int]]) -> Self:
        """Return the figure of these sums; one that has more than counts sums that up as well."""
        return cls(counts)

    def fitted(self, known: Self | None) -> Self | None:
        """Return as much of it as there is room for in a window that knows `known`; None: nothing."""
        if len(self.counts) <= self.most - (0 if known is None else len(known.counts)):
            return self
        keys = set[Any]() if known is None else set(known.counts)
        kept: dict[Any, int] = {}
        for key, count in self.counts.items():
            if key in keys or len(keys) < self.most:
                keys.add(key)
                kept[key] = count
        return self if len(kept) == len(self.counts) else self.only(kept) if kept else None

    def only(self, counts: Mapping[Any, int]) -> Self:
        """Return the same with some of its counts."""
        return replace(self, counts=counts)


def _summed(parts: Iterable[tuple[Mapping[Any, int], int]]) -> dict[Any, int]:
    """The sums by key; a count that has come to nothing goes."""
    summed = dict[Any, int]()
    for counts, times in parts:
        for key, count in counts.items():
            summed[key] = summed.get(key, 0) + times * count
    return {key: count for key, count in summed.items() if count}


def figures_by_name(*figures: Figure) -> Mapping[str, Figure]:
    """Return the figures as a result keeps them; at most one of each class."""
    return MappingProxyType({figure.name: figure for figure in figures}) if figures else NO_FIGURES


def figure_in(figures: Mapping[str, Figure], kind: FigureType[F]) -> F | None:
    """Return the figure of this class, None where there is none."""
    found = figures.get(kind.name)
    return found if isinstance(found, kind) else None
