"""How long to wait before something that failed is tried again. Pure.

Pauses double from the first to the longest, and a random part of each is taken off, so that what failed
together is not tried again together. A success resets them: the next failure begins with the first pause.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Chance = Callable[[], float]
"""A number of at least 0 and below 1."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The rule: pauses in seconds. `spread` is the greatest share of a pause that is taken off by chance."""

    first: float
    longest: float
    spread: float = 0.3

    def pause(self, failures: int, *, longest: float | None = None, chance: Chance = random.random) -> float:
        """Seconds before the next attempt, after so many failures in a row (at least 1).

        `longest` takes the place of the rule's own limit.
        """
        limit = self.longest if longest is None else longest
        # Of more doublings than a float can count the result is no number any more.
        grown = min(self.first * 2.0 ** min(failures - 1, 64), limit)
        return grown * (1.0 - self.spread * chance())

    def __iter__(self) -> Iterator[float]:
        """The pauses after the first failure, the second and so on, without end."""
        failures = 0
        while True:
            failures += 1
            yield self.pause(failures)


@dataclass(slots=True)
class Attempts:
    """How often in a row one thing has failed."""

    backoff: Backoff
    failures: int = 0

    def failed(self) -> float:
        """Note a failure; seconds before the next attempt."""
        self.failures += 1
        return self.backoff.pause(self.failures)

    def succeeded(self) -> None:
        """Begin with the first pause again."""
        self.failures = 0
