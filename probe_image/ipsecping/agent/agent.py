"""The agent: keeps one runner for each path of the plan, and takes over a new plan without losing a round."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from ..contract import Invalidity, Plan, PlannedCheck, RoundResult
from ..rounds.hand_out import HandOut
from .ring import Ring
from .runner import Prober, Runner
from .ticks import MOST_TOGETHER
from .timeslice import Yielder

log = logging.getLogger(__name__)

OVERDUE_LIMIT = 5_000_000_000
"""A round that should have started so long ago (nanoseconds) means that the agent no longer works."""

Key = tuple[str, str]
"""(check UID, path)."""


class Agent:
    """Executes a plan until it is stopped. Belongs to one event loop."""

    def __init__(
        self,
        ring: Ring,
        make_prober: Callable[[PlannedCheck], Prober],
        *,
        observers: Sequence[Callable[[PlannedCheck, RoundResult], None]] = (),
    ) -> None:
        """`observers` are told of each result, with the check as it was planned when its path started."""
        self._ring = ring
        self._make_prober = make_prober
        self._observers = observers
        self._hand_out = HandOut()
        self._runners: dict[Key, Runner] = {}
        self._running: set[Runner] = set()
        """Those of the plan, and those that have left it and are not over yet."""
        self._all_ended = asyncio.Event()
        self.rounds = 0
        """Results delivered."""
        self.invalid: dict[Invalidity, int] = dict.fromkeys(Invalidity, 0)
        """Results that say nothing about the path, by reason."""
        self._skipped_before = 0
        self._failures_before = 0

    @property
    def paths(self) -> int:
        """How many paths are measured now."""
        return len(self._runners)

    def planned(self, uid: str, path: str) -> PlannedCheck | None:
        """Return the path as it is measured now; None: it is not."""
        runner = self._runners.get((uid, path))
        return None if runner is None else runner.check

    @property
    def skipped(self) -> int:
        """Rounds left out because the agent was late."""
        return self._skipped_before + sum(runner.skipped for runner in self._running)

    @property
    def failures(self) -> int:
        """Rounds that ended in an error of the prober itself."""
        return self._failures_before + sum(runner.failures for runner in self._running)

    async def apply(self, plan: Plan) -> None:
        """Execute `plan` from now on; a large one is taken over piecemeal, so that no packet has to wait.

        A path whose plan has not changed goes on undisturbed; one that has changed finishes its running
        rounds under the old plan. Checks without an interval are a scheduler's business and passed over.
        """
        wanted: dict[Key, PlannedCheck] = {
            (check.uid, check.path): check for check in plan.checks if check.interval_ms is not None
        }
        if not plan.checks:
            log.warning("plan: checks is empty, so nothing is measured")
        elif without := len(plan.checks) - len(wanted):
            log.warning(
                "plan: %d without intervalMs, not measured here: `ipsecping run` is for them", without
            )
        paths = Counter(uid for uid, _ in wanted)
        yielder = Yielder()
        for key, runner in list(self._runners.items()):
            await yielder.maybe_yield()
            check = wanted.get(key)
            if check is not None and check.nonce == runner.check.nonce:
                runner.update(check)
                del wanted[key]
            else:
                runner.stop()
                del self._runners[key]
        for key, check in wanted.items():
            await yielder.maybe_yield()
            self._start(key, check, together=paths[check.uid] <= MOST_TOGETHER)
        many = "path" if len(self._runners) == 1 else "paths"
        log.info("plan: %d %s, %d new or changed", len(self._runners), many, len(wanted))

    async def stop(self, *, grace: float) -> None:
        """Finish the running rounds, for at most `grace` seconds, and close the ring."""
        for runner in list(self._running):
            runner.stop()
        if self._running:
            self._all_ended.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_ended.wait(), grace)
        for runner in list(self._running):
            runner.cancel()
        if self._running:
            await self._all_ended.wait()
        self._ring.close()

    def trouble(self, *, monotonic: int) -> str | None:
        """Why the agent is not healthy, or None."""
        for runner in self._runners.values():
            overdue = runner.overdue(monotonic=monotonic)
            if overdue > OVERDUE_LIMIT:
                check = runner.check
                return f"{check.namespace}/{check.name}: a round is overdue by {overdue / 1e9:.0f} s"
        return None

    def _start(self, key: Key, check: PlannedCheck, *, together: bool) -> None:
        prober, deliver = self._make_prober(check), partial(self._deliver, check)
        runner = Runner(check, prober, deliver, self._ended, together=together)
        self._runners[key] = runner
        self._running.add(runner)
        runner.start()

    def _ended(self, runner: Runner) -> None:
        self._running.discard(runner)
        self._skipped_before += runner.skipped
        self._failures_before += runner.failures
        if not self._running:
            self._all_ended.set()

    def _deliver(self, check: PlannedCheck, result: RoundResult) -> None:
        result = self._hand_out(result)
        self.rounds += 1
        if result.invalid is not None:
            self.invalid[result.invalid] += 1
        self._ring.append(result)
        for observe in self._observers:
            observe(check, result)
