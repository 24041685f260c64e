"""Post Kubernetes events: one for each transition that somebody would want to be told of.

An event is posted before the status that holds its transition is written, under a name that follows from the
status before and from what is told. So an operator that is killed between the two tells the same again under
the same name, which the API refuses: no transition is told twice, and none is forgotten.
"""

import hashlib
import json
import logging
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ipsecping.printable import within
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, HealthyReason, ReadyReason
from ipsecping_operator.api.names import API_VERSION, KIND
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import AlreadyExists, ApiError, NamespaceTerminating, Refused
from ipsecping_operator.kube.kinds import EVENT
from ipsecping_operator.status.addresses import AddressChange
from ipsecping_operator.status.conditions import Condition, Conditions
from ipsecping_operator.status.diagnosis import DiagnosisOutcome, Trigger
from ipsecping_operator.status.run_now import RunNowOutcome
from ipsecping_operator.status.silence import is_open, is_silenced
from ipsecping_operator.verdict.path_news import PathNews
from ipsecping_operator.verdict.preference import Move

from .paths import PathReport

COMPONENT = "ipsecping-operator"
MAX_NOTE = 1024
"""Bytes of UTF-8, by the API server's own rule; a condition's message is counted in characters."""
BURST = 25
REFILL_SECONDS = 60.0
"""One more event per check each minute, as long as fewer than BURST are saved up."""
RESERVE = 15
"""So many of those saved up are for what happens to the check itself: which way packets take and what a name
stands for, a reflector or whoever runs a resolver may change all the time."""

# What follows from the user's own act, or is told by Ready already.
_SILENT = {HealthyReason.NO_RESULTS.value, HealthyReason.SUSPENDED.value}

_log = logging.getLogger(__name__)


def worth_telling(changed: Sequence[Condition], before: Conditions, after: Conditions) -> list[Condition]:
    """Return those of the changed conditions that deserve an event; `after` are all as they are now. Pure."""
    told = []
    for condition in changed:
        if condition.type is ConditionType.STALLED or is_silenced(condition, after):
            continue
        # A window that is still to come is no event, nor which one is the next.
        if condition.type is ConditionType.MAINTENANCE and not (is_open(before) or is_open(after)):
            continue
        if condition.type is ConditionType.HEALTHY and condition.reason in _SILENT:
            continue
        # A new check's pod takes its time; that is no event.
        fresh = before.get(condition.type) is None
        if fresh and condition.reason == ReadyReason.WORKLOAD_UNAVAILABLE:
            continue
        told.append(condition)
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What an event says."""

    type: str
    """Normal or Warning."""
    reason: str
    action: str
    note: str
    spares: bool = False
    """It leaves the reserve of events alone."""


def of_condition(condition: Condition) -> Notice:
    """Make the notice of a condition that has a new status or reason."""
    good = condition.status is ConditionStatus.TRUE or condition.type is ConditionType.MAINTENANCE
    return Notice(
        type="Normal" if good else "Warning",
        reason=condition.reason,
        action=f"{condition.type}Changed",
        note=condition.message,
    )


def of_move(move: Move) -> Notice:
    """Make the notice that another path is preferred."""
    return Notice(
        type="Warning" if move.bad else "Normal",
        reason="PreferredPathChanged",
        action="PreferredPathChanged",
        note=move.message,
    )


def of_path_news(news: PathNews) -> Notice:
    """Make the notice that a path has become unhealthy, or healthy again."""
    reason = "PathHealthy" if news.healthy else "PathUnhealthy"
    kind = "Normal" if news.healthy else "Warning"
    return Notice(type=kind, reason=reason, action="PathStateChanged", note=news.message, spares=True)


def of_path_changes(message: str) -> Notice:
    """Make the notice that packets take another way than before."""
    return Notice(type="Normal", reason="PathChanged", action="PathChanged", note=message, spares=True)


def of_paths(report: PathReport) -> list[Notice]:
    """Make the notices of all news of a check's paths."""
    return [
        *(() if report.move is None else (of_move(report.move),)),
        *map(of_path_news, report.news),
        *(() if report.changes is None else (of_path_changes(report.changes),)),
    ]


def of_run_now(outcome: RunNowOutcome) -> Notice:
    """Make the notice that the annotation run-now was carried out, or could not be."""
    return Notice(
        type="Normal" if outcome.started else "Warning",
        reason="RunNow" if outcome.started else "RunNowNotStarted",
        action="RunNow",
        note=outcome.message,
    )


def of_diagnosis(diagnosis: DiagnosisOutcome) -> Notice:
    """Make the notice of what a diagnosis has come to; a warning where somebody has to act, or has asked."""
    bad = diagnosis.faulty if diagnosis.ran else diagnosis.trigger is Trigger.ANNOTATION
    return Notice(
        type="Warning" if bad else "Normal",
        reason="Diagnosed" if diagnosis.ran else "DiagnosisNotRun",
        action="Diagnosed",
        note=diagnosis.summary,
    )


def of_address_change(change: AddressChange) -> Notice:
    """Make the notice that a target stands for other addresses."""
    return Notice(
        type="Normal",
        reason="AddressesChanged",
        action="AddressesChanged",
        note=change.message,
        spares=True,
    )


def event(notice: Notice, check: Mapping[str, Any], *, name: str, at: datetime) -> dict[str, Any]:
    """Make the events.k8s.io/v1 object; `check` is the metadata of the check. Pure."""
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": name, "namespace": check["namespace"]},
        "eventTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": notice.type,
        "reason": notice.reason,
        "action": notice.action,
        "note": within(notice.note, MAX_NOTE),
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": check["namespace"],
            "name": check["name"],
            "uid": check["uid"],
        },
        "reportingController": COMPONENT,
        "reportingInstance": socket.gethostname()[:128],
    }


def event_name(notice: Notice, check: Mapping[str, Any], *, written: str | None, nth: int) -> str:
    """The same whenever the same is told for the `nth` time while the API holds the same status.

    `written` is a digest of that (None: no status). Pure.
    """
    what = [check["uid"], notice.action, notice.type, notice.reason, written, nth]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    # A label of a name may end in neither of these.
    return f"{check['name'][:200].rstrip('-.')}.{digest[:16]}"


@dataclass(slots=True)
class _Check:
    """What is kept for one check."""

    at: float
    tokens: float = BURST
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Events by name, in order."""
    written: str | None = None
    told: dict[Notice, int] = field(default_factory=dict)
    """How often each was told while the API held `written`, whatever its message."""


class EventPoster:
    """Keeps events until they are posted. A check that flaps runs out of events, not the cluster."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._checks: dict[str, _Check] = {}

    def tell(
        self, notices: Sequence[Notice], check: Mapping[str, Any], *, written: str | None = None
    ) -> None:
        """Have notices posted with the next `post`, unless the check (its metadata) has had too many events.

        `written` is a digest of the status that the API holds. Where one cannot be made, none waits.
        """
        kept = self._checks.setdefault(check["uid"], _Check(at=time.monotonic()))
        if kept.written != written:
            kept.written = written
            kept.told.clear()
        told, waiting = dict(kept.told), dict[str, tuple[Notice, dict[str, Any]]]()
        for notice in notices:
            alike = replace(notice, note="")
            nth = told.get(alike, 0)
            told[alike] = nth + 1
            name = event_name(notice, check, written=written, nth=nth)
            waiting[name] = notice, event(notice, check, name=name, at=datetime.now(UTC))
        kept.told = told
        for name, (notice, body) in waiting.items():
            if _allowed(kept, time.monotonic(), reserve=RESERVE if notice.spares else 0):
                kept.waiting[name] = body

    async def post(self, uid: str) -> None:
        """Post what waits for a check. Raises ApiError when there is no answer; what is left still waits.

        Raises whatever else comes of an event that cannot be sent, which then waits no more.
        """
        kept = self._checks.get(uid)
        while kept is not None and kept.waiting:
            name, body = next(iter(kept.waiting.items()))
            try:
                await self._client.create(EVENT, body["metadata"]["namespace"], body)
            except (AlreadyExists, NamespaceTerminating):
                pass  # told already; nobody there to be told
            except Refused as error:
                _log.warning("event %s not posted: %s", body["reason"], error)
            except ApiError:
                raise
            except Exception:
                kept.waiting.pop(name, None)
                raise
            kept.waiting.pop(name, None)

    def forget(self, uid: str) -> None:
        """Forget a check that has gone."""
        self._checks.pop(uid, None)


def _allowed(kept: _Check, now: float, *, reserve: int) -> bool:
    kept.tokens = min(BURST, kept.tokens + (now - kept.at) / REFILL_SECONDS)
    kept.at = now
    if kept.tokens < 1 + reserve:
        return False
    kept.tokens -= 1
    return True
