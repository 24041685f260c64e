"""Report checks: assess them, write status, events and log, and assess again when time may change them."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ipsecping_operator import logs
from ipsecping_operator.api.names import UNOBSERVED
from ipsecping_operator.attention import Attention
from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.reported import Report
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import (
    ApiError,
    BadRequest,
    Invalid,
    NotFound,
    OtherObject,
    TooLarge,
)
from ipsecping_operator.kube.transport import FIELD_MANAGER
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.status.authors import written_by_others
from ipsecping_operator.status.conditions import transitions
from ipsecping_operator.status.digest import status_digest

from . import fallback
from .assessment import Assessment, assess
from .events import EventPoster, of_condition
from .judging_pace import SOON, JudgingPace
from .listener import NOBODY, Listener
from .missing_jobs import rounds_without_job
from .missing_pods import overdue, rounds_without_pod
from .notices import notices_of
from .status_applier import StatusApplier
from .status_writer import Gone, StatusWriter, encode
from .transition_log import TransitionLog

FIRST_AGAIN, FIRST_LATEST = 1.0, 30.0
"""Seconds after which a new check's first report is tried again while other checks wait for their children,
and after which it is made at the latest.

It could say only that nothing was measured yet, and its write would delay those children.
"""
LONGEST_WAIT = 3600.0
SECOND = 1_000_000_000
STUCK_WRITE = 120.0
"""Seconds after which a write is given up: an event and a status, each with its time-out, take less."""
UNACCEPTABLE = (BadRequest, TooLarge, Invalid)
"""Answers of an API that would refuse the same status again, by what is in it."""

_log = logging.getLogger(__name__)


class Reporter:
    """Assess and report each check: the one place through which every report goes.

    Whatever is raised while a check is judged, told of or written ends in Healthy=Unknown, InternalError.
    """

    def __init__(
        self,
        *,
        store: Store,
        client: KubeClient,
        events: EventPoster,
        faults: Faults,
        interval: float,
        calm: asyncio.Event,
        count: Callable[[str], None],
        look: Callable[[str], None] = lambda uid: None,
        diagnose: Callable[[CheckState], int | None] = lambda state: None,
        listener: Listener = NOBODY,
        attention: Attention | None = None,
        clock: Callable[[], int],
        steady: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        """`clock` gives the Unix time in nanoseconds, `processor` the seconds of processor time taken.

        `look(uid)` is called where somebody has to find out why a round of the check gets no pod;
        `diagnose(state)` after each report, to begin a diagnosis that is due: it returns when one will be.
        The `listener` is told of each report as well. The `attention` says when results have to be read
        before anything is reported.
        """
        self._attention = Attention() if attention is None else attention
        self._listener = listener
        self._look = look
        self._diagnose = diagnose
        self._store = store
        self._client = client
        self._events = events
        self._faults = faults
        self._clock = clock
        self._processor = processor
        self._pace = JudgingPace()
        self._said = TransitionLog()
        self._steady = steady
        self._writer = StatusWriter(
            self._send,
            interval=interval,
            namespace=store.namespace_of,
            count=count,
            failed=self._not_written,
            awake=self._awake,
        )
        self._calm = calm
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._soon: dict[str, asyncio.TimerHandle] = {}
        self._trials: dict[str, Assessment] = {}
        """By UID, assessments after a write that failed: events tell of them only once they are written."""
        self._bare: set[str] = set()
        """UIDs of checks of which the API has refused even the least status."""
        self._applier = StatusApplier(client, store.pending_writes)
        faults.changed = self.report_soon

    @property
    def writing(self) -> int:
        """Number of statuses that are being written or wait for their turn."""
        return self._writer.writing

    def shown(self, state: CheckState, body: Mapping[str, Any], *, first: bool) -> None:
        """Take note of the check as a watch shows it: somebody else may have edited its status."""
        version, status = int(body["metadata"]["resourceVersion"]), body.get("status")
        if state.reported.stored is not None and version <= state.reported.stored.version:
            return
        state.reported.show_stored(status_digest(status, version=version))
        if first and status and status != UNOBSERVED:
            self._writer.known(state.uid, status)
            others = written_by_others(body["metadata"], manager=FIELD_MANAGER)
            if others:
                _log.warning(
                    "%s/%s: its status was edited while no operator ran: not believed and written anew: %s",
                    state.namespace,
                    state.name,
                    ", ".join(others),
                )
                state.reported.rewrite()
                self._writer.lost(state.uid)
            else:
                state.reported.recognise()
        self.mend(state)

    def mend(self, state: CheckState) -> None:
        """Write the status again where somebody has edited it after the operator wrote it."""
        if state.reported.edited and not self._writer.is_writing(state.uid):
            state.reported.rewrite()
            self._writer.lost(state.uid)
            self.report_soon(state.uid)

    def revive(self, state: CheckState) -> bool:
        """Start a stuck write of a status anew. Returns whether there was one."""
        return self._writer.restart(state.uid, after=STUCK_WRITE)

    async def write_least(self, state: CheckState) -> None:
        """Write the conditions as they were decided, by the shortest way. Raises ApiError.

        Past the writer and all that it may have stumbled over.
        """
        least = fallback.least_object(state, now=self._clock(), bare=state.uid in self._bare)
        await self._client.apply_status(least, CHECK)

    def report_soon(self, uid: str) -> None:
        """Assess the check shortly: more results may be on their way."""
        if uid not in self._soon:
            loop = asyncio.get_running_loop()
            wait = max(self._pace.wait(uid, now=loop.time()), SOON)
            self._soon[uid] = loop.call_later(wait, self._report_unless_early, uid)

    def _report_unless_early(self, uid: str) -> None:
        self._cancel(self._soon, uid)
        state = self._store.checks.get(uid)
        if state is not None and self._is_early(state):
            loop = asyncio.get_running_loop()
            self._soon[uid] = loop.call_later(FIRST_AGAIN, self._report_unless_early, uid)
        else:
            self.report(uid)

    def _is_early(self, state: CheckState) -> bool:
        if self._calm.is_set() or self._writer.has_written(state.uid) or state.faults:
            return False
        return self._clock() - state.observed.first_seen < FIRST_LATEST * SECOND

    def report(self, uid: str, *, forced: bool = False, due: float | None = None) -> None:
        """Assess the check now and have the outcome written; `forced`: even before it was reconciled once.

        Shortly afterwards instead, where this process was held up: results that wait are read first. `due` is
        when this should have been called, on the steady clock.
        """
        self._cancel(self._soon, uid)
        pause = 0.0
        with self._faults.guard(Where.JUDGE):
            pause = self._attention.pause(self._steady(), due=due)
        if pause:
            again = partial(self.report, uid, forced=forced)
            self._soon[uid] = asyncio.get_running_loop().call_later(pause, again)
            return
        self._cancel(self._alarms, uid)
        state = self._store.checks.get(uid)
        if state is None or state.metadata is None:
            return
        begun = self._processor()
        wait = None
        try:
            wait = self._assess(state, forced=forced)
        except Exception as error:
            self._faults.note(Where.JUDGE, error, state)
            self._cancel(self._soon, uid)  # told at once instead
            self.fall_back(state)
        with self._faults.guard(Where.JUDGE):
            self._wake(state, wait, cost=self._processor() - begun)

    def _wake(self, state: CheckState, due: float | None, *, cost: float) -> None:
        """Have the check assessed again after so many seconds, or later where judging it costs much."""
        loop = asyncio.get_running_loop()
        self._pace.judged(state.uid, cost=cost, now=loop.time())
        at = None
        if due is not None:
            # A clock that is set back must not silence an alarm for ever.
            wait = min(max(due, self._pace.wait(state.uid, now=loop.time())) + 0.001, LONGEST_WAIT)
            at = self._awake() + wait
            report = partial(self.report, state.uid, due=self._steady() + wait)
            self._alarms[state.uid] = loop.call_later(wait, report)
        state.reported.set_alarm(at)

    def fall_back(self, state: CheckState) -> None:
        """Have Healthy=Unknown written, with as little as a status needs. Does not raise."""
        self._trials.pop(state.uid, None)
        fault = self._faults.standing(state)
        if fault is None or state.metadata is None:
            return
        with self._faults.guard(Where.WRITE):
            self._write_least(state, fault)

    def _write_least(self, state: CheckState, fault: Fault) -> None:
        assert state.metadata is not None
        now, before = self._clock(), state.reported.last
        fallback.take_note(state, fault, now=now)
        changed = transitions(before.conditions, state.reported.last.conditions)
        self._tell_listener(state, before)
        least = fallback.least_status(state, now=now, bare=state.uid in self._bare)
        self._writer.submit(state.uid, least, at_once=bool(changed))
        state.reported.compare(now=self._awake())
        with self._faults.guard(Where.EVENT):
            for condition in changed:
                notice = of_condition(condition)
                self._events.tell([notice], state.metadata, written=self._writer.written(state.uid))

    def _assess(self, state: CheckState, *, forced: bool) -> float | None:
        """Judge, tell, submit, remember. Returns the seconds until time alone may change it, None: never.

        What is raised on the way leaves the check as it was.
        """
        if self._faults.pauses(state, Where.WRITE):
            self.fall_back(state)
            return None
        fault = self._faults.standing(state, trying=(Where.JUDGE, Where.EVENT, Where.WRITE))
        now = self._clock()
        state.observed.pods_missing(rounds_without_pod(state), now=now)
        if state.present and (
            any(name not in state.observed.refused_pods for name, _ in overdue(state, now=now))
            or any(each not in state.observed.refused_jobs for each in rounds_without_job(state, now=now))
        ):
            self._look(state.uid)
        assessment = assess(state, now=now, fault=fault, forced=forced)
        if assessment is None:
            return None
        waits = []
        if self._faults.tries(state, Where.WRITE):
            self._trials[state.uid] = assessment
            self._writer.submit(state.uid, assessment.status, at_once=True)
        elif (again := self._take_up(state, assessment)) is not None:
            waits.append(again)
        state.reported.compare(now=self._awake())
        changes = [assessment.next_change]
        with self._faults.guard(Where.DIAGNOSIS):
            changes.append(self._diagnose(state))
        waits += [(change - self._clock()) / SECOND for change in changes if change is not None]
        self._faults.over(state, Where.JUDGE)
        return min(waits, default=None)

    def _take_up(self, state: CheckState, assessment: Assessment) -> float | None:
        """Tell and submit. Returns the seconds after which there may be more to log."""
        encoded = encode(assessment.status)  # before anything is told: it may not be possible
        again = self._tell(state, assessment)
        self._writer.submit_encoded(state.uid, encoded, at_once=assessment.urgent)
        return again

    def forget(self, uid: str) -> None:
        """Forget a check that has gone."""
        self._cancel(self._soon, uid)
        self._cancel(self._alarms, uid)
        self._trials.pop(uid, None)
        self._bare.discard(uid)
        self._pace.forget(uid)
        self._writer.forget(uid)
        self._events.forget(uid)
        self._said.forget(uid)
        with self._faults.guard(Where.NOTIFY):
            self._listener.forget(uid)

    def _awake(self) -> float:
        """The time on a clock that stands still while this process does: then nothing is overdue."""
        return self._attention.awake(self._steady())

    def _tell_listener(self, state: CheckState, before: Report) -> None:
        with self._faults.guard(Where.NOTIFY):
            self._listener.reported(state, before)

    async def close(self, *, seconds: float) -> None:
        """Assess and write what waits, for at most so long."""
        self._attention = Attention()  # there is no later
        for uid in list(self._soon):
            self.report(uid)
        for uid in list(self._alarms):
            self._cancel(self._alarms, uid)
        await self._writer.close(seconds=seconds)

    def _tell(self, state: CheckState, assessment: Assessment) -> float | None:
        """Tell what is news of the check, and remember the report. Returns as `_take_up`."""
        assert state.metadata is not None
        paths, run_now = assessment.paths, assessment.run_now
        log = logs.for_check(__name__, state.metadata)
        if (diagnosis := assessment.diagnosis) is not None:
            level = logging.WARNING if diagnosis.faulty else logging.INFO
            log.log(level, "diagnosis (%s): %s: %s", diagnosis.trigger, diagnosis.outcome, diagnosis.summary)
        notices, written = notices_of(assessment), self._writer.written(state.uid)
        self._events.tell(notices, state.metadata, written=written)
        if paths.move is not None:
            log.info("preferred path: %s", paths.move.message)
        for news in paths.news:
            log.info("%s", news.message)
        if paths.changes is not None:
            log.info("%s", paths.changes)
        if run_now is not None:
            log.info("run-now=%s: %s", run_now.value, run_now.message)
        for change in assessment.address_changes:
            log.info("addresses: %s", change.message)
        now = asyncio.get_running_loop().time()
        held = assessment.report.conditions
        again = self._said.tell(state.uid, assessment.to_tell, held, log=log, now=now)
        before = state.reported.last
        state.reported.judged(assessment.report)
        self._tell_listener(state, before)
        return again

    async def _send(self, uid: str, status: Mapping[str, Any]) -> None:
        state = self._store.checks.get(uid)
        if state is None or state.metadata is None:
            raise Gone
        try:
            await self._post(state)
            await self._applier.write(state, status)
        except (NotFound, OtherObject) as error:
            raise Gone from error
        trial = self._trials.pop(uid, None)
        if trial is not None:
            self._bare.discard(uid)
            self._faults.over(state, Where.WRITE)
            self._tell(state, trial)
            await self._post(state)

    async def _post(self, state: CheckState) -> None:
        """Post the check's events. Raises ApiError without an answer; no other fault holds a status up."""
        try:
            await self._events.post(state.uid)
        except ApiError:
            raise
        except Exception as error:
            self._faults.note(Where.EVENT, error, state)
        else:
            self._faults.over(state, Where.EVENT)

    def _not_written(self, uid: str, error: Exception) -> None:
        """Write another status instead, where the one that was not written is at fault."""
        state = self._store.checks.get(uid)
        if state is None:
            return
        if isinstance(error, ApiError) and not isinstance(error, UNACCEPTABLE):
            return
        if state.reported.without_figures and uid not in self._trials:
            self._bare.add(uid)
        self._faults.note(Where.WRITE, error, state)
        self.fall_back(state)

    @staticmethod
    def _cancel(timers: dict[str, asyncio.TimerHandle], uid: str) -> None:
        timer = timers.pop(uid, None)
        if timer is not None:
            timer.cancel()
