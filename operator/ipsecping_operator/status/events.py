"""Kubernetes events: one for each transition that somebody would want to be told of."""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, HealthyReason, ReadyReason
from ipsecping_operator.api.names import API_VERSION, KIND
from ipsecping_operator.kube.client import ApiError, KubeClient
from ipsecping_operator.kube.kinds import EVENT
from ipsecping_operator.verdict.preference import Move

from .conditions import MAX_MESSAGE, Condition, Conditions

COMPONENT = "ipsecping-operator"
BURST = 25
REFILL_SECONDS = 60.0
"""One more event per check each minute, as long as fewer than BURST are saved up."""
WAITING = 1000
ATTEMPTS = 4

# What follows from the user's own act, or is told by Ready already.
_SILENT = {HealthyReason.NO_RESULTS.value, HealthyReason.SUSPENDED.value}

_log = logging.getLogger(__name__)


def worth_telling(changed: Sequence[Condition], before: Conditions) -> list[Condition]:
    """Of the conditions that changed those that deserve an event. Pure."""
    told = []
    for condition in changed:
        if condition.type is ConditionType.STALLED:
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


def of_condition(condition: Condition) -> Notice:
    """A condition has a new status or reason."""
    return Notice(
        type="Normal" if condition.status is ConditionStatus.TRUE else "Warning",
        reason=condition.reason,
        action=f"{condition.type}Changed",
        note=condition.message,
    )


def of_move(move: Move) -> Notice:
    """Another path is preferred."""
    return Notice(
        type="Warning" if move.bad else "Normal",
        reason="PreferredPathChanged",
        action="PreferredPathChanged",
        note=move.message[:MAX_MESSAGE],
    )


def event(notice: Notice, check: Mapping[str, Any], *, name: str, at: datetime) -> dict[str, Any]:
    """The events.k8s.io/v1 object; `check` is the metadata of the check. Pure."""
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": name, "namespace": check["namespace"]},
        "eventTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": notice.type,
        "reason": notice.reason,
        "action": notice.action,
        "note": notice.note,
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


@dataclass(slots=True)
class _Budget:
    tokens: float = BURST
    at: float = 0.0


class EventPoster:
    """Posts in the background. A check that flaps runs out of events, not the cluster."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING)
        self._budgets: dict[str, _Budget] = {}

    def tell(self, notice: Notice, check: Mapping[str, Any]) -> None:
        """Post an event on the check, unless it has had too many or too many wait."""
        if not self._allowed(check["uid"], time.monotonic()):
            return
        name = f"{check['name'][:200]}.{uuid.uuid4().hex[:16]}"
        try:
            self._queue.put_nowait(event(notice, check, name=name, at=datetime.now(UTC)))
        except asyncio.QueueFull:
            _log.warning("too many events wait: dropped %s of %s", notice.reason, check["name"])

    def forget(self, uid: str) -> None:
        """The check has gone."""
        self._budgets.pop(uid, None)

    async def run(self) -> None:
        """Post what is told, one after the other; never returns."""
        while True:
            await self._post(await self._queue.get())

    async def flush(self) -> None:
        """Post what waits."""
        while not self._queue.empty():
            await self._post(self._queue.get_nowait())

    async def _post(self, body: dict[str, Any]) -> None:
        for attempt in range(ATTEMPTS):
            try:
                await self._client.create(EVENT, body["metadata"]["namespace"], body)
            except ApiError as error:
                if error.status == 409:
                    return  # an attempt whose answer was lost
                if error.refused or attempt == ATTEMPTS - 1:
                    _log.warning("event %s not posted: %s", body["reason"], error)
                    return
                await asyncio.sleep(2.0**attempt)
            else:
                return

    def _allowed(self, uid: str, now: float) -> bool:
        budget = self._budgets.setdefault(uid, _Budget(at=now))
        budget.tokens = min(BURST, budget.tokens + (now - budget.at) / REFILL_SECONDS)
        budget.at = now
        if budget.tokens < 1:
            return False
        budget.tokens -= 1
        return True
