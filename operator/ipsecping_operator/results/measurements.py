"""All that was measured for one check: which results count, and what they add up to. Pure."""

from dataclasses import dataclass, field

from ipsecping.contract import METHODS, PlannedCheck, PlannedProbe, RoundResult, destination
from ipsecping.contract.bounds import MAX_CLOSING
from ipsecping_operator.compile.compiled import CompiledCheck
from ipsecping_operator.verdict.judge import ProbeKey
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from . import timetable
from .rejection import Rejection
from .totals import Totals

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


@dataclass(slots=True)
class Measurements:
    """Windows and counters of one check, and the plans that results may come from."""

    current: dict[str, Known] = field(default_factory=dict)
    previous: dict[str, Known] = field(default_factory=dict)
    series: dict[ProbeKey, Series] = field(default_factory=dict)
    tickets: dict[str, str] = field(default_factory=dict)
    """Path to the ticket of the newest extra round that was heard of."""
    remote: dict[str, str] = field(default_factory=dict)
    """Path to the target's address as it was last resolved."""
    length: int = 0
    suspended: bool = False

    def follow(self, check: CompiledCheck) -> bool:
        """Take up a new version of the check; whether any path's plan changed.

        Until the first result of a new plan comes, the results of the one before it count.
        """
        plans = {path.plan.path: Known(path.plan, path.plan.nonce) for path in check.paths}
        changed = {
            path
            for path, known in plans.items()
            if path in self.current and self.current[path].nonce != known.nonce
        }
        previous = {
            path: self.current[path] if path in changed else self.previous[path]
            for path in plans
            if path in changed or path in self.previous
        }
        keys = {(path, probe.name) for path, known in plans.items() for probe in known.plan.probes}
        # What was measured before a pause says nothing about now.
        resumed = self.suspended and not check.suspend
        series = {} if resumed else {key: each for key, each in self.series.items() if key in keys}
        remote = {path: address for path, address in self.remote.items() if path in plans}
        length = check.thresholds.window_ms * MILLISECOND
        # Only now, so that a fault above leaves everything as it was and is tried again as a whole.
        self.current, self.previous, self.series, self.remote = plans, previous, series, remote
        self.length, self.suspended = length, check.suspend
        for (path, _), each in self.series.items():
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
        series = self.series.get(key)
        if series is None or series.basis != basis:
            if series is not None and found is not self.current[plan.path]:
                return Rejection.OTHER_PLAN
            series = self.series[key] = Series(basis=basis, window=Window(length=self.length))
        # The clock may have been set back since the round was placed.
        start = min(start, now - result.duration)
        if plan.interval_ms is not None:
            extra = result.run_now is not None
            used = timetable.used(plan.interval_ms, probe, extra=extra, start=start, before=series.used)
            if used is None:
                return Rejection.OFF_SCHEDULE
            series.used = used
        tally = Tally.of(result, start=start)
        series.window.add(tally, now=now)
        series.totals.add(tally)
        series.last_end = max(tally.end, series.last_end or 0)
        series.address = result.remote_ip
        if result.run_now is not None:
            self.tickets[plan.path] = result.run_now
        if result.remote_ip is not None and destination(probe, plan.target) == plan.target:
            self.remote[plan.path] = result.remote_ip
        return None

    def windows(self, *, now: int) -> dict[ProbeKey, Window]:
        """The windows as they are at `now`."""
        for series in self.series.values():
            series.window.forget(now=now)
        return {key: series.window for key, series in self.series.items()}

    def move(self, by: int) -> None:
        """The clock that all is placed on was set forward by so many nanoseconds (back: negative)."""
        for series in self.series.values():
            series.window.move(by)
            if series.last_end is not None:
                series.last_end += by
            if series.used is not None:
                series.used += by

    def _plan_of(self, result: RoundResult) -> Known | Rejection:
        current = self.current.get(result.check.path)
        if current is None:
            return Rejection.UNKNOWN_PROBE
        if result.check.uid != current.plan.uid:
            return Rejection.FOREIGN_CHECK
        previous = self.previous.get(result.check.path)
        for known in (current, previous):
            if known is not None and known.nonce == result.check.nonce:
                return known
        return Rejection.OTHER_PLAN


def _within(probe: PlannedProbe, result: RoundResult) -> bool:
    """Whether the figures are such as the planned packets can give: windows add up no more than that."""
    method = METHODS[probe.type]
    most = probe.count + (MAX_CLOSING if method.directed else 0)
    if method.sends_count and result.sent > most:
        return False
    return (result.rtt.max or 0) <= probe.timeout_ms * MILLISECOND + READ_LATE
