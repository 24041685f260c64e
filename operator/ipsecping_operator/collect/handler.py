"""Who is told of results, and of the agents that they come from."""

from typing import Protocol

from ipsecping_operator.results.rejection import Rejection
from ipsecping_operator.state import CheckState


class ResultHandler(Protocol):
    """Told by the collector of everything that becomes of a result; does not raise."""

    def accepted(self, state: CheckState) -> None:
        """A result was counted."""

    def rejected(self, state: CheckState, reason: Rejection, count: int) -> None:
        """So many results, or what was meant to be results, do not count."""

    def held_back(self, seconds: float) -> None:
        """An agent is not read for so long because it sends more than its plan makes."""

    def readability_changed(self, state: CheckState) -> None:
        """Something of `state.unread` has changed: an agent cannot be read or is read slowly, or no more."""

    def reader_lost(self, state: CheckState) -> None:
        """A fault has ended a reader: the collector's `sync` is to be called again."""
