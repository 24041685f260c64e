"""The rolling window of one probe on one path."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType

from ipsecping.contract import Figure, Invalidity
from ipsecping.contract.figure import Counted, F, figures_by_name

from .packed_tally import PackedTally, end_of, pack_tally, rounds_of, start_of, unpack_tally
from .running import RunningTotal
from .tally import Tally, total

LEAST_ROUNDS = 3
"""A window never holds fewer than this many of the newest valid rounds, however old they are."""
MOST = 256
"""So many tallies a window has at most, however many rounds it holds: old neighbours are merged."""
RECENT = 64
"""The newest tallies are never merged."""
EDGES = 128
"""Merged rounds begin within so small a part of the window: what leaves it leaves in steps of that."""
NO_LASTING: Mapping[str, tuple[int, Figure]] = MappingProxyType({})

_versions = count(1)


@dataclass(slots=True)
class Window:
    """Rounds of the last `length` (nanoseconds), at least the last three, in bounded memory.

    Rounds may be added in any order. What a round costs does not depend on how many there are.
    """

    length: int
    packed: list[PackedTally] = field(default_factory=list)
    """In the order of their starts, on this window's own clock: the operator's less `ahead`."""
    lasting: Mapping[str, tuple[int, Figure]] = field(default_factory=lambda: NO_LASTING)
    """What stands longer than the window (`Figure.kept`), of the newest round that found it, and when it
    ended; by name."""
    version: int = 0
    """Another one after each change, of this window or of any other; 0 while nothing was ever added."""
    ahead: int = 0
    """Nanoseconds by which the operator's clock was set forward since the window was made."""
    merged: int = 0
    """So many tallies, from the first on, are merged as far as they may be."""
    running: RunningTotal = field(default_factory=RunningTotal)
    answered_at: int | None = None
    """Start of the newest tally with an answer, as it was when it was added."""
    valid_at: int | None = None
    """The same of the newest tally with a valid round."""
    left_silent: int | None = None
    """Start of the oldest tally without an answer after that one, where it has left the window."""
    silence: RunningTotal | None = None
    """Of what began after the last answer; None until it is asked for."""

    def add(self, tally: Tally, *, now: int) -> None:
        """Take in one round; forget what has left the window by `now`."""
        if self.ahead:
            tally = _moved(tally, -self.ahead)
        if tally.figures:
            self._note_lasting(tally)
            tally = self._fitted(tally)
        self._insert(tally)
        self.forget(now=now)
        if len(self.packed) > MOST:
            self._shorten()

    def forget(self, *, now: int) -> None:
        """Drop what ended more than `length` ago and is not among the last three valid rounds."""
        now -= self.ahead
        if self.lasting:
            self._forget_lasting(now=now)
        gone = self._gone(now=now)
        if not gone:
            return
        leaving = self.packed[:gone]
        running, silence = self._uncertain()
        del self.packed[:gone]
        self.merged = max(self.merged - gone, 0)
        self.version = next(_versions)
        for packed in leaving:
            running.leave(packed)
            self._note_silent(packed)
        if self.answered_at is not None and start_of(leaving[-1]) <= self.answered_at:
            self.silence = silence
        self.running = running

    def shift(self, by: int) -> None:
        """The clock that all is placed on was set forward by so many nanoseconds (back: negative)."""
        self.ahead += by
        self.version = next(_versions)

    def expires(self) -> int | None:
        """When time alone will next take something out of the window, or None: only a new round can."""
        if not self.packed or self._third_newest() == 0:
            return None
        return end_of(self.packed[0]) + self.length + self.ahead

    @property
    def tallies(self) -> list[Tally]:
        """All that is in the window, in the order of their starts; made anew each time."""
        return [self._unpacked(packed) for packed in self.packed]

    @property
    def last(self) -> Tally | None:
        """The newest round, valid or not."""
        return self._unpacked(self.packed[-1]) if self.packed else None

    @property
    def last_span(self) -> tuple[int, int] | None:
        """Start and end of the newest round, valid or not."""
        if not self.packed:
            return None
        return start_of(self.packed[-1]) + self.ahead, end_of(self.packed[-1]) + self.ahead

    @property
    def last_invalidity(self) -> Invalidity | None:
        """What made the newest round invalid; None where it is valid."""
        newest = self.packed[-1] if self.packed else None
        return newest.invalidity if isinstance(newest, Tally) and not newest.rounds else None

    @property
    def last_valid(self) -> Tally | None:
        """The newest valid round."""
        return next((self._unpacked(packed) for packed in reversed(self.packed) if rounds_of(packed)), None)

    @property
    def newest_valid_start(self) -> int | None:
        """Start of the newest valid round."""
        starts = (start_of(packed) for packed in reversed(self.packed) if rounds_of(packed))
        newest = next(starts, None)
        return None if newest is None else newest + self.ahead

    def answered_run(self, *, after: int, silence_is_good: bool) -> tuple[int, bool]:
        """Count the newest valid rounds that began after `after`, back to one without an answer.

        Returns whether there was such a one as well. Where silence is good, there is none.
        """
        rounds = 0
        for packed in reversed(self.packed):
            if start_of(packed) + self.ahead <= after:
                break
            if not silence_is_good and rounds_of(packed) and unpack_tally(packed).silent:
                return rounds, True
            rounds += rounds_of(packed)
        return rounds, False

    def total(self) -> Tally | None:
        """Everything in the window added up; None when it is empty."""
        added = self.running.total(self.packed)
        if added is None:
            return None
        if self.ahead:
            added = _moved(added, self.ahead)
        if not self.lasting:
            return added
        lasting = (figure for _, figure in self.lasting.values())
        return replace(added, figures={**added.figures, **figures_by_name(*lasting)})

    def silent_run(self) -> Tally | None:
        """The rounds since the last answer, added up: none of their packets came back. None: there are none.

        Invalid rounds neither break the run nor lengthen it.
        """
        first = 0
        if self.answered_at is not None:
            first = bisect_right(self.packed, self.answered_at, key=start_of)
        begun = next((packed for packed in self.packed[first:] if unpack_tally(packed).silent), None)
        if begun is None:
            return None
        if first == 0:
            run = self.running.total(self.packed)
        else:
            self.silence = self.silence or RunningTotal()
            run = self.silence.total(self.packed[first:])
        assert run is not None
        start = start_of(begun)
        return _moved(run if run.start == start else replace(run, start=start), self.ahead)

    def silent_since(self, run: Tally) -> int:
        """When the silence began of which the window still holds `run`, as `silent_run` returns it."""
        return run.start if self.left_silent is None else self.left_silent + self.ahead

    def answered_since_loss(self) -> bool:
        """Whether a packet was answered after the round in which the newest losses began.

        These are the newest valid rounds that lost packets, back to one that lost none. Merged ones are so
        old that they count as one.
        """
        loses = answered = False
        for tally in filter(rounds_of, map(unpack_tally, reversed(self.packed))):
            if not tally.lost:
                return not loses
            if answered:
                return True
            loses, answered = True, tally.answered
        return False

    def invalid_run(self) -> int:
        """How many invalid rounds there are since the last valid one."""
        rounds = 0
        for packed in reversed(self.packed):
            if rounds_of(packed) or not isinstance(packed, Tally):
                break
            rounds += packed.invalid
        return rounds

    def figures(self, kind: type[F]) -> Iterator[F]:
        """Go through the figures of this class, the newest first; merged rounds have one together."""
        for packed in reversed(self.packed):
            figure = packed.figure(kind) if isinstance(packed, Tally) else None
            if figure is not None:
                yield figure

    def _insert(self, tally: Tally) -> None:
        packed = pack_tally(tally)
        at = bisect_right(self.packed, tally.start, key=start_of)
        after_answer = self.answered_at is None or tally.start > self.answered_at
        answered_at = tally.start if tally.answered and after_answer else self.answered_at
        valid_at = _later(self.valid_at, tally.start) if tally.rounds else self.valid_at
        running, silence = self._uncertain()
        if self.left_silent is not None and tally.answered and tally.start > self.left_silent:
            self.left_silent = None
        self.packed.insert(at, packed)
        self.merged = min(self.merged, at)
        self.version = next(_versions)
        self.answered_at, self.valid_at = answered_at, valid_at
        running.enter(packed)
        if after_answer and silence is not None:
            if tally.answered:
                silence = None
            else:
                silence.enter(packed)
        self.running, self.silence = running, silence

    def _note_silent(self, leaving: PackedTally) -> None:
        start = start_of(leaving)
        after_answer = self.answered_at is None or start > self.answered_at
        if self.left_silent is None and after_answer and unpack_tally(leaving).silent:
            self.left_silent = start

    def _uncertain(self) -> tuple[RunningTotal, RunningTotal | None]:
        """The totals, to be put back once they agree with the row again.

        Should a fault keep that from happening, both are added up anew.
        """
        kept = self.running, self.silence
        self.running, self.silence = RunningTotal(), None
        return kept

    def _note_lasting(self, tally: Tally) -> None:
        newer = {
            name: (tally.end, figure)
            for name, figure in tally.figures.items()
            if figure.kept and (name not in self.lasting or tally.end > self.lasting[name][0])
        }
        if newer:
            self.lasting = {**self.lasting, **newer}

    def _forget_lasting(self, *, now: int) -> None:
        kept = {
            name: (at, figure)
            for name, (at, figure) in self.lasting.items()
            if at + max(figure.kept, self.length) > now
        }
        if len(kept) < len(self.lasting):
            self.lasting, self.version = kept or NO_LASTING, next(_versions)

    def _fitted(self, tally: Tally) -> Tally:
        """As much of its figures as there is room for."""
        if not any(isinstance(figure, Counted) for figure in tally.figures.values()):
            return tally
        known = self.running.total(self.packed)
        fitted = [
            figure.fitted(None if known is None else known.figure(type(figure)))
            if isinstance(figure, Counted)
            else figure
            for figure in tally.figures.values()
        ]
        if all(each is figure for each, figure in zip(fitted, tally.figures.values(), strict=True)):
            return tally
        return replace(tally, figures=figures_by_name(*(each for each in fitted if each is not None)))

    def _gone(self, *, now: int) -> int:
        """How many tallies, from the first on, are to be forgotten."""
        if not self.packed or end_of(self.packed[0]) + self.length > now:
            return 0
        most = self._third_newest()
        return next((at for at in range(most) if end_of(self.packed[at]) + self.length > now), most)

    def _third_newest(self) -> int:
        """Where the third newest valid round is, or the first tally where there are fewer."""
        rounds = 0
        for back, packed in enumerate(reversed(self.packed), start=1):
            rounds += rounds_of(packed)
            if rounds >= LEAST_ROUNDS:
                return len(self.packed) - back
        return 0

    def _shorten(self) -> None:
        """Merge old neighbours until there are no more tallies than `MOST`."""
        while len(self.packed) > MOST:
            old = len(self.packed) - RECENT
            if self.merged < old:
                self._merge(self.merged, self._end_of_block(self.merged, old))
                self.merged += 1
            else:
                at = next(each for each in range(1, old) if not self._apart(each))
                self._merge(at - 1, at + 1)
                self.merged -= 1

    def _end_of_block(self, first: int, old: int) -> int:
        """Where the tallies end that may be one with the first."""
        latest = start_of(self.packed[first]) + self.length // EDGES
        end = first + 1
        while end < old and start_of(self.packed[end]) <= latest and not self._apart(end):
            end += 1
        return end

    def _merge(self, first: int, end: int) -> None:
        merged = total([unpack_tally(packed) for packed in self.packed[first:end]])
        assert merged is not None
        self.packed[first:end] = [pack_tally(merged)]

    def _apart(self, at: int) -> bool:
        """Between the tally there and the one before it a run of silent or of invalid rounds begins."""
        start, before = start_of(self.packed[at]), unpack_tally(self.packed[at - 1])
        return (before.answered and self.answered_at is not None and start > self.answered_at) or (
            before.rounds > 0 and self.valid_at is not None and start > self.valid_at
        )

    def _unpacked(self, packed: PackedTally) -> Tally:
        return _moved(unpack_tally(packed), self.ahead)


def _moved(tally: Tally, by: int) -> Tally:
    return replace(tally, start=tally.start + by, end=tally.end + by) if by else tally


def _later(known: int | None, start: int) -> int:
    return start if known is None else max(known, start)
