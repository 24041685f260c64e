"""Run one function for many keys: never twice at once for the same key, and again after a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

from ipsecping_operator.backoff import Backoff
from ipsecping_operator.fair_turns import FairTurns

BACKOFF = Backoff(first=1.0, longest=300.0)
CALM = 8
"""So many keys are worked on at any moment in a large fleet at rest; with more, people wait."""


class Outcome(Enum):
    """What a run came to; the number is the longest pause before the next one, in seconds."""

    DONE = 0.0
    UNREACHABLE = 30.0
    """The API did not answer: once it is back, half a minute later is soon enough."""
    WAITING = 15.0
    """Nothing failed, but something has to end first, and no event may tell of its end."""
    REFUSED = 300.0
    """The same will be refused again, until something changes of which no event tells."""


class WorkQueue:
    """Runs `work(key)` for each key that was requested, for `at_once` keys at the same time.

    Level-triggered: a request during a run leads to one more run, however many requests there were.
    Where more wait, namespaces take turns.

    What is not `DONE` is run again, each time later; so is what raises, which `failed` is told of.
    """

    def __init__(
        self,
        work: Callable[[str], Awaitable[Outcome]],
        *,
        failed: Callable[[str, Exception], None],
        namespace: Callable[[str], str] = lambda key: "",
        at_once: int = 16,
    ) -> None:
        """`namespace` gives that of a key."""
        self._work = work
        self._namespace = namespace
        self._failed = failed
        self._turns = FairTurns(at_once)
        self._wanted: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._retries: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}
        self._closed = False
        self.calm = asyncio.Event()
        """Set while hardly anything waits."""
        self.calm.set()

    def request(self, key: str) -> None:
        """Run the work for this key soon."""
        if self._closed:
            return
        self._wanted.add(key)
        task = self._tasks.get(key)
        if task is None or task.done():
            self._tasks[key] = asyncio.get_running_loop().create_task(self._run(key), name=f"reconcile {key}")
            if len(self._tasks) > CALM:
                self.calm.clear()

    def revive(self) -> None:
        """Run the keys that still have to be run and whose task or timer was lost."""
        now = asyncio.get_running_loop().time()
        for key in self._wanted | self._failures.keys():
            task, retry = self._tasks.get(key), self._retries.get(key)
            waits = retry is not None and not retry.cancelled() and retry.when() + BACKOFF.first > now
            if not waits and (task is None or task.done()):
                self.request(key)

    async def close(self) -> None:
        """Take no more requests; wait for what runs."""
        self._closed = True
        self._wanted.clear()
        for retry in self._retries.values():
            retry.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, key: str) -> None:
        try:
            while key in self._wanted:
                async with self._turns.turn(self._namespace(key)):
                    self._wanted.discard(key)
                    self._drop_retry(key)
                    # Until it is done it counts as failed, so that `revive` finds it whatever happens here.
                    self._failures.setdefault(key, 0)
                    try:
                        outcome = await self._work(key)
                    except Exception as error:
                        outcome = Outcome.REFUSED
                        self._failed(key, error)
                if outcome is Outcome.DONE:
                    self._failures.pop(key, None)
                else:
                    self._retry(key, longest=outcome.value)
        finally:
            self._tasks.pop(key, None)
            if len(self._tasks) <= CALM:
                self.calm.set()

    def _retry(self, key: str, *, longest: float) -> None:
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        pause = BACKOFF.pause(failures, longest=longest)
        if not self._closed:
            self._drop_retry(key)
            self._retries[key] = asyncio.get_running_loop().call_later(pause, self._again, key)

    def _again(self, key: str) -> None:
        self._retries.pop(key, None)
        self.request(key)

    def _drop_retry(self, key: str) -> None:
        retry = self._retries.pop(key, None)
        if retry is not None:
            retry.cancel()
