"""Part of a check's state: what was measured, which results count, and what they add up to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ipsecping.contract import (
    METHODS,
    Flows,
    PlannedCheck,
    PlannedProbe,
    RoundResult,
    destination,
    per_address,
)
from ipsecping.contract.bounds import DAY_MS, MAX_CLOSING
from ipsecping_operator.compile.compiled import CompiledCheck
from ipsecping_operator.verdict.comparison import DATAGRAMS
from ipsecping_operator.verdict.instance import Instance
from ipsecping_operator.verdict.judge import ProbeKey
from ipsecping_operator.verdict.route import Sender
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from . import timetable
from .path_changes import PathChanges
from .rejection import Rejection
from .series import Basis, Resolved, Rounds, Series
from .unreadable import Unreadable

MILLISECOND = 1_000_000
READ_LATE = 10_000 * MILLISECOND
"""An answer that came in time may be read so much later: where the kernel did not stamp it, that counts."""


@dataclass(frozen=True, slots=True)
class Known:
    """A plan that results may name, with its nonce worked out once."""

    plan: PlannedCheck
    nonce: str
    per_node: bool = False
    """Whether each node measures for itself."""

    def basis(self, probe: PlannedProbe) -> Basis:
        """What rounds of one of its probes have in common."""
        return Basis(self.plan.target, probe, self.per_node, per_address(self.plan, probe))


class Named(NamedTuple):
    """The newest run-now request that a result of a path has named."""

    identifier: str
    nodes: frozenset[str]
    """On which pods have run the extra round for it."""


class Measured:
    """Windows and counters of each probe, the plans results may be of, and agents that cannot be read."""

    __slots__ = (
        "_changes",
        "_crowded",
        "_current",
        "_expected_since",
        "_length",
        "_previous",
        "_requests",
        "_resolved",
        "_series",
        "_suspended",
        "_unreadable",
    )

    def __init__(self) -> None:
        self._current: dict[str, Known] = {}
        self._previous: dict[str, Known] = {}
        self._series: dict[ProbeKey, Series] = {}
        self._crowded: dict[ProbeKey, int] | None = None
        self._requests: dict[str, Named] = {}
        self._resolved: dict[str, Resolved] = {}
        self._length = 0
        self._suspended = False
        self._expected_since = 0
        self._unreadable: dict[str, Unreadable] = {}
        self._changes = PathChanges()

    @property
    def path_changes(self) -> PathChanges:
        """When packets began to take another way."""
        return self._changes

    @property
    def current(self) -> Mapping[str, Known]:
        """Path to the plan that its agent has or is about to get."""
        return self._current

    @property
    def series(self) -> Mapping[ProbeKey, Series]:
        """What was measured, by path and probe."""
        return self._series

    @property
    def requests(self) -> Mapping[str, Named]:
        """Path to the newest run-now request that a result has named."""
        return self._requests

    @property
    def resolved(self) -> Mapping[str, Resolved]:
        """Path to the target's address as it was last resolved."""
        return self._resolved

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
        plans = {
            path.plan.path: Known(path.plan, path.plan.nonce, path.placement.every_node)
            for path in check.paths
        }
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
        resolved = {path: target for path, target in self._resolved.items() if path in plans}
        length = check.thresholds.window_ms * MILLISECOND
        # Only now, so that a fault above leaves everything as it was and is tried again as a whole.
        self._current, self._previous, self._series, self._resolved = plans, previous, series, resolved
        self._length, self._suspended = length, check.suspend
        for (path, _), each in self._series.items():
            for rounds in each.parts:
                rounds.window.length = length
                if path in changed:
                    # It may have another interval.
                    rounds.used = None
        return bool(changed)

    def accept(
        self,
        result: RoundResult,
        *,
        start: int,
        now: int,
        node: str | None = None,
        pod_uid: str | None = None,
    ) -> Rejection | None:
        """Count a round that began at `start` on the operator's clock, or say why not.

        `pod_uid` and `node` are those of the pod that tells it.
        """
        found = self._plan_of(result)
        if isinstance(found, Rejection):
            return found
        plan = found.plan
        probe = next((p for p in plan.probes if p.name == result.probe and p.type == result.type), None)
        if probe is None:
            return Rejection.UNKNOWN_PROBE
        if not _within(probe, result):
            return Rejection.BEYOND_PLAN
        key, basis = (plan.path, probe.name), found.basis(probe)
        series = self._series.get(key)
        if series is None or series.basis != basis:
            if series is not None and found is not self._current[plan.path]:
                return Rejection.OTHER_PLAN
            series = self._series[key] = Series(
                Window(length=self._length), basis=basis, instances={} if basis.instances else None
            )
        # The clock may have been set back since the round was placed.
        start = min(start, now - result.duration)
        rounds = self._rounds_of(found, series, result, node=node, now=now)
        if rounds is None:
            self._crowded = {**self.crowded, key: now}
            return Rejection.TOO_MANY_INSTANCES
        if plan.interval_ms is not None:
            run_now = result.run_now is not None
            used = timetable.used(plan.interval_ms, probe, run_now=run_now, start=start, before=rounds.used)
            if used is None:
                return Rejection.OFF_SCHEDULE
            rounds.used = used
        tally = Tally.of(result, start=start)
        sender = Sender(pod_uid, node, result.remote_ip)
        if changes := rounds.add(tally, sender, timed=result.type in DATAGRAMS, now=now):
            of = basis.instance(node=node, address=result.remote_ip)
            interval = (plan.interval_ms or DAY_MS) * MILLISECOND
            self._changes.note(changes, at=tally.end, probe=key, instance=of, interval=interval)
        if rounds is not series:
            series.totals.add(tally)
            series.last_end = max(tally.end, series.last_end or 0)
        if result.run_now is not None:
            self._note_request(plan.path, result.run_now, node=node)
        self._note_target(plan, probe, result, start=start)
        return None

    def windows(self, *, now: int) -> dict[ProbeKey, Window]:
        """The windows as they are at `now`; empty ones of probes with instances, see `instances`."""
        for (path, _), series in self._series.items():
            series.forget(now=now, least=_unheard(self._current[path].plan, series.basis.probe))
        if self._crowded is not None:
            recent = {key: at for key, at in self._crowded.items() if at + self._length > now}
            self._crowded = recent or None
        return {key: series.window for key, series in self._series.items()}

    @property
    def crowded(self) -> Mapping[ProbeKey, int]:
        """Probes that had results of too many instances, and when they had the last."""
        return self._crowded or {}

    @property
    def instances(self) -> dict[ProbeKey, dict[Instance, Window]]:
        """The windows of each instance of probes that have several."""
        return {
            key: {of: rounds.window for of, rounds in series.instances.items()}
            for key, series in self._series.items()
            if series.instances is not None
        }

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
            series.shift(by)
        self._changes.shift(by)
        for target in self._resolved.values():
            if target.stale_since is not None:
                target.stale_since += by

    def _note_target(
        self, plan: PlannedCheck, probe: PlannedProbe, result: RoundResult, *, start: int
    ) -> None:
        """Remember what the target of a path stood for."""
        if result.remote_ip is not None and destination(probe, plan.target) == plan.target:
            age = result.address_age
            since = None if age is None else start - age
            self._resolved[plan.path] = Resolved(result.remote_ip, result.addresses, since)

    def _note_request(self, path: str, identifier: str, *, node: str | None) -> None:
        before = self._requests.get(path)
        nodes = before.nodes if before is not None and before.identifier == identifier else frozenset[str]()
        self._requests[path] = Named(identifier, nodes if node is None else nodes | {node})

    def _rounds_of(
        self, known: Known, series: Series, result: RoundResult, *, node: str | None, now: int
    ) -> Rounds | None:
        """Where a result belongs; None where there are too many instances."""
        basis = series.basis
        if not basis.instances:
            return series
        unheard_since = now - _unheard(known.plan, basis.probe)
        of = basis.instance(node=node, address=result.remote_ip)
        return series.instance(of, length=self._length, unheard_since=unheard_since)

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


def _unheard(plan: PlannedCheck, probe: PlannedProbe) -> int:
    """How long (nanoseconds) an instance may be silent that is still measured: it may miss a round or two."""
    interval = plan.interval_ms or DAY_MS
    return (4 * interval + probe.round_ms) * MILLISECOND


def _within(probe: PlannedProbe, result: RoundResult) -> bool:
    """Whether the figures are such as the planned packets can give: windows add up no more than that."""
    method = METHODS[probe.type]
    most = probe.packets + (MAX_CLOSING * probe.flows if method.directed else 0)
    flows = result.figure(Flows)
    if (method.sends_count and result.sent > most) or (flows and len(flows.flows) != probe.flows):
        return False
    return (result.rtt.max or 0) <= probe.timeout_ms * MILLISECOND + READ_LATE
