"""What the webhook has been told of a check, as the status remembers it for the next operator. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.verdict import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """`status.notified`."""

    id: str
    """Of the newest event of a transition that is over; before the first, what its ID follows from."""
    status: ConditionStatus
    reason: str
    """Status and reason of Healthy as that event told them."""
    diagnosis: int | None = None
    """Of the newest diagnosis that was told; Unix time, nanoseconds."""

    def knows_diagnosis(self, at: int) -> bool:
        """Return whether the diagnosis of that time was told: a status has whole seconds."""
        return self.diagnosis is not None and text.moment(self.diagnosis) == text.moment(at)

    def shifted(self, by: int) -> "Notified":
        """Return the same on a clock that was set forward by so many nanoseconds."""
        return self if self.diagnosis is None else replace(self, diagnosis=self.diagnosis + by)

    def to_json(self) -> dict[str, Any]:
        """Return it as in the status."""
        told = {"id": self.id, "status": self.status.value, "reason": self.reason}
        return told if self.diagnosis is None else {**told, "diagnosisTime": text.moment(self.diagnosis)}


def from_json(value: object, *, now: int) -> Notified | None:
    """Read it from a status of the API; None where there is none, or not one of ours.

    As with the diagnosis itself, none was later than `now`.
    """
    if not isinstance(value, Mapping):
        return None
    try:
        diagnosis = value.get("diagnosisTime")
        return Notified(
            id=str(value["id"]),
            status=ConditionStatus(value["status"]),
            reason=str(value["reason"]),
            diagnosis=None if diagnosis is None else min(text.from_moment(diagnosis), now),
        )
    except (KeyError, TypeError, ValueError):
        return None
