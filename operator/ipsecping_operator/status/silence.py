"""What nobody is told while a window of maintenance is open. Pure."""

from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, HealthyReason, ReadyReason

from .conditions import Condition, Conditions

LOUD = (ReadyReason.INVALID_SPEC, ReadyReason.NOT_PERMITTED, HealthyReason.INTERNAL_ERROR)
"""Reasons that are told also while a window is open: they answer an edit, or are the operator's own fault."""


def is_open(conditions: Conditions) -> bool:
    """Whether these conditions say that a window is open."""
    held = conditions.get(ConditionType.MAINTENANCE)
    return held is not None and held.status is ConditionStatus.TRUE


def is_bad(held: Condition) -> bool:
    """Whether the condition is one that people are called for."""
    return (
        held.type in (ConditionType.READY, ConditionType.HEALTHY) and held.status is not ConditionStatus.TRUE
    )


def is_silenced(held: Condition, conditions: Conditions) -> bool:
    """Whether nobody is to be told of the condition, as long as these others hold."""
    return is_open(conditions) and is_bad(held) and held.reason not in LOUD
