"""Part of a check's state: what was measured, which results count, and what they add up to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ipsecping.contract import METHODS, Flows, PlannedCheck, PlannedProbe, RoundResult, destination
from ipsecping.contract.bounds import MAX_CLOSING
from ipsecping_operator.compile.compiled import CompiledCheck
from ipsecping_operator.verdict.judge import ProbeKey
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from . import timetable
from .rejection import Rejection
from .totals import Totals
from .unreadable import Unreadable

MILLISECOND = 1_000_000
READ_LATE = 10_000 * MILLISECOND
"""An answer that came in time may be read so much later: where the kernel did not stamp it, that counts."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a window's rounds have in common. A change of it begins a new window; other edits keep it."""

    target: str
    probe: PlannedProbe


@dataclass(frozen=True, slots=True)
class Known:
    """A plan that results may name, with its nonce worked out once."""

    plan: PlannedCheck
    nonce: str


@dataclass(slots=True)
class Series:
    """One probe on one path, measured on one basis."""

    basis: Basis
    window: Window
    totals: Totals = field(default_factory=Totals)
    last_end: int | None = None
    """End of the newest round, valid or not."""
    used: int | None = None
    """Up to when the schedule's rounds have been had; see `timetable`."""
    address: str | None = None
    """Where the newest round went, so far as its name had an address."""


class Measured:
    """Windows and counters of each probe, the plans results may be of, and agents that cannot be read."""

    __slots__ = (
        "_current",
        "_expected_since",
        "_length",
        "_previous",
        "_remote",
        "_request_ids",
        "_series",
        "_suspended",
        "_unreadable",
    )

    def __init__(self) -> None:
        self._current: dict[str, Known] = {}
        self._previous: dict[str, Known] = {}
        self._series: dict[ProbeKey, Series] = {}
        self._request_ids: dict[str, str] = {}
        self._remote: dict[str, str] = {}
        self._length = 0
        self._suspended = False
        self._expected_since = 0
        self._unreadable: dict[str, Unreadable] = {}

    @property
    def current(self) -> Mapping[str, Known]:
        """Path to the plan that its agent has or is about to get."""
        return self._current

    @property
    def series(self) -> Mapping[ProbeKey, Series]:
        """What was measured, by path and probe."""
        return self._series

    @property
    def request_ids(self) -> Mapping[str, str]:
        """Path to the identifier of the newest run-now request that a result has named."""
        return self._request_ids

    @property
    def remote(self) -> Mapping[str, str]:
        """Path to the target's address as it was last resolved."""
        return self._remote

    @property
    def expected_since(self) -> int:
        """No result can be missed before this instant (Unix time, nanoseconds)."""
        return self._expected_since

    @property
    def unreadable(self) -> Mapping[str, Unreadable]:
        """UID of a pod to why its agent cannot be read."""
        return self._unreadable

    def follow(self, check: CompiledCheck) -> bool:
        """Take up a new version of the check; whether any path's plan changed.

        Until the first result of a new plan comes, the results of the one before it count.
        """
        plans = {path.plan.path: Known(path.plan, path.plan.nonce) for path in check.paths}
        changed = {
            path
            for path, known in plans.items()
            if path in self._current and self._current[path].nonce != known.nonce
        }
        previous = {
            path: self._current[path] if path in changed else self._previous[path]
            for path in plans
            if path in changed or path in self._previous
        }
        keys = {(path, probe.name) for path, known in plans.items() for probe in known.plan.probes}
        # What was measured before a pause says nothing about now.
        resumed = self._suspended and not check.suspend
        series = {} if resumed else {key: each for key, each in self._series.items() if key in keys}
        remote = {path: address for path, address in self._remote.items() if path in plans}
        length = check.thresholds.window_ms * MILLISECOND
        # Only now, so that a fault above leaves everything as it was and is tried again as a whole.
        self._current, self._previous, self._series, self._remote = plans, previous, series, remote
        self._length, self._suspended = length, check.suspend
        for (path, _), each in self._series.items():
            each.window.length = length
            if path in changed:
                # It may have another interval.
                each.used = None
        return bool(changed)

    def accept(self, result: RoundResult, *, start: int, now: int) -> Rejection | None:
        """Count a round that began at `start` on the operator's clock, or say why not."""
        found = self._plan_of(result)
        if isinstance(found, Rejection):
            return found
        plan = found.plan
        probe = next((p for p in plan.probes if p.name == result.probe and p.type == result.type), None)
        if probe is None:
            return Rejection.UNKNOWN_PROBE
        if not _within(probe, result):
            return Rejection.BEYOND_PLAN
        key, basis = (plan.path, probe.name), Basis(plan.target, probe)
        series = self._series.get(key)
        if series is None or series.basis != basis:
            if series is not None and found is not self._current[plan.path]:
                return Rejection.OTHER_PLAN
            series = self._series[key] = Series(basis=basis, window=Window(length=self._length))
        # The clock may have been set back since the round was placed.
        start = min(start, now - result.duration)
        if plan.interval_ms is not None:
            run_now = result.run_now is not None
            used = timetable.used(plan.interval_ms, probe, run_now=run_now, start=start, before=series.used)
            if used is None:
                return Rejection.OFF_SCHEDULE
            series.used = used
        tally = Tally.of(result, start=start)
        series.window.add(tally, now=now)
        series.totals.add(tally)
        series.last_end = max(tally.end, series.last_end or 0)
        series.address = result.remote_ip
        if result.run_now is not None:
            self._request_ids[plan.path] = result.run_now
        if result.remote_ip is not None and destination(probe, plan.target) == plan.target:
            self._remote[plan.path] = result.remote_ip
        return None

    def windows(self, *, now: int) -> dict[ProbeKey, Window]:
        """The windows as they are at `now`."""
        for series in self._series.values():
            series.window.forget(now=now)
        return {key: series.window for key, series in self._series.items()}

    def expect_since(self, instant: int) -> None:
        """Miss no result before this instant."""
        self._expected_since = instant

    def agent_unreadable(self, pod_uid: str, why: Unreadable) -> None:
        """Remember why the agent of a pod cannot be read."""
        self._unreadable[pod_uid] = why

    def agent_readable(self, pod_uid: str) -> None:
        """Forget why an agent could not be read: it is read again, or not to be read any more."""
        self._unreadable.pop(pod_uid, None)

    def discard(self) -> None:
        """Forget all that was measured."""
        self._series.clear()

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        self._expected_since += by
        for series in self._series.values():
            series.window.shift(by)
            if series.last_end is not None:
                series.last_end += by
            if series.used is not None:
                series.used += by

    def _plan_of(self, result: RoundResult) -> Known | Rejection:
        current = self._current.get(result.check.path)
        if current is None:
            return Rejection.UNKNOWN_PROBE
        if result.check.uid != current.plan.uid:
            return Rejection.FOREIGN_CHECK
        previous = self._previous.get(result.check.path)
        for known in (current, previous):
            if known is not None and known.nonce == result.check.nonce:
                return known
        return Rejection.OTHER_PLAN


def _within(probe: PlannedProbe, result: RoundResult) -> bool:
    """Whether the figures are such as the planned packets can give: windows add up no more than that."""
    method = METHODS[probe.type]
    most = probe.packets + (MAX_CLOSING * probe.flows if method.directed else 0)
    flows = result.figure(Flows)
    if (method.sends_count and result.sent > most) or (flows and len(flows.flows) != probe.flows):
        return False
    return (result.rtt.max or 0) <= probe.timeout_ms * MILLISECOND + READ_LATE
