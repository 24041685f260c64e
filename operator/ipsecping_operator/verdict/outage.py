"""Outages: the times in which a check was not healthy, from the sequence of its verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.api.status import MAX_OUTAGES

from . import text
from .finding import SEVERITY
from .judge import Verdict

_GRAVITY = tuple(reason for reason in reversed(SEVERITY) if reason.status is ConditionStatus.FALSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """From the first False verdict to the next True one, under the gravest reason in between."""

    start: int
    end: int | None
    reason: str
    message: str

    def shifted(self, by: int) -> "Outage":
        """The same on a clock that was set forward by so many nanoseconds."""
        return replace(self, start=self.start + by, end=None if self.end is None else self.end + by)


def follow(outages: Sequence[Outage], verdict: Verdict, *, now: int) -> tuple[Outage, ...]:
    """The outages (newest first, at most ten) after one more verdict.

    Unknown neither begins nor ends an outage: silence is not health. A suspended check's outage ends, for
    nothing is claimed about it any more. Loss that lingers in the window after a check was down belongs to
    the same outage; its message then says since when answers come again.
    """
    current = outages[0] if outages and outages[0].end is None else None
    finding = verdict.finding
    if finding.status is ConditionStatus.FALSE:
        if current is None:
            earlier = (outages[0].end or 0) if outages else 0
            begun = Outage(
                start=now if verdict.since is None else max(min(now, verdict.since), earlier),
                end=None,
                reason=finding.reason.value,
                message=finding.message,
            )
            return (begun, *outages)[:MAX_OUTAGES]
        return (_continued(current, verdict, now=now), *outages[1:])
    if current is not None and (
        finding.status is ConditionStatus.TRUE or finding.reason is HealthyReason.SUSPENDED
    ):
        # An earlier run may have told of its start by a clock that was set back since.
        return (replace(current, end=max(now, current.start)), *outages[1:])
    return tuple(outages)


def _continued(current: Outage, verdict: Verdict, *, now: int) -> Outage:
    reason = verdict.finding.reason
    down = HealthyReason.DOWN
    if reason is down or _gravity(reason) > _gravity(current.reason):
        return replace(current, reason=reason.value, message=verdict.finding.message)
    if current.reason == down and _ANSWERS not in current.message:
        return replace(current, message=f"{current.message}{_ANSWERS}{text.moment(now)}")
    return current


_ANSWERS = "; answers again since "


def _gravity(reason: str) -> int:
    return next((grade for grade, known in enumerate(_GRAVITY) if known == reason), -1)
