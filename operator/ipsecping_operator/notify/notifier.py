"""Turn reports of checks into alerts and events for whoever is to be notified."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ipsecping.contract import ProbeType
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, HealthyReason
from ipsecping_operator.check.reported import Report
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.metrics.alerting import routing_labels
from ipsecping_operator.status.diagnosis import is_of_outage
from ipsecping_operator.status.silence import is_open

from . import alert_kinds as kinds
from .alert_book import AlertBook
from .alertmanager import Alertmanager
from .alerts import FLAPPING_OUTAGES, Alert, ProbeKey, Subject, alerts_of, path_down
from .cloud_event import Origin, of_diagnosis, of_transition, transition
from .findings import ProbeFinding, findings
from .gateways import PathFacts, gateway_routing
from .webhook import Webhook

SECOND = 1_000_000_000
AN_HOUR = 3600 * SECOND
OUTAGE_LEFT = 60.0
"""Seconds beyond the window for which the losses of an outage are no fault of their own."""

DECIDED = -1


@dataclass(slots=True)
class _Check:
    """What is kept of one check."""

    down: dict[ProbeKey, float] = field(default_factory=dict)
    """When a probe was last seen to be down; seconds of the steady clock."""
    answered: dict[ProbeKey, int] = field(default_factory=dict)
    """Of a probe that loses, packets answered when that was first seen; DECIDED: it was answered since."""
    written: str | None = None
    told: dict[str, int] = field(default_factory=dict)
    """How often each reason was told while the API held `written`."""


class Notifier:
    """Told of each report, it never waits and never raises for a receiver's sake."""

    def __init__(
        self,
        *,
        book: AlertBook,
        alertmanagers: Collection[Alertmanager],
        webhook: Webhook | None,
        clock: Callable[[], int],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives the Unix time in nanoseconds."""
        self._book = book
        self._alertmanagers = alertmanagers
        self._webhook = webhook
        self._clock = clock
        self._steady = steady
        self._checks: dict[str, _Check] = {}

    def reported(self, state: CheckState, before: Report, written: str | None) -> None:
        """Take in that a check was reported on; `before` is the report before.

        `written` is a digest of the status that the API held.
        """
        check = state.applied.compiled
        if check is None or not (self._alertmanagers or self._webhook):
            return
        known = self._checks.get(state.uid)
        kept = self._checks.setdefault(state.uid, _Check()) if known is None else known
        if self._alertmanagers:
            if known is None:
                self._inherit(state, check, before, kept)
            self._take_in(state, check, kept)
        if self._webhook is not None and check.alerting.enabled:
            self._tell(self._webhook, state, check, before, kept, written)

    def forget(self, uid: str) -> None:
        """Forget a check that has gone: its alerts are over."""
        if self._checks.pop(uid, None) is not None:
            self._put(uid, (), ())

    def shift(self, by: int) -> None:
        """Follow the wall clock, which was set forward by so many nanoseconds (back: negative)."""
        self._book.shift(by)

    def tasks(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield what is to be run as long as the operator leads, and the names of these tasks."""
        for number, each in enumerate(self._alertmanagers):
            yield each.run, f"alertmanager {number}"
        if self._webhook is not None:
            yield self._webhook.run, "webhook"

    async def close(self, *, seconds: float) -> None:
        """Try once more to tell what waits, for at most so long; the tasks have ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for each in self._alertmanagers:
                    group.create_task(each.flush())
                if self._webhook is not None:
                    group.create_task(self._webhook.flush())

    def _inherit(self, state: CheckState, check: CompiledCheck, before: Report, kept: _Check) -> None:
        """Take it that the run before this one told what its last status deserved."""
        now, wall = self._steady(), self._clock()
        found = findings(check, before, judged=True, now=wall) or ()
        kept.answered = {(each.path, each.probe): DECIDED for each in found if each.reason in kinds.LOSSES}
        outage = before.outages[0] if before.outages else None
        if outage is not None and outage.reason == HealthyReason.DOWN:
            ended = 0.0 if outage.end is None else max((wall - outage.end) / SECOND, 0.0)
            kept.down = {
                (path.plan.path, probe.name): now - ended
                for path in check.paths
                for probe in path.plan.probes
            }

        def age(alert: Alert) -> float:
            kind = ConditionType.READY if alert.kind is kinds.CHECK_NOT_READY else ConditionType.HEALTHY
            condition = before.conditions.get(kind)
            if condition is None:
                return 0.0
            # Before the last window of maintenance has closed nothing was told, nor lasted.
            silent_until = before.maintenance.until
            since = max(condition.lasts_since, 0 if silent_until is None else silent_until)
            return max((wall - since) / SECOND, 0.0)

        alerts = self._alerts(state, check, before, found, kept, now=now, wall=wall)
        if alerts:
            self._book.put(state.uid, alerts, now=now, wall=wall, age=age)
            firing = self._book.firing_of(state.uid, now)
            for alertmanager in self._alertmanagers:
                alertmanager.assume(firing)

    def _take_in(self, state: CheckState, check: CompiledCheck, kept: _Check) -> None:
        now, wall, report = self._steady(), self._clock(), state.reported.last
        found = findings(check, report, judged=not state.reported.without_figures, now=wall)
        if found is None and check.alerting.enabled and not is_open(report.conditions):
            return  # the operator has failed: what was known of the tunnel goes on
        found = found or ()
        for each in found:
            if each.down:
                kept.down[each.path, each.probe] = now
        kept.answered = dict(_answered(state, found, kept.answered))
        alerts = self._alerts(state, check, report, found, kept, now=now, wall=wall)
        self._put(state.uid, alerts, _facts(state, check, found))

    def _put(self, uid: str, alerts: Collection[Alert], facts: tuple[PathFacts, ...]) -> None:
        now, wall = self._steady(), self._clock()
        changed = self._book.put(uid, alerts, now=now, wall=wall)
        changed = self._book.put_facts(uid, facts, now=now, wall=wall) or changed
        for each in self._alertmanagers if changed else ():
            each.changed()

    def _alerts(
        self,
        state: CheckState,
        check: CompiledCheck,
        report: Report,
        found: Collection[ProbeFinding],
        kept: _Check,
        *,
        now: float,
        wall: int,
    ) -> list[Alert]:
        if not check.alerting.enabled or is_open(report.conditions):
            return []
        ready, outages = report.conditions.get(ConditionType.READY), _outages(report, wall)
        calm = all(each.reason is HealthyReason.WITHIN_THRESHOLDS for each in found)
        settled = ready is None or ready.status is ConditionStatus.TRUE
        if calm and settled and outages < FLAPPING_OUTAGES:
            return []
        recent = check.thresholds.window_ms / 1000 + OUTAGE_LEFT
        kept.down = {key: at for key, at in kept.down.items() if now - at < recent}
        diagnosis = report.diagnosis
        explains = diagnosis is not None and diagnosis.ran and is_of_outage(diagnosis, report.outages)
        subject = Subject(
            routing={path.plan.path: routing_labels(state, path) for path in check.paths},
            found=tuple(found),
            ready=ready,
            healthy=report.conditions.get(ConditionType.HEALTHY),
            lately_down=kept.down.keys(),
            undecided={probe for probe, count in kept.answered.items() if count != DECIDED},
            outages=outages,
            diagnosis=diagnosis.summary if diagnosis is not None and explains else "",
        )
        return list(alerts_of(subject))

    def _tell(
        self,
        webhook: Webhook,
        state: CheckState,
        check: CompiledCheck,
        before: Report,
        kept: _Check,
        written: str | None,
    ) -> None:
        after, now = state.reported.last, self._clock()
        origin = Origin(source=webhook.source, check=check, written=written)
        if transition(before, after):
            if kept.written != written:
                kept.written, kept.told = written, {}
            reason = after.conditions[ConditionType.HEALTHY].reason
            nth = kept.told.get(reason, 0)
            kept.told[reason] = nth + 1
            webhook.put(state.uid, of_transition(origin, before, after, nth=nth, now=now))
        if after.diagnosis is not None and not after.diagnosis.is_same(before.diagnosis):
            webhook.put(state.uid, of_diagnosis(origin, after, after.diagnosis, now=now))


def _answered(
    state: CheckState, found: Collection[ProbeFinding], before: Mapping[ProbeKey, int]
) -> Iterator[tuple[ProbeKey, int]]:
    """Yield what is kept in `_Check.answered` of each probe that loses; `before`: what was kept."""
    for each in found:
        if each.reason in kinds.LOSSES:
            probe = each.path, each.probe
            series = state.measured.series.get(probe)
            count = 0 if series is None else series.totals.received
            yield probe, count if before.get(probe, count) == count else DECIDED


def _outages(report: Report, wall: int) -> int:
    return sum(outage.start >= wall - AN_HOUR for outage in report.outages)


def _facts(state: CheckState, check: CompiledCheck, found: Collection[ProbeFinding]) -> tuple[PathFacts, ...]:
    """What the check's paths say of its gateway; nothing where no critical alert about it is wanted."""
    if not check.gateway or not check.alerting.enabled or check.alerting.severity != "Critical":
        return ()
    if is_open(state.reported.last.conditions):
        return ()
    facts = []
    for path in check.paths:
        name = path.plan.path
        ike = [each.down for each in found if each.path == name and each.type is ProbeType.IKE]
        told = [each for each in ike if each is not None]
        facts.append(
            PathFacts(
                check=check.name,
                routing=gateway_routing(routing_labels(state, path)),
                down=path_down(tuple(found), name),
                ike_down=all(told) if told else None,
            )
        )
    return tuple(facts)
