"""Gather a check's results: a reader for each running agent, the message of each finished round."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipsecping.contract import ContractError, PlannedCheck, RoundResult, termination
from ipsecping.contract.diagnosis_report_json import is_report, report_from_text
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.check.unreadable import Unreadable
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.kinds import DAEMON_SET, JOB
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.tokens.keys import TokenKeys

from . import placing
from .handler import ResultHandler
from .lineage import Lineage
from .ownership import Ownership, ownership
from .result_reader import Agent, ResultReader
from .throttle import Throttle

LAST_RESULTS_SECONDS = 5.0
"""Seconds that an agent's last results may take, once its pod has ended."""

Log = logging.LoggerAdapter[logging.Logger]


@dataclass(slots=True)
class _Following:
    """An agent that is followed."""

    agent: Agent
    pod: Pod
    """The pod as last seen."""
    reader: ResultReader
    task: asyncio.Task[None]
    trouble: Unreadable | None = None
    """Why it cannot be read."""
    held_back: bool = False
    """It sends more than its plan makes."""

    @property
    def problem(self) -> Unreadable | None:
        """What there is to say of it, None when all is well."""
        if self.trouble is None and self.held_back:
            return Unreadable(pod=self.agent.pod, held_back=True)
        return self.trouble


class Collector:
    """Counts what agents and finished pods tell, and hands it to its handler.

    `sync` is level-triggered: it makes the readers what the pods seen by now ask for.
    """

    def __init__(
        self,
        *,
        lineage: Lineage,
        handler: ResultHandler,
        tokens: TokenKeys,
        faults: Faults,
        clock: Callable[[], int],
    ) -> None:
        """`clock` gives the Unix time in nanoseconds."""
        self._lineage = lineage
        self._handler = handler
        self._tokens = tokens
        self._faults = faults
        self._clock = clock
        self._readers: dict[str, dict[str, _Following]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def reading(self) -> int:
        """How many agents are followed."""
        return sum(len(readers) for readers in self._readers.values())

    @property
    def unreadable(self) -> int:
        """How many of those cannot be read at present."""
        return sum(
            following.trouble is not None for each in self._readers.values() for following in each.values()
        )

    def lost(self) -> list[str]:
        """Return the UIDs of checks whose `sync` has to be called: a reader of theirs has ended by itself."""
        return [
            uid
            for uid, readers in self._readers.items()
            if any(following.task.done() for following in readers.values())
        ]

    async def sync(self, state: CheckState, *, log: Log) -> None:
        """Start and stop readers, read new termination messages. Raises ApiError."""
        wanted: dict[str, Pod] = {}
        for pod in list(state.observed.pods.values()):
            if not await self._own(state, pod, log=log):
                continue
            if pod.meta.owner is not None and pod.meta.owner.kind == JOB.name:
                if pod.finished:
                    self._read_message(state, pod, log=log)
            elif not pod.finished and pod.address and _is_of_workload(state, pod):
                wanted[pod.meta.uid] = pod
        self._follow(state, wanted, log=log)

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        for readers in self._readers.values():
            for following in readers.values():
                following.reader.shift(by)

    def forget(self, check_uid: str) -> None:
        """Stop all readers of a check."""
        for following in self._readers.pop(check_uid, {}).values():
            following.task.cancel()

    async def close(self) -> None:
        """Stop all readers, and wait for their ends."""
        tasks = [following.task for readers in self._readers.values() for following in readers.values()]
        tasks += self._ending
        for task in tasks:
            task.cancel()
        self._readers.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _own(self, state: CheckState, pod: Pod, *, log: Log) -> bool:
        known = state.observed.ownership.get(pod.meta.uid)
        if known is not None:
            return known
        verdict = await ownership(
            pod,
            check_uid=state.uid,
            namespace=state.namespace,
            children=list(state.observed.children.values()),
            lineage=self._lineage,
        )
        if verdict is Ownership.UNDECIDED or pod.meta.uid not in state.observed.pods:
            return False
        if pod.meta.owner is not None:
            self._lineage.forget(pod.meta.owner)
        own = verdict is Ownership.OWN
        state.observed.owner_decided(pod.meta.uid, own=own)
        if not own:
            log.warning("pod %s has the check's labels but does not belong to it: ignored", pod.meta.name)
            self._handler.rejected(state, Rejection.FOREIGN_POD, 1)
        return own

    def _follow(self, state: CheckState, wanted: Mapping[str, Pod], *, log: Log) -> None:
        readers = self._readers.setdefault(state.uid, {})
        for pod_uid, following in list(readers.items()):
            pod = wanted.get(pod_uid)
            if pod is None or _agent(pod) != following.agent or following.task.done():
                del readers[pod_uid]
                state.measured.agent_readable(pod_uid)
                self._let_end(following.reader, following.task)
            elif pod is not following.pod:
                following.pod = pod
                following.reader.hasten()
            if pod_uid in readers:
                following.reader.throttle.follow(_plan(state, following.pod))
        for pod_uid, pod in wanted.items():
            if pod_uid not in readers:
                readers[pod_uid] = self._begin(state, pod, log=log)
        if not readers:
            del self._readers[state.uid]

    def _begin(self, state: CheckState, pod: Pod, *, log: Log) -> _Following:
        agent = _agent(pod)
        following: _Following

        def tell(trouble: Unreadable | None) -> None:
            self._tell(state, following, trouble)

        def hold_back(holding: bool) -> None:
            if holding:
                log.warning("results of pod %s: more than its plan makes, so they are read slowly", agent.pod)
            self._hold_back(state, following, holding)

        reader = ResultReader(
            agent,
            deliver=lambda result, start: self._deliver(state, pod, result, start=start),
            reject=lambda reason, count: self._reject(state, reason, count),
            log=log,
            clock=self._clock,
            throttle=Throttle(
                plan=_plan(state, pod),
                held_back=self._handler.held_back,
                changed=hold_back,
            ),
            tokens=self._tokens.tokens(state.uid, pod.meta.path or ""),
            tell=tell,
            failed=lambda error: self._faults.note(Where.RESULT, error, state, key=pod.meta.uid),
        )
        task = asyncio.create_task(reader.run(), name=f"read {agent.pod}")
        task.add_done_callback(self._has_ended)
        following = _Following(agent=agent, pod=pod, reader=reader, task=task)
        return following

    def _tell(self, state: CheckState, following: _Following, trouble: Unreadable | None) -> None:
        known, following.trouble = following.problem, trouble
        if trouble is None:
            self._faults.over(state, Where.RESULT, key=following.agent.pod_uid)
        self._note_problem(state, following, known)

    def _hold_back(self, state: CheckState, following: _Following, held_back: bool) -> None:
        known, following.held_back = following.problem, held_back
        self._note_problem(state, following, known)

    def _note_problem(self, state: CheckState, following: _Following, known: Unreadable | None) -> None:
        """Say what has changed of an agent of which `known` was said."""
        problem, pod_uid = following.problem, following.agent.pod_uid
        if problem == known or self._readers.get(state.uid, {}).get(pod_uid) is not following:
            return
        if problem is None:
            state.measured.agent_readable(pod_uid)
        else:
            state.measured.agent_unreadable(pod_uid, problem)
        self._handler.readability_changed(state)

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        """Note a reader that a fault has ended: `lost` tells of it, and `sync` replaces it."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._faults.note(Where.TASK, error)

    def _let_end(self, reader: ResultReader, task: asyncio.Task[None]) -> None:
        """Let a reader go on for a while: the end of its pod may be known before its last results."""
        reader.end()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        asyncio.get_running_loop().call_later(LAST_RESULTS_SECONDS, task.cancel)

    def _read_message(self, state: CheckState, pod: Pod, *, log: Log) -> None:
        if pod.meta.uid in state.observed.messages:
            return
        ended = pod.ended
        if ended is not None and is_report(ended.message):
            self._read_report(state, pod, ended.message, log=log)
            return
        try:
            if ended is None:
                raise ContractError(pod.waiting or "it ended without a container's end")
            refused = list[ContractError]()
            results = termination.decode(ended.message, refused=refused.append)
            if refused and not results:
                raise refused[0]
        except Exception as error:
            if not isinstance(error, ContractError):
                self._faults.note(Where.RESULT, error, state)
            reason = (
                f"{ended.reason or 'ended'}, exit code {ended.exit_code}: {error}" if ended else str(error)
            )
            state.observed.message_read(pod.meta.uid, reason)
            if pod.diagnoses:  # who waits for its report will tell
                log.info("pod %s gave no diagnosis: %s", pod.meta.name, reason)
            else:
                log.warning("pod %s gave no result: %s", pod.meta.name, reason)
                self._handler.rejected(state, Rejection.MALFORMED, 1)
            return
        state.observed.message_read(pod.meta.uid, None)
        if refused:
            log.warning(
                "pod %s: %d of %d results do not count: %s",
                pod.meta.name, len(refused), len(refused) + len(results), refused[0],
            )  # fmt: skip
            self._reject(state, Rejection.MALFORMED, len(refused))
        for result in results:
            with self._faults.guard(Where.RESULT, state, key=_key(state, result)):
                now = self._clock()
                start = placing.from_pod(
                    result.started_at, result.duration, pod_created=pod.meta.created, now=now
                )
                self._accept(state, pod, result, start=start, now=now)

    def _read_report(self, state: CheckState, pod: Pod, message: str, *, log: Log) -> None:
        """Take in what a Job's diagnosis has come to, if it is of the pod's own path."""
        try:
            report = report_from_text(message)
            of, path = report.check, pod.meta.path
            if (of.uid, of.namespace, of.name, of.path) != (state.uid, state.namespace, state.name, path):
                raise ContractError("diagnosis: of another check or path than the pod's")
        except ContractError as error:
            state.observed.message_read(pod.meta.uid, str(error))
            log.warning("pod %s gave no diagnosis: %s", pod.meta.name, error)
            self._handler.rejected(state, Rejection.MALFORMED, 1)
            return
        state.observed.message_read(pod.meta.uid, None)
        state.diagnosed.deliver(report, pod=pod.meta.name)

    def _deliver(self, state: CheckState, pod: Pod, result: RoundResult, *, start: int) -> None:
        with self._faults.guard(Where.RESULT, state, key=_key(state, result)):
            self._accept(state, pod, result, start=start, now=self._clock())

    def _accept(self, state: CheckState, pod: Pod, result: RoundResult, *, start: int, now: int) -> None:
        """Count it, if it is of the pod's own path: whoever has one path's pod forges no other's figures.

        Nor does an agent of the workload before tell its last results for those of the one there is.
        """
        if result.check.path != pod.meta.path:
            rejection: Rejection | None = Rejection.FOREIGN_PATH
        elif not _is_of_workload(state, pod):
            rejection = Rejection.OTHER_PLAN
        else:
            rejection = state.measured.accept(
                result, start=start, now=now, node=pod.node, pod_uid=pod.meta.uid
            )
        if rejection is None:
            self._handler.accepted(state)
        else:
            self._handler.rejected(state, rejection, 1)
        self._faults.over(state, Where.RESULT, key="")

    def _reject(self, state: CheckState, reason: Rejection, count: int) -> None:
        with self._faults.guard(Where.RESULT):
            self._handler.rejected(state, reason, count)


def _key(state: CheckState, result: RoundResult) -> str:
    """Name the probe that the result says it is of, as path/probe; empty when the check has no such."""
    known = state.measured.current.get(result.check.path)
    names = () if known is None else tuple(probe.name for probe in known.plan.probes)
    return f"{result.check.path}/{result.probe}" if result.probe in names else ""


def _is_of_workload(state: CheckState, pod: Pod) -> bool:
    """Whether the path still has a workload of this kind: an agent of the one before it measures twice."""
    check, owner = state.applied.compiled, pod.meta.owner
    if owner is not None and owner.kind == JOB.name:
        return True
    every_node = owner is not None and owner.kind == DAEMON_SET.name
    return check is None or all(
        path.placement.every_node is every_node for path in check.paths if path.plan.path == pod.meta.path
    )


def _plan(state: CheckState, pod: Pod) -> PlannedCheck | None:
    """Find the plan of the pod's path."""
    known = state.measured.current.get(pod.meta.path or "")
    return None if known is None else known.plan


def _agent(pod: Pod) -> Agent:
    """Read where the agent listens, of a pod that has an address."""
    return Agent(pod_uid=pod.meta.uid, pod=pod.meta.name, address=pod.address or "", port=pod.port)
