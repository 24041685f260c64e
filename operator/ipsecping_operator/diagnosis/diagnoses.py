"""Run diagnoses: a few at a time, each tried for a while, never on the way of what judges and reports."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipsecping_operator import logs
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.collect.diagnosing import NotAnswered, Question, ReportRefused, report_of
from ipsecping_operator.collect.result_reader import Agent
from ipsecping_operator.compile import Cron
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.metrics.operator import REFUSED
from ipsecping_operator.status.diagnosis import DiagnosisOutcome, Trigger
from ipsecping_operator.tokens.keys import TokenKeys

from .choice import Chosen, agent_of, choose, is_measured
from .job import JobDiagnosis, Told
from .known import known_of
from .rule import Wanted, is_healthy, is_over, obstacle, request_id, requested, wanted
from .telling import healed, is_news, not_run, told
from .turns import Turns

AT_ONCE: Mapping[Trigger, int] = {Trigger.OUTAGE: 6, Trigger.ANNOTATION: 2}
"""Diagnoses under way by agents: when a gateway fails with a thousand tunnels, who asks for one gets it."""
JOBS_AT_ONCE: Mapping[Trigger, int] = {Trigger.OUTAGE: 4, Trigger.ANNOTATION: 2}
"""Those by Jobs, whose pods may take minutes to start: no agent waits for them."""
PATIENCE = 180.0
"""Seconds for which a diagnosis that cannot begin is tried again."""
NO_POD = 10.0
"""Seconds until a pod may be there that is not."""


@dataclass(slots=True)
class _Running:
    """A diagnosis from when it is due until it is over."""

    task: asyncio.Task[None]
    want: Wanted
    waits: bool = True
    """For its turn, or to be tried again."""

    @property
    def yields(self) -> bool:
        """Whether it makes room for what somebody asks for."""
        return self.waits and self.want.trigger is Trigger.OUTAGE


class Diagnoses:
    """`consider(state)` is called after each report of a check, and begins what is due.

    `count(outcome)` is told of each diagnosis that is over, `report(uid)` of a check with news of one.
    """

    def __init__(
        self,
        *,
        checks: Mapping[str, CheckState],
        jobs: JobDiagnosis,
        tokens: TokenKeys,
        enabled: bool,
        refusal: Callable[[str], str | None],
        faults: Faults,
        count: Callable[[str], None],
        report: Callable[[str], None],
        clock: Callable[[], int],
    ) -> None:
        """`enabled`: whether anything is diagnosed; `refusal`: why nothing of a namespace may be.

        `clock` gives the Unix time in nanoseconds.
        """
        self._checks = checks
        self._jobs = jobs
        self._tokens = tokens
        self._enabled = enabled
        self._refusal = refusal
        self._faults = faults
        self._count = count
        self._report = report
        self._clock = clock
        self._of_agents = {trigger: Turns(number) for trigger, number in AT_ONCE.items()}
        self._of_jobs = {trigger: Turns(number) for trigger, number in JOBS_AT_ONCE.items()}
        self._running: dict[str, _Running] = {}
        self._closed = False

    def consider(self, state: CheckState) -> int | None:
        """Begin the diagnosis that is due, if there is one.

        Returns when to be asked again though nothing happens: Unix time, nanoseconds; None: never.
        """
        running = self._running.get(state.uid)
        if running is not None and running.yields and requested(state) is not None:
            # Somebody asks, and has a shorter way: that of the outage waits for a thousand others.
            running.task.cancel()
        if running is not None or self._closed:
            return None
        now = self._clock()
        want = wanted(state, enabled=self._enabled, now=now)
        if want is None or want.at > now:
            return None if want is None else want.at
        task = asyncio.get_running_loop().create_task(self._run(state), name=f"diagnosis {state.uid}")
        self._running[state.uid] = _Running(task, want)
        task.add_done_callback(lambda _: self._ended(state.uid))
        return None

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        for running in self._running.values():
            running.want = running.want.shifted(by)

    async def close(self) -> None:
        """End what runs; a next run of the operator asks for the same again."""
        self._closed = True
        tasks = [running.task for running in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, uid: str) -> None:
        del self._running[uid]
        if not self._closed:
            self._report(uid)

    async def _run(self, state: CheckState) -> None:
        running = self._running[state.uid]
        try:
            outcome = await self._outcome(state, running)
        except Exception as error:
            # No verdict on the tunnel rests on a diagnosis: so the check is not InternalError for it.
            self._faults.note(Where.DIAGNOSIS, error)
            why = "a fault of the operator, whose log has the traceback"
            outcome = not_run(state, running.want, why, now=self._clock())
        if outcome is None or not self._stands(state):
            return
        self._count(outcome.outcome)
        if is_news(state, outcome):
            state.diagnosed.settle(outcome)
        else:
            state.diagnosed.try_in_vain(now=outcome.at)

    async def _outcome(self, state: CheckState, running: _Running) -> DiagnosisOutcome | None:
        """What it comes to; None where nothing is to be diagnosed any more."""
        due, path = None, None
        while True:
            try:
                async with self._turns(state)[running.want.trigger].turn(state.namespace):
                    running.waits, want = False, running.want
                    if not self._stands(state):
                        return None
                    if is_over(state, want):
                        return healed(state, want, now=self._clock()) if is_healthy(state) else None
                    refused = self._refusal(state.namespace)
                    why = obstacle(state, want, enabled=self._enabled, refused=refused)
                    if why is not None:
                        return not_run(state, want, why, now=self._clock())
                    chosen = choose(state)
                    path = chosen.path.plan.path
                    request = request_id(state, want, nonce=chosen.path.plan.nonce)
                    report, pod = await self._told(state, chosen, request)
                    if not is_measured(state, chosen.path):
                        raise NotAnswered("the path was edited meanwhile", again=NO_POD)
                    return told(state, running.want, report, pod=pod, now=self._clock())
            except NotAnswered as error:
                if isinstance(error, ReportRefused):
                    self._count(REFUSED)
                time = asyncio.get_running_loop().time()
                due = due or time + _patience(state)
                if error.again is None or time + error.again > due:
                    return not_run(state, running.want, str(error), path=path, now=self._clock())
                pause = error.again
            running.waits = True
            await asyncio.sleep(pause)

    async def _told(self, state: CheckState, chosen: Chosen, request: str) -> Told:
        """Have the path diagnosed where it is measured. Raises NotAnswered and ReportRefused."""
        check, plan = state.applied.compiled, chosen.path.plan
        assert check is not None
        question = Question(
            uid=plan.uid,
            namespace=plan.namespace,
            name=plan.name,
            path=plan.path,
            nonce=plan.nonce,
            request=request,
            known=known_of(state, chosen.path, now=self._clock()),
        )
        if isinstance(check.schedule, Cron):
            assert state.metadata is not None
            log = logs.for_check(__name__, state.metadata)
            return await self._jobs.run(state, check, chosen.path, question, log=log)
        pod = agent_of(state, chosen)
        if pod is None:
            where = "" if chosen.node is None else f" on node {chosen.node}"
            said = f"no pod of path {plan.path} runs{where}; the condition Ready says why"
            raise NotAnswered(said, again=NO_POD)
        agent = Agent(pod_uid=pod.meta.uid, pod=pod.meta.name, address=pod.address or "", port=pod.port)
        try:
            report = await report_of(agent, question, tokens=self._tokens.tokens(state.uid, plan.path))
        except NotAnswered as error:
            raise type(error)(f"pod {pod.meta.name}: {error}", again=error.again) from error
        return Told(report, pod.meta.name)

    def _turns(self, state: CheckState) -> Mapping[Trigger, Turns]:
        check = state.applied.compiled
        return self._of_jobs if check is not None and isinstance(check.schedule, Cron) else self._of_agents

    def _stands(self, state: CheckState) -> bool:
        """Whether the check is still there, and is the same."""
        return self._checks.get(state.uid) is state and state.present


def _patience(state: CheckState) -> float:
    """Seconds for which it is tried again: a round of a CronJob has to end first, wherever it is."""
    check = state.applied.compiled
    if check is None or not isinstance(check.schedule, Cron):
        return PATIENCE
    return PATIENCE + (check.round_ms + check.schedule.start_ms) / 1000
