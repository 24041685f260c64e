"""Prove that every check is judged and that what was decided is written, whatever became of timers and tasks.

Results, reconciles and alarms have a check assessed; each of them may be lost by a fault. So all checks are
passed over every few seconds: one whose windows were not compared with its status for longer than its
interval is assessed by the same guarded way as ever; one whose status is not what was decided is written.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import Cron
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.errors import ApiError
from ipsecping_operator.report.reporter import Reporter
from ipsecping_operator.status.digest import conditions_gist

PASS_SECONDS = 2.0
LEAST_INTERVAL, MOST_INTERVAL = 5.0, 150.0
"""Seconds that a check's interval counts as at least and at most, and as what with a cron line."""
EARLY = 1.25
"""Intervals after which a check is assessed though nothing asked for it; after two it is overdue."""
UNWRITTEN_SECONDS, CLAIM_SECONDS = 60.0, 15.0
"""Seconds after which an unwritten decision is written by the shortest way; where True stands, sooner."""
WRITE_SECONDS = 10.0
"""Longest that one such write may take, and that others are begun in a pass."""
REST_SECONDS = 30.0
"""Pause in such writes after the API did not take one."""
TURN = 50
"""Checks looked at before others have their turn."""


class Overdue(Exception):
    """Something was not done in time, and nothing said why."""


@dataclass(slots=True)
class Findings:
    """The outcome of one pass over all checks."""

    oldest: float = 0.0
    """Age of the oldest comparison, in parts of what is allowed: above 1 it is overdue."""
    overdue: list[str] = field(default_factory=list)
    """Checks (`namespace/name`) whose comparison is."""
    lost: list[str] = field(default_factory=list)
    """Those that stay overdue though they were assessed again."""
    unwritten: int = 0
    """Checks whose status is not what was decided, for longer than that should take."""
    late: CheckState | None = None
    """The last of them."""
    faulty: int = 0
    """Checks about which a fault stands."""


class Watchdog:
    """`run` passes over the checks for ever and hands over what it found."""

    def __init__(
        self,
        *,
        checks: Mapping[str, CheckState],
        reporter: Reporter,
        faults: Faults,
        export: Callable[[CheckState], None],
        revive: Callable[[], None],
        found: Callable[[Findings], None],
        awake: Callable[[], float] = time.monotonic,
    ) -> None:
        """`export` works out a check's metrics, and raises where they cannot be; `revive` begins reconciles
        anew that were lost; `awake` is a clock that stands still while this process does."""
        self._checks = checks
        self._reporter = reporter
        self._faults = faults
        self._export = export
        self._revive = revive
        self._found = found
        self._awake = awake
        self._unlike: dict[str, float] = {}
        """UID to when the status was first seen not to be what was decided."""
        self._resting = float("-inf")

    async def run(self) -> None:
        """Pass over the checks every `PASS_SECONDS`. Never returns."""
        while True:
            await asyncio.sleep(PASS_SECONDS)
            with self._faults.guard(Where.WATCHDOG):
                self._revive()
            with self._faults.guard(Where.WATCHDOG):
                self._found(await self.look())

    async def look(self) -> Findings:
        """Look at every check once, and write at most `WRITE_SECONDS` long what is unwritten."""
        seen, until = Findings(), self._awake() + WRITE_SECONDS
        for number, state in enumerate(list(self._checks.values())):
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)
            if state.metadata is None or self._checks.get(state.uid) is not state:
                continue
            for step in (self._compare, self._check_writer, self._check_written):
                try:
                    step(state, seen)
                except Exception as error:
                    self._faults.note(Where.WATCHDOG, error)
            if seen.late is state and self._resting <= self._awake() < until:
                with self._faults.guard(Where.WATCHDOG):
                    await self._write(state)
        self._unlike = {uid: since for uid, since in self._unlike.items() if uid in self._checks}
        return seen

    def _compare(self, state: CheckState, seen: Findings) -> None:
        now, interval = self._awake(), _interval(state)
        if state.faults:
            self._try_again(state)
        age = state.reported.since_compared(now=now)
        if age is None:
            state.reported.compare(now=now)
        pause = LEAST_INTERVAL if state.faults else EARLY * interval
        alarm = state.reported.alarm
        lost_alarm = alarm is not None and now - alarm >= PASS_SECONDS / 2
        if lost_alarm or (age is not None and age >= pause):
            self._assess(state)
        overdue = (state.reported.since_compared(now=now) or 0.0) / (2 * interval)
        seen.oldest = max(seen.oldest, overdue)
        if overdue > 1:
            seen.overdue.append(f"{state.namespace}/{state.name}")
        if overdue > 2:
            seen.lost.append(f"{state.namespace}/{state.name}")
        if state.faults:
            seen.faulty += self._faults.standing(state) is not None

    def _assess(self, state: CheckState) -> None:
        try:
            self._reporter.report(state.uid, forced=True)
        except Exception as error:
            self._faults.note(Where.JUDGE, error, state)
            with self._faults.guard(Where.WATCHDOG):
                self._reporter.fall_back(state)

    def _try_again(self, state: CheckState) -> None:
        """Work out a check's metrics that had failed: a scrape, which would do so, may never come."""
        self._faults.forget_old(state)
        if "" in state.faults.about(Where.METRICS):
            with self._faults.guard(Where.METRICS, state):
                self._export(state)

    def _check_writer(self, state: CheckState, _: Findings) -> None:
        self._reporter.mend(state)
        if self._reporter.revive(state):
            self._faults.note(Where.WRITE, Overdue(f"the status of check {state.uid} was not being written"))

    def _check_written(self, state: CheckState, seen: Findings) -> None:
        stored, now = state.reported.stored, self._awake()
        if (
            stored is None
            or not stored.healthy
            or stored.gist == conditions_gist(state.reported.last.conditions)
        ):
            self._unlike.pop(state.uid, None)
            return
        waited = now - self._unlike.setdefault(state.uid, now)
        if waited < (CLAIM_SECONDS if stored.healthy == "True" else UNWRITTEN_SECONDS):
            return
        seen.unwritten += 1
        seen.late = state

    async def _write(self, state: CheckState) -> None:
        """Write the conditions past the writer, which has not; pause when the API does not answer."""
        try:
            await asyncio.wait_for(self._reporter.write_least(state), WRITE_SECONDS)
        except (ApiError, TimeoutError):
            self._resting = self._awake() + REST_SECONDS
        else:
            self._unlike.pop(state.uid, None)


def _interval(state: CheckState) -> float:
    """Return the seconds between the check's results, within `LEAST_INTERVAL` and `MOST_INTERVAL`."""
    check = state.applied.compiled
    if check is None or isinstance(check.schedule, Cron):
        return MOST_INTERVAL
    return min(max(check.schedule.interval_ms / 1000, LEAST_INTERVAL), MOST_INTERVAL)
