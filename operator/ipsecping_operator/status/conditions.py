"""Make conditions as the Kubernetes API conventions want them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ipsecping.printable import shortened
from ipsecping_operator.api.conditions import (
    ConditionStatus,
    ConditionType,
    Reason,
)
from ipsecping_operator.verdict import text

MAX_MESSAGE = 1024
_TYPES = {kind.value: kind for kind in ConditionType}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition; `since` (nanoseconds) is when its status last changed."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str
    since: int
    generation: int
    stepped: int = 0
    """Nanoseconds by which the operator's clock was set forward after `since`, which has been told."""

    @property
    def lasts_since(self) -> int:
        """`since` on the operator's clock as it goes now."""
        return self.since + self.stepped

    def shifted(self, by: int) -> "Condition":
        """Return the same on a clock that was set forward by so many nanoseconds."""
        return replace(self, stepped=self.stepped + by)

    def to_json(self) -> dict[str, Any]:
        """Return the condition as the API stores it."""
        return {
            "type": self.type.value,
            "status": self.status.value,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": text.moment(self.since),
            "observedGeneration": self.generation,
        }


Conditions = Mapping[ConditionType, Condition]


def condition(
    kind: ConditionType,
    reason: Reason,
    message: str,
    *,
    previous: Conditions,
    generation: int,
    now: int,
) -> Condition:
    """Make the condition with this reason; its transition time stays unless its status is another."""
    before = previous.get(kind)
    kept = before is not None and before.status is reason.status
    return Condition(
        type=kind,
        status=reason.status,
        reason=reason.value,
        message=shortened(message, MAX_MESSAGE),
        since=before.since if before is not None and kept else now,
        generation=generation,
        stepped=before.stepped if before is not None and kept else 0,
    )


def from_json(items: object) -> dict[ConditionType, Condition]:
    """Read the conditions of a status from the API; unknown and malformed ones are left out."""
    found: dict[ConditionType, Condition] = {}
    for item in items if isinstance(items, Sequence) else ():
        try:
            read = Condition(
                type=_TYPES[item["type"]],
                status=ConditionStatus(item["status"]),
                reason=str(item["reason"]),
                message=str(item.get("message", "")),
                since=text.from_moment(item["lastTransitionTime"]),
                generation=int(item.get("observedGeneration", 0)),
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            continue
        found[read.type] = read
    return found


def transitions(before: Conditions, after: Conditions) -> list[Condition]:
    """Return the conditions whose status or reason is new."""
    changed = []
    for kind, now in after.items():
        then = before.get(kind)
        if then is None or (then.status, then.reason) != (now.status, now.reason):
            changed.append(now)
    return changed
