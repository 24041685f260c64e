"""Read a status that an earlier run of the operator has left. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipsecping_operator.api.conditions import ConditionType, ReadyReason
from ipsecping_operator.status import build, diagnosis, held, maintenance, notified, path_history, run_now
from ipsecping_operator.status.addresses import told_by
from ipsecping_operator.status.conditions import Conditions, from_json
from ipsecping_operator.status.notified import Notified
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.preference import Preference
from ipsecping_operator.verdict.route import PathChange

from .acceptable import acceptable
from .reported import NO_ADDRESSES, Report, ReportedPaths, Restored

_FIGURES = (
    "lastResultTime",
    "headline",
    "lossPercent",
    "rtt",
    "jitter",
    "pathMTU",
    "preferredPath",
    "paths",
    "probes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun:
    """What an earlier run of the operator knew."""

    made_generation: int | None
    """The generation whose children were all made, None where there is none."""
    report: Report
    path_changes: tuple[PathChange, ...] = ()
    notified: Notified | None = None


def earlier_run(status: Mapping[str, Any], *, now: int) -> EarlierRun:
    """Read what is left of an earlier run, so that a restart neither forgets an outage nor invents one.

    Anything may stand in a status, which somebody may have edited, or an operator of another version or with
    another clock has left: what cannot be read or written again is left out, and what is over was not later
    than `now`.
    """
    status = acceptable(status)
    conditions = from_json(status.get("conditions"))
    restored = _restored(status, now=now)
    preferred = status.get("preferredPath") if restored is not None else None
    report = Report(
        conditions=conditions,
        restored=restored,
        held=held.from_json(status.get("heldReasons")),
        paths=ReportedPaths(
            preference=Preference(None if preferred is None else str(preferred)),
            moves=path_history.moves_from_json(status.get("preferredPathChanges")),
            unhealthy=path_history.unhealthy_from_json(status.get("paths")),
        ),
        outages=build.outages_from_json(status.get("outages"), now=now),
        run_now=run_now.from_json(status.get("runNow")),
        diagnosis=diagnosis.from_json(status.get("diagnosis"), now=now),
        maintenance=maintenance.from_json(status.get("maintenance")),
        addresses=told_by(status.get("paths")) or NO_ADDRESSES,
    )
    return EarlierRun(
        made_generation=_made_generation(conditions),
        report=report,
        path_changes=path_history.changes_from_json(status.get("pathChanges"), now=now),
        notified=notified.from_json(status.get("notified"), now=now),
    )


def _restored(status: Mapping[str, Any], *, now: int) -> Restored | None:
    try:
        # In the future it would be if that run's clock was ahead of ours.
        last = min(text.from_moment(status["lastResultTime"]), now)
    except (KeyError, TypeError, ValueError):
        return None
    return Restored(figures={key: status[key] for key in _FIGURES if key in status}, last_result=last)


def _made_generation(conditions: Conditions) -> int | None:
    ready = conditions.get(ConditionType.READY)
    return ready.generation if ready is not None and ready.reason == ReadyReason.RECONCILED else None
