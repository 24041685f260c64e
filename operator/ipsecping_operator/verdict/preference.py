"""Which path is preferred, and why that changed. Pure."""

from dataclasses import dataclass

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason

from .judge import PathVerdict, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The preferred path is another one than before."""

    message: str
    bad: bool
    """Because the one before is not healthy, rather than because a better one is."""


def settled(verdict: Verdict) -> bool:
    """Every path has been measured: what is preferred is no accident of whose pod started first."""
    unmeasured = (HealthyReason.NO_RESULTS, HealthyReason.SUSPENDED)
    return all(path.finding.reason not in unmeasured for path in verdict.paths)


def moved(before: str, verdict: Verdict) -> Move | None:
    """Why the path `before` is not the preferred one any more; None while it is."""
    now = verdict.preferred
    if now.name == before:
        return None
    old = next((path for path in verdict.paths if path.name == before), None)
    return Move(
        message=f"{now.name} instead of {before}: {_why(now, old)}", bad=old is not None and not _good(old)
    )


def _why(now: PathVerdict, old: PathVerdict | None) -> str:
    if old is None:
        return "that path is no longer in the spec"
    if _good(old):
        return f"{now.name} is healthy, and stands before it in the spec"
    none = "" if _good(now) else "no path is healthy; "
    return f"{none}{old.finding.reason}: {old.finding.message}"


def _good(path: PathVerdict) -> bool:
    return path.finding.status is ConditionStatus.TRUE
