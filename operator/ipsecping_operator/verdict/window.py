"""The rolling window of one probe on one path."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from ipsecping.contract import PathMtu

from .held import Held, end_of, hold, rounds_of, start_of, tally_of
from .tally import Tally, total

LEAST_ROUNDS = 3
"""A window never holds fewer than this many of the newest valid rounds, however old they are."""
RECENT = 128
"""The newest tallies are never merged."""
NAT_KEPT = 30 * 60 * 10**9
"""Nanoseconds for which a finding about NAT stands: it is looked for every ten minutes at most."""
MOST = 512
"""More tallies than this are merged, pairwise in time, until the window has this resolution again."""


@dataclass(slots=True)
class Window:
    """Rounds of the last `length` (nanoseconds), at least the last three, in bounded memory.

    A window of more than `MOST` rounds merges old neighbours, none longer than 1/256 of its length: what
    leaves it then leaves in steps of at most that. Rounds may be added in any order.
    """

    length: int
    held: list[Held] = field(default_factory=list)
    """In the order of their starts."""
    nat: bool | None = None
    """What the newest round found that asked about NAT: that is too rare for a window to hold."""
    nat_at: int = 0
    """When it was found."""

    def add(self, tally: Tally, *, now: int) -> None:
        """Take in one round; forget what has left the window by `now`."""
        if tally.nat is not None and tally.end > self.nat_at:
            self.nat, self.nat_at = tally.nat, tally.end
        insort(self.held, hold(tally), key=start_of)
        self.forget(now=now)
        if len(self.held) > MOST:
            self._merge_old()

    def forget(self, *, now: int) -> None:
        """Drop what ended more than `length` ago and is not among the last three valid rounds."""
        keep = self._oldest_kept(now=now)
        del self.held[:keep]
        if self.nat_at + max(NAT_KEPT, self.length) <= now:
            self.nat = None

    def move(self, by: int) -> None:
        """The clock that all is placed on was set forward by so many nanoseconds (back: negative)."""
        self.held = [
            hold(replace(tally, start=tally.start + by, end=tally.end + by)) for tally in self.tallies
        ]
        self.nat_at += by

    def expires(self) -> int | None:
        """When time alone will next take something out of the window, or None: only a new round can."""
        if not self.held or self._rounds_after(0) < LEAST_ROUNDS:
            return None
        return end_of(self.held[0]) + self.length

    @property
    def tallies(self) -> list[Tally]:
        """All that is in the window, in the order of their starts; made anew each time."""
        return [tally_of(held) for held in self.held]

    @property
    def last(self) -> Tally | None:
        """The newest round, valid or not."""
        return tally_of(self.held[-1]) if self.held else None

    @property
    def last_valid(self) -> Tally | None:
        """The newest valid round."""
        return next((tally_of(held) for held in reversed(self.held) if rounds_of(held)), None)

    def total(self) -> Tally | None:
        """Everything in the window added up; None when it is empty."""
        added = total(self.tallies)
        return added if added is None or self.nat is None else replace(added, nat=self.nat)

    def silent_run(self) -> Tally | None:
        """The rounds since the last answer, added up: none of their packets came back. None: there are none.

        Invalid rounds neither break the run nor lengthen it.
        """
        run: list[Tally] = []
        for tally in self._newest_first():
            if tally.answered:
                break
            if tally.silent:
                run.append(tally)
        return total(run[::-1])

    def invalid_run(self) -> int:
        """How many invalid rounds there are since the last valid one."""
        count = 0
        for tally in self._newest_first():
            if tally.rounds:
                break
            count += tally.invalid
        return count

    def searches(self, most: int) -> list[tuple[int, PathMtu]]:
        """The newest searches for the path MTU that found one, with what they found, newest first."""
        found = (
            (tally.mtu, tally.path_mtu)
            for tally in self._newest_first()
            if tally.mtu is not None and tally.path_mtu is not None
        )
        return list(islice(found, most))

    def _newest_first(self) -> Iterator[Tally]:
        return map(tally_of, reversed(self.held))

    def _oldest_kept(self, *, now: int) -> int:
        gone = 0
        while gone < len(self.held) and end_of(self.held[gone]) + self.length <= now:
            gone += 1
        while gone and self._rounds_after(gone - 1) < LEAST_ROUNDS:
            gone -= 1
        return gone

    def _rounds_after(self, index: int) -> int:
        rounds = 0
        for held in self.held[:index:-1]:
            rounds += rounds_of(held)
            if rounds >= LEAST_ROUNDS:
                break
        return rounds

    def _merge_old(self) -> None:
        """Merge old neighbours, but never the last answered round with the silent ones after it."""
        width = self.length // 256
        tallies = self.tallies
        old, recent = tallies[:-RECENT], self.held[-RECENT:]
        answered = max((i for i, tally in enumerate(tallies) if tally.answered), default=-1)
        merged: list[Tally] = []
        for index, tally in enumerate(old):
            apart = not merged or (index > answered and merged[-1].answered)
            pair = None if apart else total([merged[-1], tally])
            if pair is None or pair.end - pair.start > width:
                merged.append(tally)
            else:
                merged[-1] = pair
        self.held = [*map(hold, merged), *recent]
