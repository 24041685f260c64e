"""From what was measured to what is reported: judge, set conditions, follow outages, build the status."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason, StalledReason
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.state import CheckState, Restored
from ipsecping_operator.status.build import build_status
from ipsecping_operator.status.conditions import Condition, condition, transitions
from ipsecping_operator.status.extra import ExtraRound
from ipsecping_operator.verdict.deadline import stale_at
from ipsecping_operator.verdict.hysteresis import Holds, restored
from ipsecping_operator.verdict.judge import Expectation, ProbeKey, Verdict, judge
from ipsecping_operator.verdict.outage import follow
from ipsecping_operator.verdict.preference import Move, moved, settled

from .podless import podless
from .readiness import complaint
from .silence import with_trouble

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The report on one check, and when time alone may change it."""

    status: Mapping[str, Any]
    changed: tuple[Condition, ...]
    """Conditions with a new status or reason."""
    move: Move | None
    """The preferred path is another one."""
    extra: ExtraRound | None
    """News of the annotation run-now."""
    urgent: bool
    """Something happened that people wait for."""
    next_change: int | None


def assess(state: CheckState, *, now: int) -> Assessment | None:
    """Judge the check at `now` and update what is reported of it; None before it was reconciled once."""
    if state.body is None or state.ready is None:
        return None
    generation = int(state.body["metadata"]["generation"])
    before, before_outages, before_verdict = dict(state.conditions), state.outages, state.verdict
    verdict = None if state.compiled is None else _judge(state, state.compiled, now=now)
    carried = verdict is not None and _still_carried(state, verdict, now=now)
    after: dict[ConditionType, Condition] = {}

    def put(kind: ConditionType, reason: Any, message: str) -> None:
        after[kind] = condition(kind, reason, message, previous=before, generation=generation, now=now)

    lacking = podless(state, now=now)
    ready = complaint(state) or state.ready
    if lacking is not None and now >= lacking.since and state.ready.reason is ReadyReason.RECONCILED:
        ready = lacking.readiness
    put(ConditionType.READY, ready.reason, ready.message)
    if carried:
        after[ConditionType.HEALTHY] = before[ConditionType.HEALTHY]
    elif verdict is None:
        put(ConditionType.HEALTHY, HealthyReason.NO_RESULTS, "nothing is measured while the spec is invalid")
    else:
        put(ConditionType.HEALTHY, verdict.finding.reason, with_trouble(state, verdict.finding))
        _follow_outages(state, verdict, now=now)
    if state.invalid is not None:
        put(ConditionType.STALLED, StalledReason.INVALID_SPEC, str(state.invalid))
    move = None if verdict is None or carried else _prefer(state, verdict)
    state.conditions, state.verdict = after, verdict
    news = state.extra if state.extra != state.extra_told else None
    state.extra_told = state.extra
    status = build_status(
        generation=generation,
        verdict=verdict,
        conditions=after,
        outages=state.outages,
        extra=state.extra,
    )
    if state.restored is not None:
        status = {**status, **state.restored.figures}
    changed = tuple(transitions(before, after))
    return Assessment(
        status=status,
        changed=changed,
        move=move,
        extra=news,
        urgent=bool(changed)
        or news is not None
        or move is not None
        or len(before) != len(after)
        or [outage.start for outage in before_outages] != [outage.start for outage in state.outages]
        or _has_figures(before_verdict) != _has_figures(verdict),
        next_change=_earliest(
            None if verdict is None else verdict.next_change,
            None if lacking is None or now >= lacking.since else lacking.since,
        ),
    )


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
    )


def _holds(state: CheckState) -> Mapping[ProbeKey, Holds]:
    """Which limits the last verdict held as exceeded; after a restart by what the status says."""
    if state.verdict is not None:
        return state.verdict.holds
    entries = state.restored.figures.get("probes") if state.restored else None
    return {
        (str(entry.get("path")), str(entry.get("name"))): restored(str(entry.get("reason")))
        for entry in entries or ()
        if isinstance(entry, Mapping)
    }


def _still_carried(state: CheckState, verdict: Verdict, *, now: int) -> bool:
    """Whether an earlier run's finding still stands: its results are being read again, and are not stale.

    Agents and finished pods hold them. Once every probe has been heard of, and the headline's newest result
    is no older than the one the status told of, this run knows as much as the one before it.
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
    if heard and lasts.get(_head(restored), max(lasts.values())) >= restored.last_result - SECOND:
        state.restored = None
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


def _prefer(state: CheckState, verdict: Verdict) -> Move | None:
    """Remember the preferred path; what there is to say when it is another one than before."""
    if state.restored is not None or verdict.finding.reason is HealthyReason.SUSPENDED:
        return None
    if state.preferred is None:
        state.preferred = verdict.preferred.name if settled(verdict) else None
        return None
    before, state.preferred = state.preferred, verdict.preferred.name
    return moved(before, verdict)


def _follow_outages(state: CheckState, verdict: Verdict, *, now: int) -> None:
    before = state.outages
    state.outages = follow(before, verdict, now=now)
    if not state.outages:
        return
    newest = state.outages[0]
    if not before or before[0].start != newest.start:
        state.outages_begun += 1
    elif before[0].end is None and newest.end is not None:
        state.outage_time += newest.end - max(newest.start, state.born)


def _has_figures(verdict: Verdict | None) -> bool:
    return verdict is not None and any(probe.figures is not None for probe in verdict.probes)
