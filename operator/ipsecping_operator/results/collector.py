"""Gather a check's results: a reader for each running agent, the message of each finished round."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipsecping.contract import ContractError, PlannedCheck, RoundResult, termination
from ipsecping_operator.faults import Faults, Where
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.state import CheckState
from ipsecping_operator.tokens.keys import TokenKeys

from . import placing
from .lineage import Lineage
from .ownership import Ownership, ownership
from .rejection import Rejection
from .stream import Agent, Reader
from .throttle import Throttle
from .unreadable import Unreadable

LAST_WORDS = 5.0
"""Seconds that an agent's last results may take, once its pod has ended."""
READ_AGAIN = 5.0
"""Seconds until a reader that a fault has ended is replaced."""

Log = logging.LoggerAdapter[logging.Logger]


@dataclass(slots=True)
class _Following:
    """An agent that is read."""

    agent: Agent
    pod: Pod
    """As last seen."""
    reader: Reader
    task: asyncio.Task[None]
    trouble: Unreadable | None = None
    """Why it cannot be read."""


class Collector:
    """`sync` is level-triggered: it makes the readers what the pods seen by now ask for.

    `counted(state, rejection)` is told of every result: None when it was accepted; `troubled(state)` when
    something of `state.unread` has changed; `ended(state)` of a reader that has ended by a fault, so that
    `sync` is called again; `held_back(seconds)` of every time that an agent is not read because it sends more
    than its plan makes.
    """

    def __init__(
        self,
        *,
        lineage: Lineage,
        counted: Callable[[CheckState, Rejection | None, int], None],
        troubled: Callable[[CheckState], None],
        tokens: TokenKeys,
        faults: Faults,
        ended: Callable[[CheckState], None],
        clock: Callable[[], int],
        held_back: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._lineage = lineage
        self._counted = counted
        self._troubled = troubled
        self._tokens = tokens
        self._faults = faults
        self._ended = ended
        self._held_back = held_back
        self._clock = clock
        self._readers: dict[str, dict[str, _Following]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def reading(self) -> int:
        """Agents that are followed."""
        return sum(len(readers) for readers in self._readers.values())

    @property
    def unreadable(self) -> int:
        """Agents of those that cannot be read at present."""
        return sum(
            following.trouble is not None for each in self._readers.values() for following in each.values()
        )

    async def sync(self, state: CheckState, *, log: Log) -> None:
        """Start and stop readers, read new termination messages. Raises ApiError."""
        wanted: dict[str, Pod] = {}
        for pod in list(state.pods.values()):
            if not await self._own(state, pod, log=log):
                continue
            if pod.meta.owner is not None and pod.meta.owner.kind == "Job":
                if pod.finished:
                    self._read_message(state, pod, log=log)
            elif not pod.finished and pod.address:
                wanted[pod.meta.uid] = pod
        self._follow(state, wanted, log=log)

    def move(self, by: int) -> None:
        """The operator's clock was set forward by so many nanoseconds (back: negative)."""
        for readers in self._readers.values():
            for following in readers.values():
                following.reader.move(by)

    def forget(self, check_uid: str) -> None:
        """Stop all readers of a check."""
        for following in self._readers.pop(check_uid, {}).values():
            following.task.cancel()

    async def close(self) -> None:
        """Stop all readers."""
        tasks = [following.task for readers in self._readers.values() for following in readers.values()]
        tasks += self._ending
        for task in tasks:
            task.cancel()
        self._readers.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _own(self, state: CheckState, pod: Pod, *, log: Log) -> bool:
        known = state.owned.get(pod.meta.uid)
        if known is not None:
            return known
        verdict = await ownership(
            pod,
            check_uid=state.uid,
            namespace=state.namespace,
            children=list(state.children.values()),
            lineage=self._lineage,
        )
        if verdict is Ownership.UNDECIDED or pod.meta.uid not in state.pods:
            return False
        if pod.meta.owner is not None:
            self._lineage.forget(pod.meta.owner)
        own = state.owned[pod.meta.uid] = verdict is Ownership.OWN
        if not own:
            log.warning("pod %s has the check's labels but does not belong to it: ignored", pod.meta.name)
            self._counted(state, Rejection.FOREIGN_POD, 1)
        return own

    def _follow(self, state: CheckState, wanted: Mapping[str, Pod], *, log: Log) -> None:
        readers = self._readers.setdefault(state.uid, {})
        for pod_uid, following in list(readers.items()):
            pod = wanted.get(pod_uid)
            if pod is None or _agent(pod) != following.agent:
                del readers[pod_uid]
                state.unread.pop(pod_uid, None)
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

        reader = Reader(
            agent,
            deliver=lambda result, start: self._deliver(state, pod, result, start=start),
            reject=lambda reason, count: self._reject(state, reason, count),
            log=log,
            clock=self._clock,
            throttle=Throttle(
                plan=_plan(state, pod),
                held_back=self._held_back,
                first=lambda: log.warning(
                    "results of pod %s: more than its plan makes, so they are read slowly", agent.pod
                ),
            ),
            tokens=self._tokens.tokens(state.uid, pod.meta.path or ""),
            tell=tell,
            failed=lambda error: self._faults.note(Where.RESULT, error, state, key=pod.meta.uid),
        )
        task = asyncio.create_task(reader.run(), name=f"read {agent.pod}")
        task.add_done_callback(lambda done: self._has_ended(state, pod.meta.uid, done))
        following = _Following(agent=agent, pod=pod, reader=reader, task=task)
        return following

    def _tell(self, state: CheckState, following: _Following, trouble: Unreadable | None) -> None:
        known, following.trouble = following.trouble, trouble
        if trouble is None:
            self._faults.over(state, Where.RESULT, key=following.agent.pod_uid)
        if trouble == known or self._readers.get(state.uid, {}).get(following.agent.pod_uid) is not following:
            return
        if trouble is None:
            state.unread.pop(following.agent.pod_uid, None)
        else:
            state.unread[following.agent.pod_uid] = trouble
        self._troubled(state)

    def _has_ended(self, state: CheckState, pod_uid: str, task: asyncio.Task[None]) -> None:
        """A reader ends when it is told to. After a fault another takes its place, with a pause."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._faults.note(Where.TASK, error)
            asyncio.get_running_loop().call_later(READ_AGAIN, self._replace, state, pod_uid, task)

    def _replace(self, state: CheckState, pod_uid: str, task: asyncio.Task[None]) -> None:
        readers = self._readers.get(state.uid, {})
        if pod_uid in readers and readers[pod_uid].task is task:
            del readers[pod_uid]
            self._ended(state)

    def _let_end(self, reader: Reader, task: asyncio.Task[None]) -> None:
        """That its pod has ended may be known before the last results have been read."""
        reader.end()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        asyncio.get_running_loop().call_later(LAST_WORDS, task.cancel)

    def _read_message(self, state: CheckState, pod: Pod, *, log: Log) -> None:
        if pod.meta.uid in state.counted:
            return
        ended = pod.ended
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
            state.counted[pod.meta.uid] = reason
            log.warning("pod %s gave no result: %s", pod.meta.name, reason)
            self._counted(state, Rejection.MALFORMED, 1)
            return
        state.counted[pod.meta.uid] = None
        state.pods[pod.meta.uid] = pod.read()
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

    def _deliver(self, state: CheckState, pod: Pod, result: RoundResult, *, start: int) -> None:
        with self._faults.guard(Where.RESULT, state, key=_key(state, result)):
            self._accept(state, pod, result, start=start, now=self._clock())

    def _accept(self, state: CheckState, pod: Pod, result: RoundResult, *, start: int, now: int) -> None:
        """Count it, if it is of the pod's own path: whoever has one path's pod forges no other's figures."""
        rejection = (
            state.measurements.accept(result, start=start, now=now)
            if result.check.path == pod.meta.path
            else Rejection.FOREIGN_PATH
        )
        self._counted(state, rejection, 1)
        self._faults.over(state, Where.RESULT, key="")

    def _reject(self, state: CheckState, reason: Rejection, count: int) -> None:
        with self._faults.guard(Where.RESULT):
            self._counted(state, reason, count)


def _key(state: CheckState, result: RoundResult) -> str:
    """The probe that the result says it is of, if the check has such a one."""
    known = state.measurements.current.get(result.check.path)
    names = () if known is None else tuple(probe.name for probe in known.plan.probes)
    return f"{result.check.path}/{result.probe}" if result.probe in names else ""


def _plan(state: CheckState, pod: Pod) -> PlannedCheck | None:
    """Of the pod's path."""
    known = state.measurements.current.get(pod.meta.path or "")
    return None if known is None else known.plan


def _agent(pod: Pod) -> Agent:
    """Whom to ask; only for pods that have an address."""
    return Agent(pod_uid=pod.meta.uid, pod=pod.meta.name, address=pod.address or "", port=pod.port)
