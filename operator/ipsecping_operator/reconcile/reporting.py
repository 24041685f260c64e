"""Bring assessments to where people look, and assess again when time alone may change them."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ipsecping_operator import logs
from ipsecping_operator.api.names import UNOBSERVED
from ipsecping_operator.kube.client import ApiError, KubeClient
from ipsecping_operator.kube.kinds import CHECK
from ipsecping_operator.state import CheckState
from ipsecping_operator.status.conditions import Condition
from ipsecping_operator.status.events import EventPoster, of_condition, of_extra, of_move, worth_telling
from ipsecping_operator.status.undeclared import Field, undeclared, without
from ipsecping_operator.status.writer import Gone, StatusWriter

from .assessment import Assessment, assess
from .store import Store
from .transition_log import TransitionLog

SOON = 0.1
"""Seconds that results are gathered for before they are judged: they come in bursts."""
FIRST_AGAIN, FIRST_LATEST = 1.0, 30.0
"""While there is much to do, a new check's first report waits: seconds until it is looked again, and at most.

What measures comes before what tells of it, and that nothing was measured yet need not be judged twice.
"""
LONGEST_WAIT = 3600.0
OLD_CRD = 60.0
"""Seconds after which fields are tried again that the CRD did not have."""
SECOND = 1_000_000_000

_log = logging.getLogger(__name__)


class Reporter:
    """One assessment after another for each check."""

    def __init__(
        self,
        *,
        store: Store,
        client: KubeClient,
        events: EventPoster,
        interval: float,
        calm: asyncio.Event,
        count: Callable[[str], None],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._client = client
        self._events = events
        self._clock = clock
        self._writer = StatusWriter(self._send, interval=interval, count=count)
        self._said = TransitionLog()
        self._calm = calm
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._soon: dict[str, asyncio.TimerHandle] = {}
        self._undeclared: frozenset[Field] = frozenset()
        self._ask_again = 0.0

    @property
    def writing(self) -> int:
        """Statuses that are being written or wait for their turn."""
        return self._writer.writing

    def known(self, uid: str, status: Mapping[str, Any] | None) -> None:
        """What the API holds of a check that is seen for the first time."""
        if status and status != UNOBSERVED:
            self._writer.known(uid, status)

    def report_soon(self, uid: str) -> None:
        """Assess the check shortly: more results may be on their way."""
        if uid not in self._soon:
            self._soon[uid] = asyncio.get_running_loop().call_later(SOON, self._report_unless_early, uid)

    def _report_unless_early(self, uid: str) -> None:
        state = self._store.checks.get(uid)
        if state is not None and self._is_early(state):
            loop = asyncio.get_running_loop()
            self._soon[uid] = loop.call_later(FIRST_AGAIN, self._report_unless_early, uid)
        else:
            self.report(uid)

    def _is_early(self, state: CheckState) -> bool:
        if self._calm.is_set() or self._writer.has_written(state.uid):
            return False
        return self._clock() - state.born < FIRST_LATEST * SECOND

    def report(self, uid: str) -> None:
        """Assess the check now and have the outcome written."""
        self._cancel(self._soon, uid)
        self._cancel(self._alarms, uid)
        state = self._store.checks.get(uid)
        if state is None or state.body is None:
            return
        before = dict(state.conditions)
        assessment = assess(state, now=self._clock())
        if assessment is None:
            return
        loop = asyncio.get_running_loop()
        log = logs.for_check(__name__, state.body["metadata"])
        again = self._said.tell(uid, assessment.changed, state.conditions, log=log, now=loop.time())
        self._tell(state, before, assessment, log)
        self._writer.submit(uid, assessment.status, at_once=assessment.urgent)
        waits = [] if again is None else [again]
        if assessment.next_change is not None:
            waits.append(max(0.0, (assessment.next_change - self._clock()) / SECOND) + 0.001)
        if waits:
            # A clock that is set back must not silence an alarm for ever.
            self._alarms[uid] = loop.call_later(min(*waits, LONGEST_WAIT), self.report, uid)

    def forget(self, uid: str) -> None:
        """The check has gone."""
        self._cancel(self._soon, uid)
        self._cancel(self._alarms, uid)
        self._writer.forget(uid)
        self._events.forget(uid)
        self._said.forget(uid)

    async def close(self, *, seconds: float) -> None:
        """Assess and write what waits, for at most so long."""
        for uid in list(self._soon):
            self.report(uid)
        for uid in list(self._alarms):
            self._cancel(self._alarms, uid)
        await self._writer.close(seconds=seconds)

    def _tell(
        self,
        state: CheckState,
        before: Mapping[Any, Condition],
        assessment: Assessment,
        log: logs.Log,
    ) -> None:
        assert state.body is not None
        changed, move, extra = assessment.changed, assessment.move, assessment.extra
        notices = [of_condition(condition) for condition in worth_telling(changed, before)]
        if move is not None:
            log.info("preferred path: %s", move.message)
            notices.append(of_move(move))
        if extra is not None:
            log.info("run-now=%s: %s", extra.value, extra.message)
            notices.append(of_extra(extra))
        for notice in notices:
            self._events.tell(notice, state.body["metadata"], written=self._writer.written(state.uid))

    async def _send(self, uid: str, status: Mapping[str, Any]) -> None:
        state = self._store.checks.get(uid)
        if state is None or state.body is None:
            raise Gone
        body = {
            "apiVersion": CHECK.api_version,
            "kind": CHECK.name,
            # The UID keeps the status off another check of the same name.
            "metadata": {"namespace": state.namespace, "name": state.name, "uid": uid},
            "status": status,
        }
        try:
            await self._events.post(uid)
            stored = await self._apply(body)
        except ApiError as error:
            if error.status == 404 or (error.status == 409 and "uid" in error.message.lower()):
                raise Gone from error
            raise
        version = int(stored["metadata"]["resourceVersion"])
        if version > int(state.body["metadata"]["resourceVersion"]):
            self._store.echoes.expect(uid, version, now=time.monotonic())

    async def _apply(self, body: Mapping[str, Any]) -> Any:
        """The metadata as stored. A CRD older than the operator does not keep the rest from being told."""
        if time.monotonic() >= self._ask_again:
            self._undeclared = frozenset()
        while True:
            told = {**body, "status": without(self._undeclared, body["status"])}
            try:
                return await self._client.apply_status(told, CHECK)
            except ApiError as error:
                more = undeclared(error.message) - self._undeclared
                if not more:
                    raise
            names = ", ".join(sorted(".".join(field) for field in more))
            _log.warning("the CustomResourceDefinition is older than the operator, upgrade it: no %s", names)
            self._undeclared |= more
            self._ask_again = time.monotonic() + OLD_CRD

    @staticmethod
    def _cancel(timers: dict[str, asyncio.TimerHandle], uid: str) -> None:
        timer = timers.pop(uid, None)
        if timer is not None:
            timer.cancel()
