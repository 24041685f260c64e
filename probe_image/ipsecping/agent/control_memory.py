"""What an agent remembers of one control of one path. Pure."""

from dataclasses import dataclass

FORGIVEN = 3
"""Times in a row that a control may be silent while the path is well, before it is none that answers."""


@dataclass(slots=True)
class ControlMemory:
    """Whether a control answers, as far as the path's health allows to tell.

    Its silence while the path is down may be the fault itself, and teaches nothing.
    """

    answered_at: int | None = None
    """When it answered last, nanoseconds since the Unix epoch."""
    missed_at: int | None = None
    """When it was silent last while the path was well."""
    misses: int = 0
    """Times in a row that it was silent while the path was well."""

    def asked(self, *, at: int, answered: bool, well: bool) -> None:
        """It was asked at that instant (nanoseconds since the Unix epoch)."""
        if answered:
            self.answered_at, self.misses = at, 0
        elif well:
            self.missed_at, self.misses = at, self.misses + 1

    @property
    def answers(self) -> bool:
        """It is known to answer: its silence is news."""
        return self.answered_at is not None and self.misses < FORGIVEN

    @property
    def silent(self) -> bool:
        """It is known not to answer, although the path was well: its silence says nothing."""
        return self.misses > 0 and not self.answers
