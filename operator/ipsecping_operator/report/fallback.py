"""Make the status of a check that the operator failed to report, of as little as possible. Never raises.

It uses nothing of what makes a status otherwise, since that may be what failed: a part that cannot be had is
left out.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ipsecping_operator.api.conditions import ConditionType, HealthyReason
from ipsecping_operator.api.names import API_VERSION, KIND
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.fault_types import Fault
from ipsecping_operator.status.build import outage_to_json
from ipsecping_operator.status.conditions import Condition
from ipsecping_operator.status.held import held_by, to_json
from ipsecping_operator.status.path_history import histories_to_json

from .maintenance import follow_maintenance

SECOND = 1_000_000_000


def unknown(state: CheckState, fault: Fault, *, now: int) -> Condition:
    """Make the condition Healthy=Unknown, InternalError."""
    reason = HealthyReason.INTERNAL_ERROR
    before = state.reported.last.conditions.get(ConditionType.HEALTHY)
    kept = before if before is not None and before.status is reason.status else None
    return Condition(
        type=ConditionType.HEALTHY,
        status=reason.status,
        reason=reason.value,
        message=fault.message,
        since=now if kept is None else kept.since,
        generation=_generation(state),
        stepped=0 if kept is None else kept.stepped,
    )


def take_note(state: CheckState, fault: Fault, *, now: int) -> None:
    """Take it that the check could not be judged; windows of maintenance open and close all the same."""
    state.reported.fell_back(unknown(state, fault, now=now))
    last = state.reported.last
    with suppress(Exception):
        found = follow_maintenance(
            last.maintenance,
            last.conditions,
            state.applied.compiled,
            generation=_generation(state),
            now=now,
        )
        state.reported.followed(found.maintenance, found.conditions)


def least_status(state: CheckState, *, now: int, bare: bool = False) -> dict[str, Any]:
    """Make a status of the conditions as decided, and what was earlier as far as it can be written.

    `bare`: of the conditions alone, where the API refuses even that.
    """
    status: dict[str, Any] = {"observedGeneration": _generation(state)}
    status["conditions"] = [_condition(each, now=now) for each in state.reported.last.conditions.values()]
    if bare:
        return status
    outages: list[Mapping[str, Any]] = []
    for outage in state.reported.last.outages:
        with suppress(Exception):
            outages.append(outage_to_json(outage))
    if outages:
        status["outages"] = outages
    with suppress(Exception):
        status |= histories_to_json(state.reported.last.paths.moves, state.measured.path_changes.newest)
        if windows := state.reported.last.maintenance.to_json():
            status["maintenance"] = windows
        if state.diagnosed.outcome is not None:
            status["diagnosis"] = state.diagnosed.outcome.to_json()
        verdict, held = state.reported.last.verdict, state.reported.last.held
        if held := held if verdict is None else held_by(verdict, everything=True):
            status["heldReasons"] = to_json(held)
        if state.reported.notified is not None:
            status["notified"] = state.reported.notified.to_json()
    return status


def least_object(state: CheckState, *, now: int, bare: bool = False) -> dict[str, Any]:
    """Make the check with that status, as the API takes it."""
    assert state.metadata is not None
    meta = state.metadata
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": meta["namespace"], "name": meta["name"], "uid": state.uid},
        "status": least_status(state, now=now, bare=bare),
    }


def _condition(condition: Condition, *, now: int) -> dict[str, Any]:
    return {
        "type": condition.type.value,
        "status": condition.status.value,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": _moment(condition.since, now=now),
        "observedGeneration": condition.generation,
    }


def _moment(nanoseconds: int, *, now: int) -> str:
    """As RFC 3339 has it; now for a time that no calendar has."""
    for instant in (nanoseconds, now):
        with suppress(ValueError, OverflowError, OSError):
            parts = time.gmtime(instant // SECOND)
            if 1970 <= parts.tm_year <= 9999:
                return time.strftime("%Y-%m-%dT%H:%M:%SZ", parts)
    return "1970-01-01T00:00:00Z"


def _generation(state: CheckState) -> int:
    try:
        return int((state.metadata or {})["generation"])
    except (KeyError, TypeError, ValueError):
        return 0
