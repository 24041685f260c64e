"""Events about a check for a webhook, as CloudEvents 1.0 in structured JSON. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ipsecping.printable import shortened
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, HealthyReason
from ipsecping_operator.api.status import STATES
from ipsecping_operator.check.reported import Report
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.status.conditions import Condition
from ipsecping_operator.status.diagnosis import DiagnosisOutcome, is_of_outage
from ipsecping_operator.status.notified import Notified
from ipsecping_operator.status.silence import is_silenced
from ipsecping_operator.verdict import text

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
TYPE_PREFIX = "dev.ipsecping.check"
HEALTHY = {
    ConditionStatus.TRUE: f"{TYPE_PREFIX}.healthy",
    ConditionStatus.FALSE: f"{TYPE_PREFIX}.unhealthy",
    ConditionStatus.UNKNOWN: f"{TYPE_PREFIX}.unknown",
}
DIAGNOSED = f"{TYPE_PREFIX}.diagnosed"
MAX_FINDINGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEvent:
    """One event: the same `id` means the same event, however often it comes."""

    id: str
    type: str
    body: bytes
    healthy: tuple[ConditionStatus, str] | None = None
    """Status and reason that a transition tells."""
    diagnosed: int | None = None
    """Time of the diagnosis that it tells of; Unix time, nanoseconds."""

    def settled(self, before: Notified) -> Notified:
        """Return what the webhook has been told, now that this event was taken or never will be."""
        if self.healthy is not None:
            status, reason = self.healthy
            return replace(before, id=self.id, status=status, reason=reason)
        return replace(before, diagnosis=self.diagnosed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an event comes from."""

    source: str
    check: CompiledCheck


def transition(before: Report, after: Report) -> bool:
    """Return whether Healthy has another status or reason, which is to be told.

    That a new check has no results yet is none. While a window of maintenance is open nothing bad is told;
    what is bad when it closes is.
    """
    then, now = before.conditions.get(ConditionType.HEALTHY), after.conditions.get(ConditionType.HEALTHY)
    if now is None or is_silenced(now, after.conditions):
        return False
    if then is None:
        return now.reason != HealthyReason.NO_RESULTS
    if is_silenced(now, before.conditions):
        return True
    return (then.status, then.reason) != (now.status, now.reason)


def first_notified(check: CompiledCheck, report: Report) -> Notified:
    """Take what the report says for told already: whoever begins to be told is told of what is new."""
    healthy = report.conditions.get(ConditionType.HEALTHY)
    reason = HealthyReason.NO_RESULTS.value if healthy is None else healthy.reason
    since = None if healthy is None else text.moment(healthy.since)
    return Notified(
        id=_identity(check.uid, reason, since),
        status=HealthyReason.NO_RESULTS.status if healthy is None else healthy.status,
        reason=reason,
        diagnosis=None if report.diagnosis is None else report.diagnosis.at,
    )


def untold(known: Notified, report: Report) -> bool:
    """Return whether the webhook has yet to be told of what Healthy was when an earlier operator ended."""
    healthy = report.conditions.get(ConditionType.HEALTHY)
    if healthy is None or is_silenced(healthy, report.conditions):
        return False
    return (healthy.status, healthy.reason) != (known.status, known.reason)


def of_transition(
    origin: Origin, previous: Condition | Notified | None, after: Report, *, behind: str, now: int
) -> CheckEvent:
    """Make the event that Healthy is another than `previous`; `behind` is the ID of the one before it.

    Its own ID follows from `behind`, so an operator that was killed tells the same event under the same ID.
    It also follows from the time since which Healthy has this status: the same transition, when it happens
    again, has another ID, even if somebody has set the status back meanwhile.
    """
    healthy = after.conditions[ConditionType.HEALTHY]
    then = None if previous is None else {"status": previous.status.value, "reason": previous.reason}
    data = {"healthy": _condition(healthy), "previous": then, **_figures(after)}
    kind = HEALTHY[healthy.status]
    since = text.moment(healthy.since)
    identity = _identity(origin.check.uid, kind, healthy.reason, since, behind)
    event = _event(origin, kind, data, identity=identity, now=now)
    return replace(event, healthy=(healthy.status, healthy.reason))


def of_diagnosis(origin: Origin, after: Report, diagnosis: DiagnosisOutcome, *, now: int) -> CheckEvent:
    """Make the event that a diagnosis has come to something."""
    healthy = after.conditions.get(ConditionType.HEALTHY)
    data = {
        "healthy": None if healthy is None else _condition(healthy),
        "diagnosis": _diagnosis(diagnosis),
        "duringOutage": is_of_outage(diagnosis, after.outages),
    }
    identity = _identity(origin.check.uid, DIAGNOSED, text.moment(diagnosis.at))
    event = _event(origin, DIAGNOSED, data, identity=identity, now=now)
    return replace(event, diagnosed=diagnosis.at)


def _identity(*named: str | None) -> str:
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32]


def _event(origin: Origin, kind: str, data: Mapping[str, Any], *, identity: str, now: int) -> CheckEvent:
    check = origin.check
    content = {
        "specversion": "1.0",
        "id": identity,
        "source": origin.source,
        "type": kind,
        "subject": f"{check.namespace}/{check.name}",
        "time": text.moment(now),
        "datacontenttype": "application/json",
        "data": {"check": _about(check), **{key: value for key, value in data.items() if value is not None}},
    }
    return CheckEvent(id=identity, type=kind, body=json.dumps(content).encode())


def _about(check: CompiledCheck) -> dict[str, Any]:
    return {
        "namespace": check.namespace,
        "name": check.name,
        "uid": check.uid,
        "generation": check.generation,
        "tunnelName": check.tunnel_name,
        **({"gateway": check.gateway} if check.gateway else {}),
        "severity": check.alerting.severity,
        "labels": dict(check.alerting.labels),
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "status": condition.status.value,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": text.moment(condition.since),
    }


def _figures(after: Report) -> dict[str, Any]:
    """What the status says of paths, of the preferred one's first probe, of an outage and of maintenance."""
    found: dict[str, Any] = {}
    verdict = after.verdict
    if verdict is not None:
        found["paths"] = [
            {"name": path.name, "state": STATES[path.finding.status], "reason": path.finding.reason.value}
            for path in verdict.paths
        ]
        figures = verdict.preferred.head.figures
        if figures is not None:
            found["lossPercent"] = text.percent(figures.lost, figures.sent)
            times = figures.percentiles(50, 90, 99)
            if times:
                found["rtt"] = dict(zip(("p50", "p90", "p99"), map(text.milliseconds, times), strict=True))
    if after.outages and after.outages[0].end is None:
        outage = after.outages[0]
        found["outage"] = {"start": text.moment(outage.start), "reason": outage.reason}
    outlook = after.maintenance.outlook
    if outlook is not None and outlook.open is not None:
        found["maintenance"] = {"window": outlook.open.name, "until": text.moment(outlook.open.end)}
    return found


def _diagnosis(diagnosis: DiagnosisOutcome) -> dict[str, Any]:
    findings = [
        {"reason": each.reason, "message": each.message, "nextStep": each.next_step}
        for each in diagnosis.findings[:MAX_FINDINGS]
    ]
    return {
        "outcome": diagnosis.outcome,
        "trigger": diagnosis.trigger.value,
        "time": text.moment(diagnosis.at),
        "summary": shortened(diagnosis.summary, 1024),
        **({"path": diagnosis.path} if diagnosis.path else {}),
        **({"findings": findings} if findings else {}),
    }
