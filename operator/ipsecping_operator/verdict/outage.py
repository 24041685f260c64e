"""Outages: the times in which a check was not healthy, from the sequence of its verdicts."""

import re
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """A window of maintenance that has closed."""

    until: int
    bad_since: int | None = None
    """Since when the check is not healthy, by its condition; None: it is, or that is not known."""


def end_running(outages: Sequence[Outage], *, now: int) -> tuple[Outage, ...]:
    """The outages once nothing more is claimed of the check: what lasts has ended."""
    if outages and outages[0].end is None:
        # An earlier run may have told of its start by a clock that was set back since.
        return (replace(outages[0], start=min(outages[0].start, now), end=now), *outages[1:])
    return tuple(outages)


def follow(
    outages: Sequence[Outage], verdict: Verdict, *, now: int, maintained: Maintained | None = None
) -> tuple[Outage, ...]:
    """The outages (newest first, at most ten) after one more verdict.

    Unknown neither begins nor ends an outage: silence is not health. A suspended check's outage ends, for
    nothing is claimed about it any more. Loss that lingers in the window after a check was down belongs to
    the same outage; its message then says since when answers come again. An outage begins no sooner than the
    last window of maintenance has closed; where that hid its beginning, the message says since when it lasts.
    """
    current = outages[0] if outages and outages[0].end is None else None
    finding = verdict.finding
    if finding.status is ConditionStatus.FALSE:
        if current is None:
            return (_begun(outages, verdict, maintained, now=now), *outages)[:MAX_OUTAGES]
        return (_continued(current, verdict, now=now), *outages[1:])
    if current is not None and (
        finding.status is ConditionStatus.TRUE or finding.reason is HealthyReason.SUSPENDED
    ):
        return end_running(outages, now=now)
    return tuple(outages)


def _begun(outages: Sequence[Outage], verdict: Verdict, maintained: Maintained | None, *, now: int) -> Outage:
    earlier = (outages[0].end or 0) if outages else 0
    since, message = verdict.since, verdict.finding.message
    if maintained is not None:
        known = [each for each in (verdict.since, maintained.bad_since) if each is not None]
        since = min(known, default=None)
        if since is not None and since < maintained.until:
            message += (
                f"; so since {text.moment(since)}, in maintenance until {text.moment(maintained.until)}"
            )
            since = maintained.until
    return Outage(
        start=now if since is None else max(min(now, since), earlier),
        end=None,
        reason=verdict.finding.reason.value,
        message=message,
    )


def _continued(current: Outage, verdict: Verdict, *, now: int) -> Outage:
    reason = verdict.finding.reason
    down = HealthyReason.DOWN
    if (reason is down and not verdict.finding.recovering) or _gravity(reason) > _gravity(current.reason):
        maintained = _IN_MAINTENANCE.search(current.message)
        message = verdict.finding.message + ("" if maintained is None else maintained[0])
        return replace(current, reason=reason.value, message=message)
    if current.reason == down and _ANSWERS not in current.message:
        return replace(current, message=f"{current.message}{_ANSWERS}{text.moment(now)}")
    return current


_ANSWERS = "; answers again since "
_IN_MAINTENANCE = re.compile(r"; so since [0-9TZ:.-]+, in maintenance until [0-9TZ:.-]+")
"""What `_begun` says, and every later message of the outage as well."""


def _gravity(reason: str) -> int:
    return next((grade for grade, known in enumerate(_GRAVITY) if known == reason), -1)
