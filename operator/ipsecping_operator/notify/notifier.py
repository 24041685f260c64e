"""Turn reports of checks into alerts and events for whoever is to be notified."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ipsecping.contract import ProbeType
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, HealthyReason
from ipsecping_operator.check.reported import Report, Reported
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.metrics.alerting import routing_labels
from ipsecping_operator.status.diagnosis import is_of_outage
from ipsecping_operator.status.silence import is_open
from ipsecping_operator.verdict.window import Window

from . import alert_kinds as kinds
from .alert_book import AlertBook, Held
from .alertmanager import Alertmanager
from .alerts import FLAPPING_OUTAGES, Alert, Labels, ProbeKey, Subject, alerts_of, path_down
from .cloud_event import CheckEvent, Origin, first_notified, of_diagnosis, of_transition, transition, untold
from .findings import ProbeFinding, findings
from .gateways import PathFacts, gateway_routing
from .webhook import Webhook

SECOND = 1_000_000_000
AN_HOUR = 3600 * SECOND
OUTAGE_LEFT = 60.0
"""Seconds beyond the window for which the losses of an outage are no fault of their own."""

DECIDED, UNREAD = -1, -2


@dataclass(slots=True)
class _Check:
    """What is kept of one check."""

    reported: Reported
    down: dict[ProbeKey, float] = field(default_factory=dict)
    """When a probe was last seen to be down; seconds of the steady clock."""
    answered: dict[ProbeKey, int] = field(default_factory=dict)
    """Of a probe that loses, packets answered when that was first seen; DECIDED: it was answered since;
    UNREAD: an earlier run of the operator saw it, whose results have not been read again yet."""
    earlier: Report | None = None
    """The last report of that run, as long as anything is UNREAD."""
    behind: str | None = None
    """ID of the newest event about Healthy, which the next one follows; None: nothing was looked at yet."""


class Notifier:
    """Told of each report, it never waits and never raises for a receiver's sake."""

    def __init__(
        self,
        *,
        book: AlertBook,
        alertmanagers: Collection[Alertmanager],
        webhook: Webhook | None,
        remember: Callable[[str], None],
        clock: Callable[[], int],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives the Unix time in nanoseconds.

        `remember(uid)` is called when the check's status is to say anew what the webhook has been told.
        """
        self._remember = remember
        self._ends = False
        self._book = book
        self._alertmanagers = alertmanagers
        self._webhook = webhook
        self._clock = clock
        self._steady = steady
        self._checks: dict[str, _Check] = {}

    def reported(self, state: CheckState, before: Report) -> None:
        """Take in that a check was reported on; `before` is the report before."""
        check = state.applied.compiled
        if check is None or not (self._alertmanagers or self._webhook):
            return
        known = self._checks.get(state.uid)
        kept = self._checks.setdefault(state.uid, _Check(state.reported)) if known is None else known
        if self._alertmanagers:
            if known is None:
                self._inherit(state, check, before, kept)
            self._take_in(state, check, kept)
        if self._webhook is not None and check.alerting.enabled:
            self._tell(self._webhook, state, check, before, kept)

    def settled(self, uid: str, event: CheckEvent) -> None:
        """Take in that the webhook has taken an event of the check, or has refused it for good."""
        kept = self._checks.get(uid)
        if kept is None or kept.reported.notified is None:
            return
        kept.reported.notify(event.settled(kept.reported.notified))
        if not self._ends:
            self._remember(uid)

    def lapsed(self, uid: str) -> None:
        """Take in that the webhook has not taken the last event of the check for hours.

        What still is so is to be told as it is now, as after a restart: else a receiver that is back would
        learn of it with the next transition.
        """
        kept = self._checks.get(uid)
        if kept is not None:
            kept.behind = None
            self._remember(uid)

    def forget(self, uid: str) -> None:
        """Forget a check that has gone: its alerts are over."""
        if self._checks.pop(uid, None) is not None:
            self._put(uid, (), ())

    def shift(self, by: int) -> None:
        """Follow the wall clock, which was set forward by so many nanoseconds (back: negative)."""
        self._book.shift(by)
        for kept in self._checks.values():
            kept.earlier = None if kept.earlier is None else kept.earlier.shifted(by)

    def tasks(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield what is to be run as long as the operator leads, and the names of these tasks."""
        for number, each in enumerate(self._alertmanagers):
            yield each.run, f"alertmanager {number}"
        if self._webhook is not None:
            yield self._webhook.run, "webhook"

    async def close(self, *, seconds: float) -> None:
        """Try once more to tell what waits, for at most so long; tasks have ended, statuses are written."""
        self._ends = True
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
        kept.answered = {(each.path, each.probe): UNREAD for each in found if each.reason in kinds.LOSSES}
        kept.earlier = before if kept.answered else None
        outage = before.outages[0] if before.outages else None
        if outage is not None and outage.reason == HealthyReason.DOWN:
            ended = 0.0 if outage.end is None else max((wall - outage.end) / SECOND, 0.0)
            kept.down = {
                (path.plan.path, probe.name): now - ended
                for path in check.paths
                for probe in path.plan.probes
            }

        def age_of(alert: Alert) -> float:
            kind = ConditionType.READY if alert.kind is kinds.CHECK_NOT_READY else ConditionType.HEALTHY
            return _age(before, kind, wall)

        firing = dict[Labels, Held]()
        if facts := _facts(state, check, before, found):
            of_check = _age(before, ConditionType.HEALTHY, wall)
            firing.update(self._book.inherit_facts(state.uid, facts, age=of_check, now=now, wall=wall))
        if alerts := self._alerts(state, check, before, found, kept, now=now, wall=wall):
            self._book.put(state.uid, alerts, now=now, wall=wall, age=age_of)
            firing.update(self._book.firing_of(state.uid, now))
        for alertmanager in self._alertmanagers if facts or alerts else ():
            alertmanager.assume(firing)

    def _take_in(self, state: CheckState, check: CompiledCheck, kept: _Check) -> None:
        now, wall, report = self._steady(), self._clock(), state.reported.last
        found = findings(check, report, judged=not state.reported.without_figures, now=wall)
        if found is None and check.alerting.enabled and not is_open(report.conditions):
            return  # the operator has failed: what was known of the tunnel goes on
        found = found or ()
        for each in found:
            if each.down or (each.silent and path_down(found, each.path)):
                kept.down[each.path, each.probe] = now
        kept.answered = dict(_answered(state, found, kept.answered, caught_up=report.restored is None))
        alerts = self._alerts(state, check, report, found, kept, now=now, wall=wall)
        if kept.earlier is not None and UNREAD not in kept.answered.values():
            self._inherit_losses(state.uid, alerts, kept.earlier)
            kept.earlier = None
        self._put(state.uid, alerts, _facts(state, check, report, found))

    def _inherit_losses(self, uid: str, alerts: Collection[Alert], earlier: Report) -> None:
        """Take it that the run before told of loss that was no beginning of an outage, as is known by now."""
        now, wall = self._steady(), self._clock()
        losses = [each for each in alerts if each.kind.part_of_outage and not each.later]
        if not losses:
            return
        age = _age(earlier, ConditionType.HEALTHY, wall)
        self._book.put(uid, alerts, now=now, wall=wall, age=lambda alert: age if alert in losses else 0.0)
        for alertmanager in self._alertmanagers:
            alertmanager.assume(self._book.firing_of(uid, now))

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
    ) -> None:
        after, now = state.reported.last, self._clock()
        origin = Origin(source=webhook.source, check=check)
        if kept.behind is None:
            self._resume(webhook, state, origin, before, kept)
        assert kept.behind is not None
        if transition(before, after):
            event = of_transition(
                origin, before.conditions.get(ConditionType.HEALTHY), after, behind=kept.behind, now=now
            )
            kept.behind = event.id
            webhook.put(state.uid, event, namespace=state.namespace)
        if after.diagnosis is not None and not after.diagnosis.is_same(before.diagnosis):
            event = of_diagnosis(origin, after, after.diagnosis, now=now)
            webhook.put(state.uid, event, namespace=state.namespace)

    def _resume(
        self, webhook: Webhook, state: CheckState, origin: Origin, before: Report, kept: _Check
    ) -> None:
        """Tell what an earlier run had written into the status and not told for certain."""
        now, known = self._clock(), state.reported.notified
        if known is None:
            known = first_notified(origin.check, before)
            state.reported.notify(known)
        kept.behind = known.id
        if untold(known, before):
            event = of_transition(origin, known, before, behind=known.id, now=now)
            kept.behind = event.id
            webhook.put(state.uid, event, namespace=state.namespace)
        if before.diagnosis is not None and not known.knows_diagnosis(before.diagnosis.at):
            event = of_diagnosis(origin, before, before.diagnosis, now=now)
            webhook.put(state.uid, event, namespace=state.namespace)


def _answered(
    state: CheckState, found: Collection[ProbeFinding], before: Mapping[ProbeKey, int], *, caught_up: bool
) -> Iterator[tuple[ProbeKey, int]]:
    """Yield what is kept in `_Check.answered` of each probe that loses; `before`: what was kept.

    `caught_up`: what an earlier run of the operator knew was read again.
    """
    for each in found:
        if each.reason in kinds.LOSSES:
            probe = each.path, each.probe
            series = state.measured.series.get(probe)
            count = 0 if series is None else series.totals.received
            known = before.get(probe, count)
            if known != UNREAD:
                yield probe, count if known == count else DECIDED
            elif not caught_up:
                yield probe, UNREAD
            else:
                windows = () if series is None else (part.window for part in series.parts)
                yield probe, DECIDED if any(map(Window.answered_since_loss, windows)) else count


def _age(report: Report, kind: ConditionType, wall: int) -> float:
    """For how many seconds a condition of a check has lasted, as far as anything could be told of it."""
    condition = report.conditions.get(kind)
    if condition is None:
        return 0.0
    # Before the last window of maintenance has closed nothing was told, nor lasted.
    silent_until = report.maintenance.until
    since = max(condition.lasts_since, 0 if silent_until is None else silent_until)
    return max((wall - since) / SECOND, 0.0)


def _outages(report: Report, wall: int) -> int:
    return sum(outage.start >= wall - AN_HOUR for outage in report.outages)


def _facts(
    state: CheckState, check: CompiledCheck, report: Report, found: Collection[ProbeFinding]
) -> tuple[PathFacts, ...]:
    """What the check's paths say of its gateway; nothing where no critical alert about it is wanted."""
    if not check.gateway or not check.alerting.enabled or check.alerting.severity != "Critical":
        return ()
    if is_open(report.conditions):
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
