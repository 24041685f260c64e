"""Who is told of each report as well, beside status, events and log."""

from typing import Protocol

from ipsecping_operator.check.reported import Report
from ipsecping_operator.check.state import CheckState


class Listener(Protocol):
    """Must not wait: it is called while the check is reported on."""

    def reported(self, state: CheckState, before: Report) -> None:
        """Take in that a check was reported on; `before` is the report before."""

    def forget(self, uid: str) -> None:
        """Take in that a check has gone."""


class Nobody:
    """Implements `Listener` where there is none."""

    def reported(self, state: CheckState, before: Report) -> None:
        """Do nothing."""

    def forget(self, uid: str) -> None:
        """Do nothing."""


NOBODY = Nobody()
