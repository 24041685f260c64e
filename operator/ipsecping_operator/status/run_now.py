"""Outcome of the newest value of the annotation run-now. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipsecping.printable import shortened
from ipsecping_operator.verdict import text

from .conditions import MAX_MESSAGE

MAX_VALUE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNowOutcome:
    """`status.runNow`."""

    value: str
    """Of the annotation, at most its first `MAX_VALUE` characters."""
    started: bool
    at: int
    """Unix time, nanoseconds."""
    message: str

    def to_json(self) -> dict[str, Any]:
        """Return it as in the status."""
        return {
            "value": self.value,
            "outcome": "Started" if self.started else "NotStarted",
            "time": text.moment(self.at),
            "message": shortened(self.message, MAX_MESSAGE),
        }


def from_json(value: object) -> RunNowOutcome | None:
    """Read it from a status of the API; None where there is none, or not one of ours."""
    if not isinstance(value, Mapping):
        return None
    try:
        return RunNowOutcome(
            value=str(value["value"]),
            started=value["outcome"] == "Started",
            at=text.from_moment(value["time"]),
            message=str(value["message"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
