"""From what was measured to what is reported: judge, set conditions, follow outages, build the status."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason, StalledReason
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.state import CheckState, Readiness, Restored
from ipsecping_operator.status.build import build_status
from ipsecping_operator.status.conditions import Condition, condition, transitions
from ipsecping_operator.status.extra import ExtraRound
from ipsecping_operator.verdict.deadline import stale_at
from ipsecping_operator.verdict.hysteresis import Holds, restored
from ipsecping_operator.verdict.judge import Expectation, ProbeKey, Verdict, judge
from ipsecping_operator.verdict.outage import Outage, follow
from ipsecping_operator.verdict.preference import Move, moved, settled

from .podless import Podless, podless
from .readiness import complaint
from .silence import with_trouble

SECOND = 1_000_000_000
UNMEASURED = "nothing is measured while the spec is invalid"
NOT_YET = "this run of the operator has not come to the check yet; its log says what keeps it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The report on one check, when time alone may change it, and what is to be remembered of it."""

    status: Mapping[str, Any]
    before: Mapping[ConditionType, Condition]
    changed: tuple[Condition, ...]
    """Conditions with a new status or reason."""
    move: Move | None
    """The preferred path is another one."""
    extra: ExtraRound | None
    """News of the annotation run-now."""
    urgent: bool
    """Something happened that people wait for."""
    next_change: int | None
    reported: "Reported"

    def commit(self, state: CheckState) -> None:
        """Remember it as reported. Only assignments: either all of it is remembered, or nothing."""
        made = self.reported
        state.conditions, state.verdict = made.conditions, made.verdict
        state.restored, state.preferred = made.restored, made.preferred
        state.outages, state.outages_begun = made.outages, made.outages_begun
        state.outage_time = made.outage_time
        state.extra_told, state.figureless = made.extra, False


@dataclass(slots=True, kw_only=True)
class Reported:
    """What of a check's state an assessment replaces."""

    conditions: dict[ConditionType, Condition]
    verdict: Verdict | None
    restored: Restored | None
    preferred: str | None
    outages: tuple[Outage, ...]
    outages_begun: int
    outage_time: int
    extra: ExtraRound | None


def assess(
    state: CheckState, *, now: int, fault: Fault | None = None, forced: bool = False
) -> Assessment | None:
    """Judge the check at `now`; None before it was reconciled once, unless `forced` or a fault stands.

    Changes nothing before `commit`. While the `fault` of the operator stands, no more is claimed than that.
    """
    if state.body is None or (state.ready is None and fault is None and not forced):
        return None
    generation = int(state.body["metadata"]["generation"])
    before = dict(state.conditions)
    verdict = None if state.compiled is None else _judge(state, state.compiled, now=now)
    restored = None if _caught_up(state) else state.restored
    carried = fault is None and _still_carried(state, restored, now=now)
    made = Reported(
        conditions={},
        verdict=verdict,
        restored=restored,
        preferred=state.preferred,
        outages=state.outages,
        outages_begun=state.outages_begun,
        outage_time=state.outage_time,
        extra=state.extra,
    )

    def put(kind: ConditionType, reason: Any, message: str) -> None:
        made.conditions[kind] = condition(
            kind, reason, message, previous=before, generation=generation, now=now
        )

    lacking = podless(state, now=now)
    ready = _ready(state, lacking, fault, now=now)
    if ready is not None:
        put(ConditionType.READY, ready.reason, ready.message)
    elif ConditionType.READY in before:
        made.conditions[ConditionType.READY] = before[ConditionType.READY]
    if fault is not None:
        put(ConditionType.HEALTHY, HealthyReason.INTERNAL_ERROR, fault.message)
    elif carried:
        made.conditions[ConditionType.HEALTHY] = before[ConditionType.HEALTHY]
    elif verdict is None:
        put(ConditionType.HEALTHY, HealthyReason.NO_RESULTS, UNMEASURED if state.invalid else NOT_YET)
    else:
        put(ConditionType.HEALTHY, verdict.finding.reason, with_trouble(state, verdict.finding))
        _follow_outages(made, verdict, born=state.born, now=now)
    if state.invalid is not None:
        put(ConditionType.STALLED, StalledReason.INVALID_SPEC, str(state.invalid))
    move = None if verdict is None or carried or fault is not None else _prefer(made, verdict)
    news = state.extra if state.extra != state.extra_told else None
    status = build_status(
        generation=generation,
        verdict=verdict,
        conditions=made.conditions,
        outages=made.outages,
        extra=state.extra,
    )
    if restored is not None:
        status = {**status, **restored.figures}
    changed = tuple(transitions(before, made.conditions))
    return Assessment(
        status=status,
        before=before,
        changed=changed,
        move=move,
        extra=news,
        urgent=bool(changed)
        or news is not None
        or move is not None
        or len(before) != len(made.conditions)
        or [outage.start for outage in state.outages] != [outage.start for outage in made.outages]
        or _has_figures(state.verdict) != _has_figures(verdict),
        next_change=_earliest(
            None if verdict is None else verdict.next_change,
            None if lacking is None or now >= lacking.since else lacking.since,
        ),
        reported=made,
    )


def _ready(state: CheckState, lacking: Podless | None, fault: Fault | None, *, now: int) -> Readiness | None:
    """What is to be said of Ready; None while this run of the operator cannot tell."""
    if fault is not None and fault.where is Where.RECONCILE:
        return Readiness(reason=ReadyReason.INTERNAL_ERROR, message=fault.message)
    if state.ready is None:
        return None
    if lacking is not None and now >= lacking.since and state.ready.reason is ReadyReason.RECONCILED:
        return lacking.readiness
    return complaint(state) or state.ready


def _earliest(*instants: int | None) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _judge(state: CheckState, check: CompiledCheck, *, now: int) -> Verdict:
    known_last = state.restored.last_result if state.restored else None
    return judge(
        check,
        state.measurements.windows(now=now),
        expected=Expectation(since=state.expected_since, known_last=known_last),
        now=now,
        holds=_holds(state),
        before=state.verdict,
    )


def _holds(state: CheckState) -> Mapping[ProbeKey, Holds]:
    """Which limits an earlier run held as exceeded, by what the status says."""
    entries = state.restored.figures.get("probes") if state.restored else None
    return {
        (str(entry.get("path")), str(entry.get("name"))): restored(str(entry.get("reason")))
        for entry in entries or ()
        if isinstance(entry, Mapping)
    }


def _caught_up(state: CheckState) -> bool:
    """Whether this run knows as much as the one before it: nothing is restored any more.

    Agents and finished pods hold what the earlier run knew. It is read again once every probe has been heard
    of, and the headline's newest result is no older than the one the status told of.
    """
    restored, check = state.restored, state.compiled
    if restored is None or check is None:
        return False
    lasts = {
        key: series.last_end
        for key, series in state.measurements.series.items()
        if series.last_end is not None
    }
    heard = len(lasts) == sum(len(path.plan.probes) for path in check.paths)
    # The status has whole seconds, and placing on the operator's clock is good to a second.
    return heard and lasts.get(_head(restored), max(lasts.values())) >= restored.last_result - SECOND


def _still_carried(state: CheckState, restored: Restored | None, *, now: int) -> bool:
    """Whether an earlier run's finding still stands: its results are being read again, and are not stale."""
    check = state.compiled
    if restored is None or check is None:
        return False
    if check.suspend or ConditionType.HEALTHY not in state.conditions:
        return False
    since = max(restored.last_result, state.expected_since)
    due = stale_at(check.schedule, since=since, round_ms=check.round_ms)
    return due is not None and now < due


def _head(restored: Restored) -> ProbeKey:
    """Whose last result the status told of."""
    head = restored.figures.get("headline")
    return (str(head.get("path")), str(head.get("probe"))) if isinstance(head, Mapping) else ("", "")


def _prefer(made: Reported, verdict: Verdict) -> Move | None:
    """Take up the preferred path; what there is to say when it is another one than before."""
    if made.restored is not None or verdict.finding.reason is HealthyReason.SUSPENDED:
        return None
    if made.preferred is None:
        made.preferred = verdict.preferred.name if settled(verdict) else None
        return None
    before, made.preferred = made.preferred, verdict.preferred.name
    return moved(before, verdict)


def _follow_outages(made: Reported, verdict: Verdict, *, born: int, now: int) -> None:
    before = made.outages
    made.outages = follow(before, verdict, now=now)
    if not made.outages:
        return
    newest = made.outages[0]
    if not before or before[0].start != newest.start:
        made.outages_begun += 1
    elif before[0].end is None and newest.end is not None:
        made.outage_time += newest.end - max(newest.start, born)


def _has_figures(verdict: Verdict | None) -> bool:
    return verdict is not None and any(probe.figures is not None for probe in verdict.probes)
