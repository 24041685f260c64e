"""Latch limits that were exceeded (hysteresis): a value at its limit must not make a check flap. Pure.

What was once above its limit counts as above it until it falls to four fifths of the limit, or until nothing
is left in the window that was measured before it came back within the limit: a value that stays just below
its limit is healthy a full window later, one that swings around it is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason

Number = int | Decimal

LOSS, JITTER, PATH_MTU = "loss", "jitter", "pathMTU"
"""Kinds of limits, beside the percentiles p50, p90 and p99 of the round-trip time."""
RECOVERY = "recovery"
"""Of a reason rather than of a limit: see `Recovery`."""
_KINDS = {
    HealthyReason.LOSS_HIGH: (LOSS,),
    HealthyReason.LATENCY_HIGH: ("p50", "p90", "p99"),
    HealthyReason.JITTER_HIGH: (JITTER,),
    HealthyReason.PATH_MTU_LOW: (PATH_MTU,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """A limit that was exceeded and has not been released."""

    limit: Number | None
    """A new limit begins anew; None, after a restart, stands for any."""
    since: int | None = None
    """When the value came back within the limit; None while it exceeds it."""

    def of(self, limit: Number) -> bool:
        """It is this limit that was exceeded."""
        return self.limit is None or self.limit == limit

    def shifted(self, by: int) -> "Latch":
        """The same on a clock that was set forward by so many nanoseconds."""
        return self if self.since is None else replace(self, since=self.since + by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery(Latch):
    """A reason that stands until enough good rounds have come in succession (`thresholds.recoverAfter`)."""

    limit: Number | None = None
    since: int | None = None
    """Start of the newest valid round that was looked at; None, after a restart: counting begins anew."""
    reason: HealthyReason
    good: int = 0
    """Good rounds in succession so far."""


Latches = Mapping[str, Latch]
"""Kind of limit to its latch."""


def release_at(limit: Number) -> Decimal:
    """The value from which on (downwards) a limit once exceeded is released at once."""
    return Decimal(limit) * 4 / 5


def exceeded(value: Number, limit: Number, latch: Latch | None, *, oldest: int, now: int) -> Latch | None:
    """The latch after a look at `value`; None when it keeps within the limit.

    `oldest` is the start of the oldest round in the window.
    """
    if value > limit:
        return Latch(limit=limit)
    if latch is None or not latch.of(limit) or value <= release_at(limit):
        return None
    since = now if latch.since is None else latch.since
    return None if oldest >= since else Latch(limit=limit, since=since)


def too_small(sizes: Sequence[int], limit: int, latch: Latch | None) -> Latch | None:
    """As `exceeded`, for path MTUs, newest first: two searches in succession decide, or the only one."""
    newest = {size < limit for size in sizes[:2]}
    latched = latch is not None and latch.of(limit)
    return Latch(limit=limit) if newest == {True} or (latched and True in newest) else None


def reason_of(latches: Latches) -> HealthyReason | None:
    """Return the reason that stands for what is held, as `reported_as` reads it; None: nothing is held."""
    recovery = latches.get(RECOVERY)
    if isinstance(recovery, Recovery):
        return recovery.reason
    return next((reason for reason, kinds in _KINDS.items() if not latches.keys().isdisjoint(kinds)), None)


def reported_as(reason: str) -> dict[str, Latch]:
    """What an earlier run of the operator held, by the reason that it reported."""
    kinds = next((kinds for known, kinds in _KINDS.items() if known == reason), ())
    held: dict[str, Latch] = {kind: Latch(limit=None) for kind in kinds}
    for known in HealthyReason:
        if known == reason and known.status is ConditionStatus.FALSE:
            held[RECOVERY] = Recovery(reason=known)
    return held
