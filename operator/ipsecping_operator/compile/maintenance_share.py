"""How much of the time windows of maintenance take: what is always open silences a check for good. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from .compiled import DAY, InvalidSpec, MaintenanceWindow
from .cron import DEFAULT_TIME_ZONE, LARGEST_SHIFT, days, minutes_of_a_day
from .durations import shortest

SPAN_DAYS = 42
MOST_DAYS = 35
"""Of any six weeks, what windows that recur may take, and what those of one time may: five sixths."""
MOST_DAYS_IN_ALL = 38
"""What both kinds may take together: work for a fortnight on a tunnel that is told of by day only."""
SHORTEST_BREAK = timedelta(minutes=10)
"""In less time between windows hardly any alert lasts for long enough to be raised: it counts as open."""
SECOND = 10**9
_GRAIN_SECONDS = 10
_GRAINS = 24 * 3600 // _GRAIN_SECONDS
_DAY_BYTES = _GRAINS // 8
_WHOLE_DAY = (1 << _GRAINS) - 1
_BEGIN = datetime(2024, 1, 1)  # noqa: DTZ001 - wall-clock time of any zone
_HORIZON_DAYS = 366 + SPAN_DAYS
"""All seasons, and what begins at the end of a year."""
_SHORTEST = shortest(int(SHORTEST_BREAK.total_seconds()) * SECOND)
_BEFORE = timedelta(days=8)
"""What a window that recurs may have been open for, in any zone, and more."""
_MOST = timedelta(days=MOST_DAYS) + LARGEST_SHIFT
_MOST_IN_ALL = timedelta(days=MOST_DAYS_IN_ALL) + LARGEST_SHIFT
_SPAN = timedelta(days=SPAN_DAYS)
_COUNTS_AS_OPEN = f"less than {_SHORTEST} between them counts as open: hardly an alert is raised in it"
_ALWAYS = "for all the time, alerting.enabled: false keeps alerts silent"


def require_time_outside(windows: Sequence[MaintenanceWindow]) -> None:
    """Raise InvalidSpec where windows together leave hardly any time in which somebody is told."""
    recurring = tuple((index, each) for index, each in enumerate(windows) if each.start is None)
    lines = tuple(each for _, each in recurring)
    if _most_taken(lines) > _MOST:
        first = bisect_left(range(1, len(lines)), True, key=lambda count: _most_taken(lines[:count]) > _MOST)
        index, most = recurring[first][0], _most_taken(lines[: first + 1])
        others = ", together with those before it" if first else ""
        raise InvalidSpec(
            f"spec.maintenance[{index}].duration",
            f"windows that recur would be open for {_of_span(most, MOST_DAYS)}{others}: make it shorter "
            f"({_COUNTS_AS_OPEN}); {_ALWAYS}",
        )
    once = sorted((each.start, index, each) for index, each in enumerate(windows) if each.start is not None)
    for end in range(1, len(once) + 1):
        alone, in_all = _most_around(tuple(each for *_, each in once[:end]), lines)
        if alone > _MOST:
            open_for = f"windows with from and until would be open for {_of_span(alone, MOST_DAYS)}"
            remedy = "with those before it: let it close earlier, and remove windows that are over"
        elif in_all > _MOST_IN_ALL:
            open_for = f"windows would be open for {_of_span(in_all, MOST_DAYS_IN_ALL)}"
            remedy = "with those before it and those that recur: let it close earlier, or make those shorter"
        else:
            continue
        field = f"spec.maintenance[{once[end - 1][1]}].until"
        raise InvalidSpec(field, f"{open_for}, together {remedy} ({_COUNTS_AS_OPEN}); {_ALWAYS}")


def _of_span(taken: timedelta, most: int) -> str:
    days_taken = f"{taken / timedelta(days=1):.1f} of {SPAN_DAYS} days"
    return f"{days_taken} (at most {most} may be, or hardly any outage is told)"


@lru_cache(maxsize=1024)
def _most_around(
    once: tuple[MaintenanceWindow, ...], recurring: tuple[MaintenanceWindow, ...]
) -> tuple[timedelta, timedelta]:
    """Return the most that windows of one time take, and all windows, of six weeks around the last of them.

    `once` are in the order in which they open; what is around those before has been looked at.
    """
    last = once[-1]
    assert last.start is not None
    begin = _midnight(last.start) - _SPAN
    count = -(-last.length // DAY) + 1 + 2 * SPAN_DAYS
    zero = int(begin.replace(tzinfo=UTC).timestamp()) * SECOND
    taken = [0] * count
    for window in once:
        assert window.start is not None
        first, end = (
            min(max(each - zero, 0) // (_GRAIN_SECONDS * SECOND), count * _GRAINS)
            for each in (window.start, window.start + window.length)
        )
        for day in range(first // _GRAINS, -(-end // _GRAINS)):
            from_, until = (min(max(each - day * _GRAINS, 0), _GRAINS) for each in (first, end))
            taken[day] |= (1 << until) - (1 << from_)
    alone = _most_of_a_span(taken)
    for window in recurring:
        for index, bits in _opened(window, begin=begin - _BEFORE, count=count + _BEFORE.days):
            if index >= _BEFORE.days:
                taken[index - _BEFORE.days] |= bits
    return alone, _most_of_a_span(taken)


def _midnight(instant: int) -> datetime:
    moment = datetime.fromtimestamp(instant // SECOND, tz=UTC)
    return moment.replace(tzinfo=None, hour=0, minute=0, second=0)


@lru_cache(maxsize=1024)
def _most_taken(windows: tuple[MaintenanceWindow, ...]) -> timedelta:
    """Return the most that windows take together of any six weeks of a year.

    A day is a string of bits, one for each ten seconds, rounded up: so that the cost is bounded whatever the
    lines are. Anybody who may edit a check can have this done for one line after the other.
    """
    taken = [0] * _HORIZON_DAYS
    for window in windows:
        for day, bits in _opened(window, begin=_BEGIN, count=_HORIZON_DAYS):
            taken[day] |= bits
    return _most_of_a_span(taken)


def _most_of_a_span(taken: Sequence[int]) -> timedelta:
    """Return the most that is taken of six weeks, of these days."""
    octets = _without_short_breaks(taken).to_bytes(len(taken) * _DAY_BYTES, "little")
    by_day = (octets[start : start + _DAY_BYTES] for start in range(0, len(octets), _DAY_BYTES))
    sums = [0, *accumulate(int.from_bytes(each, "little").bit_count() for each in by_day)]
    most = max(later - earlier for earlier, later in zip(sums, sums[SPAN_DAYS:], strict=False))
    return timedelta(seconds=most * _GRAIN_SECONDS)


def _without_short_breaks(taken: Sequence[int]) -> int:
    """Return the days one behind the other, each break of less than `SHORTEST_BREAK` taken as well."""
    bits = int.from_bytes(b"".join(day.to_bytes(_DAY_BYTES, "little") for day in taken), "little")
    least = int(SHORTEST_BREAK.total_seconds()) // _GRAIN_SECONDS
    shifts, reach = list[int](), 1
    while reach < least:
        shifts.append(min(reach, least - reach))
        reach += shifts[-1]
    for shift in shifts:
        bits |= bits << shift
    for shift in shifts:
        bits &= bits >> shift
    return bits


def _opened(window: MaintenanceWindow, *, begin: datetime, count: int) -> Iterator[tuple[int, int]]:
    """Yield days after the first one, of so many, and when in them the window is open."""
    assert window.cron is not None
    zone = ZoneInfo(window.cron.time_zone or DEFAULT_TIME_ZONE)
    whole = _from_midnight(minutes_of_a_day(window.cron), window.length)
    for index in days(window.cron, begin=begin.date(), count=count):
        midnight = timedelta(days=index)
        after = midnight - ((begin + midnight).replace(tzinfo=zone).utcoffset() or timedelta())
        bits = whole << after.seconds // _GRAIN_SECONDS
        day = after.days
        while bits:
            if 0 <= day < count:
                yield day, bits & _WHOLE_DAY
            bits >>= _GRAINS
            day += 1


def _from_midnight(minutes: Iterable[int], length: int) -> int:
    """What is open of a day on which the line fires, and of those after it."""
    grains = -(-length // (_GRAIN_SECONDS * SECOND))
    bits = 0
    for minute in minutes:
        bits |= ((1 << grains) - 1) << minute * 60 // _GRAIN_SECONDS
    return bits
