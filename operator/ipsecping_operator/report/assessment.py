"""Assess a check: judge what was measured, set conditions, follow outages, build the status. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ipsecping.printable import shortened
from ipsecping_operator.api.conditions import (
    ConditionStatus,
    ConditionType,
    HealthyReason,
    ReadyReason,
    StalledReason,
)
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.reported import NO_ADDRESSES, Report, Restored
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.status.addresses import AddressChange, follow_addresses
from ipsecping_operator.status.build import build_status
from ipsecping_operator.status.conditions import (
    MAX_MESSAGE,
    Condition,
    Conditions,
    condition,
    transitions,
)
from ipsecping_operator.status.diagnosis import DiagnosisOutcome, is_of_outage
from ipsecping_operator.status.held import Held, held_by
from ipsecping_operator.status.run_now import RunNowOutcome
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.hysteresis import Latches, reported_as
from ipsecping_operator.verdict.instance import WHOLE, Instance
from ipsecping_operator.verdict.judge import Expectation, ProbeKey, Verdict, judge
from ipsecping_operator.verdict.outage import Outage, end_running, follow

from .carrying import are_newest, awaited_until, caught_up, nodes_of
from .maintenance import Followed, follow_maintenance, maintained, resurfaced
from .missing_jobs import missing_job
from .missing_pods import MissingPod, missing_pod
from .paths import PathReport, report_paths
from .readiness import prober_fault
from .silence import with_trouble
from .target_addresses import target_addresses

Outages = tuple[Outage, ...]

SECOND = 1_000_000_000
UNMEASURED = "nothing is measured while the spec is invalid"
NOT_YET = "this run of the operator has not come to the check yet; its log says what keeps it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The report on one check, what of it is news, and when time alone may change it."""

    status: Mapping[str, Any]
    before: Conditions
    changed: tuple[Condition, ...]
    """Conditions with a new status or reason."""
    resurfaced: tuple[Condition, ...]
    """Conditions that were bad already when a window of maintenance closed, and that nobody was told of."""
    paths: PathReport
    """News of its paths."""
    run_now: RunNowOutcome | None
    """News of the annotation run-now."""
    diagnosis: DiagnosisOutcome | None
    """News of what a diagnosis has come to."""
    address_changes: tuple[AddressChange, ...]
    """Paths whose target stands for other addresses."""
    urgent: bool
    """Something happened that people wait for."""
    next_change: int | None
    report: Report
    """What the next assessment is compared with, once this one was told."""

    @property
    def to_tell(self) -> tuple[Condition, ...]:
        """The conditions that somebody may have to be told of."""
        return (*self.changed, *self.resurfaced)


def assess(
    state: CheckState, *, now: int, fault: Fault | None = None, forced: bool = False
) -> Assessment | None:
    """Judge the check at `now`; None before it was reconciled once, unless `forced` or a fault stands.

    Nothing counts as reported before `Reported.judged` is told. While the `fault` of the operator stands, no
    more is claimed than that.
    """
    applied, last = state.applied, state.reported.last
    if state.metadata is None or (applied.readiness is None and fault is None and not forced):
        return None
    generation = state.generation
    before = last.conditions
    verdict = None if applied.compiled is None else _judge(state, applied.compiled, now=now)
    addresses = target_addresses(state, verdict)
    carried_over = None if caught_up(state) else last.restored
    awaited = awaited_until(state, carried_over, now=now)
    is_newest = are_newest(state, carried_over, awaited=awaited is not None)
    windows = follow_maintenance(last.maintenance, before, applied.compiled, generation=generation, now=now)
    silent = windows.maintenance.silent
    carried = fault is None and awaited is not None and ConditionType.HEALTHY in before
    conditions: dict[ConditionType, Condition] = {}
    judged = None if fault is not None or carried else verdict
    outages, outages_begun, outage_time = _outages_after(
        last, judged, windows, first_seen=state.observed.first_seen, now=now
    )

    def put(kind: ConditionType, reason: Any, message: str) -> None:
        conditions[kind] = condition(kind, reason, message, previous=before, generation=generation, now=now)

    missing = missing_pod(
        applied.compiled,
        state.observed.missing_pods,
        state.observed.unplaced,
        state.observed.refused_pods,
    )
    ready = _ready(state, missing, fault, now=now)
    if ready is not None:
        put(ConditionType.READY, ready.reason, ready.message)
    elif ConditionType.READY in before:
        conditions[ConditionType.READY] = before[ConditionType.READY]
    if fault is not None:
        put(ConditionType.HEALTHY, HealthyReason.INTERNAL_ERROR, fault.message)
    elif carried:
        conditions[ConditionType.HEALTHY] = before[ConditionType.HEALTHY]
    elif verdict is None:
        put(ConditionType.HEALTHY, HealthyReason.NO_RESULTS, UNMEASURED if applied.invalid else NOT_YET)
    else:
        message = with_trouble(state, verdict.finding, addresses.values())
        if verdict.finding.status is ConditionStatus.FALSE:
            message = with_diagnosis(message, state.diagnosed.outcome, outages)
        put(ConditionType.HEALTHY, verdict.finding.reason, message)
    conditions |= windows.conditions
    if applied.invalid is not None:
        put(ConditionType.STALLED, StalledReason.INVALID_SPEC, str(applied.invalid))
    paths = report_paths(
        state,
        None if fault is not None else verdict,
        known=not carried and not is_newest,
        silent=silent,
        now=now,
    )
    if verdict is not None:
        verdict = replace(verdict, chosen=paths.reported.preference.path)
    figures_stand = carried_over is not None and is_newest
    held = last.held if verdict is None or figures_stand else held_by(verdict)
    news = applied.run_now if applied.run_now != last.run_now else None
    diagnosis = state.diagnosed.outcome
    diagnosed = None if diagnosis is None or diagnosis.is_same(last.diagnosis) else diagnosis
    # Of what is read again only a part may be known yet.
    known = addresses if awaited is None else {}
    told, address_changes, tell_again = follow_addresses(last.addresses, known, now=now)
    status = build_status(
        generation=generation,
        verdict=verdict,
        conditions=conditions,
        outages=outages,
        run_now=applied.run_now,
        diagnosis=diagnosis,
        addresses=addresses,
        moves=paths.reported.moves,
        path_changes=state.measured.path_changes.newest,
        maintenance=windows.maintenance,
        held=held,
        notified=state.reported.notified,
    )
    if carried_over is not None and figures_stand:
        status = {**status, **carried_over.figures}
    changed = tuple(transitions(before, conditions))
    return Assessment(
        status=status,
        before=before,
        changed=changed,
        resurfaced=tuple(resurfaced(windows, before, conditions)),
        paths=paths,
        run_now=news,
        diagnosis=diagnosed,
        address_changes=tuple(address_changes),
        urgent=bool(changed)
        or bool(address_changes)
        or news is not None
        or paths.is_news
        or diagnosed is not None
        or len(before) != len(conditions)
        or [outage.start for outage in last.outages] != [outage.start for outage in outages]
        or _has_figures(last.verdict) != _has_figures(verdict),
        next_change=_earliest(
            None if verdict is None else verdict.next_change,
            None if missing is None or now >= missing.since else missing.since,
            tell_again,
            awaited,
            windows.maintenance.changes,
        ),
        report=Report(
            conditions=conditions,
            verdict=verdict,
            restored=carried_over,
            held=held,
            paths=paths.reported,
            outages=outages,
            outages_begun=outages_begun,
            outage_time=outage_time,
            run_now=applied.run_now,
            diagnosis=diagnosis,
            maintenance=windows.maintenance,
            addresses=told or NO_ADDRESSES,
        ),
    )


def with_diagnosis(message: str, diagnosis: DiagnosisOutcome | None, outages: Outages) -> str:
    """Return the message of an unhealthy check: it ends in the diagnosis of the outage and its time, once
    there is one."""
    if diagnosis is None or not diagnosis.ran or not is_of_outage(diagnosis, outages):
        return message
    end = f"; diagnosed at {text.moment(diagnosis.at)}: {diagnosis.summary}"
    return shortened(message, MAX_MESSAGE - len(end)) + end


def _ready(
    state: CheckState, missing: MissingPod | None, fault: Fault | None, *, now: int
) -> Readiness | None:
    """What is to be said of Ready; None while this run of the operator cannot tell."""
    if fault is not None and fault.where is Where.RECONCILE:
        return Readiness(reason=ReadyReason.INTERNAL_ERROR, message=fault.message)
    ready = state.applied.readiness
    if ready is None:
        return None
    if missing is not None and now >= missing.since and ready.reason is ReadyReason.RECONCILED:
        return missing.readiness
    if ready.reason is ReadyReason.RECONCILED and (refused := missing_job(state, now=now)) is not None:
        return refused
    return prober_fault(state) or ready


def _earliest(*instants: int | None) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _judge(state: CheckState, check: CompiledCheck, *, now: int) -> Verdict:
    restored = state.reported.last.restored
    known_last = restored.last_result if restored else None
    return judge(
        check,
        state.measured.windows(now=now),
        expected=Expectation(
            since=state.measured.expected_since, known_last=known_last, nodes=nodes_of(state, check)
        ),
        now=now,
        latches=_latches(restored, state.reported.last.held),
        before=state.reported.last.verdict,
        instances=state.measured.instances,
        instance_latches=_instance_latches(restored, state.reported.last.held),
        measured={key: series.basis.probe for key, series in state.measured.series.items()},
    )


def _latches(restored: Restored | None, held: Held) -> Mapping[ProbeKey, Latches]:
    """Which limits an earlier run held as exceeded, by what the status says."""
    said: dict[ProbeKey, Latches] = {
        (str(entry.get("path")), str(entry.get("name"))): reported_as(str(entry.get("reason")))
        for entry in _probes_of(restored)
    }
    whole = {(path, probe): reason for (path, probe, of), reason in held.items() if of == WHOLE}
    return said | {key: reported_as(reason) for key, reason in whole.items()}


def _probes_of(restored: Restored | None) -> Iterator[Mapping[str, Any]]:
    """Go through the probes of a status, in which anything may stand."""
    listed = None if restored is None else restored.figures.get("probes")
    return (each for each in listed if isinstance(each, Mapping)) if isinstance(listed, list) else iter(())


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _instance_latches(restored: Restored | None, held: Held) -> Mapping[ProbeKey, Mapping[Instance, Latches]]:
    """The same of instances, so far as the status lists them."""
    latches = dict[ProbeKey, dict[Instance, Latches]]()
    for entry in _probes_of(restored):
        listed = entry.get("instances")
        if isinstance(listed, list):
            latches[str(entry.get("path")), str(entry.get("name"))] = {
                Instance(_text(each.get("node")), _text(each.get("address"))): reported_as(
                    str(each.get("reason"))
                )
                for each in listed
                if isinstance(each, Mapping)
            }
    for (path, probe, of), reason in held.items():
        latches.setdefault((path, probe), {})[of] = reported_as(reason)
    return latches


def _outages_after(
    last: Report, verdict: Verdict | None, windows: Followed, *, first_seen: int, now: int
) -> tuple[Outages, int, int]:
    """The outages after one more verdict, how many have begun, and how long those took that have ended.

    Without a verdict nothing begins; while a window of maintenance is open, nothing lasts either.
    """
    before = outages = last.outages
    if windows.maintenance.silent:
        outages = end_running(before, now=now)
    elif verdict is not None:
        window = maintained(windows, last.conditions, now=now)
        outages = follow(before, verdict, now=now, maintained=window)
    begun, time = last.outages_begun, last.outage_time
    if outages and (not before or before[0].start != outages[0].start):
        begun += 1
    elif outages and before[0].end is None and outages[0].end is not None:
        time += outages[0].end - max(outages[0].start, first_seen)
    return outages, begun, time


def _has_figures(verdict: Verdict | None) -> bool:
    return verdict is not None and any(probe.figures is not None for probe in verdict.probes)
