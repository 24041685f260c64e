"""Something that does not work: said quietly while it may pass by itself, as a warning once it lasts.

A pod that has just started does not listen yet, a CustomResourceDefinition that has just been applied is not
served yet. Warnings are for what needs a person.
"""

import logging
from dataclasses import dataclass

GRACE = 30.0
"""Seconds for which no person need know: as long as the longest pause between two attempts."""


@dataclass(slots=True)
class Trouble:
    """What is wrong with one thing that is tried again and again. Pure: the time is passed in."""

    quiet: int = logging.DEBUG
    """The level at first."""
    grace: float = GRACE
    _since: float | None = None
    _told: tuple[int, str] | None = None

    def met(self, what: str, *, now: float, passing: bool = True) -> int | None:
        """Note what is wrong; returns the level at which to log it, None when just that was logged already.

        `now` in seconds of a steady clock. What is not `passing` will not go away by itself.
        """
        if self._since is None:
            self._since = now
        level = self.quiet if passing and now - self._since < self.grace else logging.WARNING
        if self._told == (level, what):
            return None
        self._told = (level, what)
        return level

    def left(self, *, now: float) -> float | None:
        """Return the seconds until it has lasted too long; None when it has, or when nothing is wrong."""
        if self._since is None or now - self._since >= self.grace:
            return None
        return self._since + self.grace - now

    def over(self) -> None:
        """Note that it works."""
        self._since = self._told = None
