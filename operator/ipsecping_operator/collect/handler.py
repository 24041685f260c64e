"""What the collector calls when something becomes of a result or of an agent."""

from typing import Protocol

from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState


class ResultHandler(Protocol):
    """Acts on what became of results and of the agents that they come from; does not raise."""

    def accepted(self, state: CheckState) -> None:
        """Act on a result that was counted."""

    def rejected(self, state: CheckState, reason: Rejection, count: int) -> None:
        """Act on so many results, or what was meant to be results, that do not count."""

    def held_back(self, seconds: float) -> None:
        """Note that an agent is not read for so long, because it sends more than its plan makes."""

    def readability_changed(self, state: CheckState) -> None:
        """Act on a change of `measured.unreadable`: an agent cannot be read, is read slowly, or no more."""
