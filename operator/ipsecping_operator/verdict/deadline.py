"""When silence turns into staleness: it follows from the schedule."""

from datetime import UTC, datetime
from functools import lru_cache

from ipsecping_operator.compile.compiled import Cron, Interval
from ipsecping_operator.compile.cron import fire_times

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def stale_at(schedule: Interval | Cron, *, since: int, round_ms: int) -> int | None:
    """The instant from which no result since `since` means that none is coming; None if never.

    An agent may miss one round: two intervals and the round's own time. A cron check is due at its next
    fire time, and is given the pod's start, the spread and the round's own time from there; over a weekend
    it does not run on it is not stale.
    """
    own = round_ms * MILLISECOND
    if isinstance(schedule, Interval):
        return since + 2 * schedule.interval_ms * MILLISECOND + own
    due = next_fire(schedule, after=since)
    return None if due is None else due + (schedule.start_ms + schedule.spread_ms) * MILLISECOND + own


def next_fire(cron: Cron, *, after: int) -> int | None:
    """The first fire time after `after`, or None when there is none."""
    # Lines fire on whole minutes: within one, the answer is the same for all.
    return _next_fire(cron, after // MINUTE * MINUTE)


@lru_cache(maxsize=4096)
def _next_fire(cron: Cron, after: int) -> int | None:
    fire = next(fire_times(cron, after=datetime.fromtimestamp(after // SECOND, tz=UTC)), None)
    return None if fire is None else int(fire.timestamp()) * SECOND
