"""Which path is preferred, and why that changed: the one in use stays until it is not healthy. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile.compiled import CompiledCheck, Interval

from .judge import Verdict
from .path import PathVerdict

MILLISECOND = 1_000_000
RETURNED, REMOVED = "PathReturned", "PathRemoved"
"""Reasons of a change beside those of the condition Healthy."""
UNMEASURED = (HealthyReason.NO_RESULTS, HealthyReason.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Streak:
    """Rounds of a path in succession, as long as it is healthy."""

    rounds: int
    newest: int
    """End of the newest one (nanoseconds)."""


NO_STREAKS: Mapping[str, Streak] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Preference:
    """The path that is preferred, and since how many rounds each path is healthy."""

    path: str | None = None
    """None until all have been measured."""
    streaks: Mapping[str, Streak] = field(default_factory=lambda: NO_STREAKS)

    def shifted(self, by: int) -> "Preference":
        """The same on a clock that was set forward by so many nanoseconds."""
        if not self.streaks:
            return self
        moved = {name: replace(each, newest=each.newest + by) for name, each in self.streaks.items()}
        return replace(self, streaks=moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The preferred path is another one than before."""

    before: str
    after: str
    at: int
    reason: str
    """Why the path before is not preferred any more: its reason of Healthy, or one of those above."""
    message: str
    bad: bool
    """Because the one before is not healthy, rather than because a better one is."""


def prefer(before: Preference, verdict: Verdict, *, now: int) -> tuple[Preference, Move | None]:
    """The preferred path after one more verdict, and the change where there is one.

    The one in use stays while it is healthy, unless one that stands before it in the spec has been healthy
    for `thresholds.preferAfter` rounds; so it does while it is not measured yet, unless any other has been.
    Where it is not healthy the first that is takes over, rather one that has been so for as long; where none
    is, it stays: no other is better.
    """
    check = verdict.check
    if check is None or len(verdict.paths) == 1:
        name = verdict.paths[0].name
        return _changed(Preference(name), before.path, verdict, now=now)
    streaks = {path.name: _streak(check, path, before.streaks.get(path.name)) for path in verdict.paths}
    kept = {name: streak for name, streak in streaks.items() if streak is not None}
    if before.path is None and not settled(verdict):
        return Preference(None, kept), None
    long = {name for name, streak in kept.items() if streak.rounds >= check.thresholds.prefer_after}
    chosen = _chosen(before.path, verdict, long)
    return _changed(Preference(chosen.name, kept), before.path, verdict, now=now)


def settled(verdict: Verdict) -> bool:
    """Every path has been measured: what is preferred is no accident of whose pod started first."""
    return all(path.finding.reason not in UNMEASURED for path in verdict.paths)


def _chosen(before: str | None, verdict: Verdict, long: set[str]) -> PathVerdict:
    paths = verdict.paths
    healthy = [path for path in paths if path.healthy]
    current = next((path for path in paths if path.name == before), None)
    if current is None:
        # What nothing is known of yet, a new path, may well work.
        unknown = (path for path in paths if path.finding.status is ConditionStatus.UNKNOWN)
        return next(iter(healthy), None) or next(unknown, paths[0])
    steady = [path for path in healthy if path.name in long]
    if current.healthy:
        better = paths[: paths.index(current)]
        return next((path for path in steady if path in better), current)
    if current.finding.reason in UNMEASURED:
        return next(iter(steady), current)
    return next(iter([*steady, *healthy]), current)


def _streak(check: CompiledCheck, path: PathVerdict, before: Streak | None) -> Streak | None:
    """Count a round that is newer by half an interval: nodes and extra rounds tell theirs in between."""
    newest = path.head.measured
    if not path.healthy or newest is None:
        return None
    if before is None:
        return Streak(1, newest)
    schedule = check.schedule
    apart = schedule.interval_ms * MILLISECOND // 2 if isinstance(schedule, Interval) else 1
    return Streak(before.rounds + 1, newest) if newest >= before.newest + apart else before


def _changed(
    now_preferred: Preference, before: str | None, verdict: Verdict, *, now: int
) -> tuple[Preference, Move | None]:
    after = now_preferred.path
    if before is None or after is None or after == before:
        return now_preferred, None
    old = next((path for path in verdict.paths if path.name == before), None)
    reason, why = _why(after, old, verdict)
    move = Move(
        before=before, after=after, at=now, reason=reason, message=f"{after} instead of {before}: {why}",
        bad=old is not None and not old.healthy,
    )  # fmt: skip
    return now_preferred, move


def _why(after: str, old: PathVerdict | None, verdict: Verdict) -> tuple[str, str]:
    if old is None:
        return REMOVED, "that path is no longer in the spec"
    if old.finding.status is ConditionStatus.TRUE:
        rounds = verdict.check.thresholds.prefer_after if verdict.check is not None else 0
        return (
            RETURNED,
            f"{after} has been healthy for {rounds} rounds (thresholds.preferAfter), and stands before it in "
            "the spec",
        )
    return old.finding.reason.value, f"{old.finding.reason}: {old.finding.message}"
