"""How much of the time windows of maintenance take: what is always open silences a check for good. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from ipsecping_operator.api.maintenance import LONGEST

from .compiled import DAY, InvalidSpec, MaintenanceWindow
from .cron import DEFAULT_TIME_ZONE, LARGEST_SHIFT, days, minutes_of_a_day
from .durations import shortest

SPAN_DAYS = 42
MOST_DAYS = 35
"""Of any six weeks, what windows that recur may take together: five sixths."""
LEAST_BREAK = DAY
"""Windows of one time with less between them count as one."""
LEAST_OUTSIDE = DAY // 6
"""So do those between which windows that recur leave less."""
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
_ALWAYS = "for all the time, alerting.enabled: false keeps alerts silent"


def require_time_outside(windows: Sequence[MaintenanceWindow]) -> None:
    """Raise InvalidSpec where windows together leave hardly any time in which somebody is told."""
    recurring = tuple((index, each) for index, each in enumerate(windows) if each.cron is not None)
    _require_breaks(windows, [each for _, each in recurring])
    lines = tuple(each for _, each in recurring)
    if _most_taken(lines) > _MOST:
        first = bisect_left(range(1, len(lines)), True, key=lambda count: _most_taken(lines[:count]) > _MOST)
        index, most = recurring[first][0], _most_taken(lines[: first + 1])
        others = ", together with those before it" if first else ""
        raise InvalidSpec(
            f"spec.maintenance[{index}].duration",
            f"windows that recur would be open for {most / timedelta(days=1):.1f} of {SPAN_DAYS} days"
            f"{others}; at most {MOST_DAYS} may be, or hardly any outage is told: make it shorter (less than "
            f"{_SHORTEST} between them counts as open: hardly an alert is raised in it); {_ALWAYS}",
        )


def _require_breaks(windows: Sequence[MaintenanceWindow], recurring: Sequence[MaintenanceWindow]) -> None:
    """Windows of one time that follow each other are bounded as one is."""
    once = sorted((each.start, index) for index, each in enumerate(windows) if each.start is not None)
    begin, end = 0, 0
    for start, index in once:
        if start - end >= LEAST_BREAK and _outside(recurring, end, start) >= LEAST_OUTSIDE:
            begin = start
        end = max(end, start + windows[index].length)
        if end - begin > LONGEST.days * DAY:
            raise InvalidSpec(
                f"spec.maintenance[{index}].until",
                f"together with the windows before it, it is open for {shortest(end - begin)} without a day "
                f"between them, or without {shortest(LEAST_OUTSIDE)} that windows with schedule leave of it; "
                f"at most {LONGEST.days} days may be: let it close earlier; {_ALWAYS}",
            )


def _outside(recurring: Sequence[MaintenanceWindow], begin: int, end: int) -> int:
    """Return how much of the time from `begin` to `end` no window that recurs takes; nanoseconds, about."""
    if end - begin >= SPAN_DAYS * DAY:
        return (SPAN_DAYS - MOST_DAYS) * DAY  # so much they leave of any such time
    day = datetime.fromtimestamp(begin // SECOND, tz=UTC).replace(tzinfo=None, hour=0, minute=0, second=0)
    day -= _BEFORE
    zero = int(day.replace(tzinfo=UTC).timestamp()) * SECOND
    first, last = ((each - zero) // (_GRAIN_SECONDS * SECOND) for each in (begin, end))
    taken = [0] * (last // _GRAINS + 1)
    for window in recurring:
        for index, bits in _opened(window, begin=day, count=len(taken)):
            taken[index] |= bits
    between = (1 << last - first) - 1
    inside = _without_short_breaks(taken) >> first & between
    return (last - first - inside.bit_count()) * _GRAIN_SECONDS * SECOND


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
    sums = [0, *accumulate(each.bit_count() for each in _by_day(_without_short_breaks(taken)))]
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


def _by_day(bits: int) -> Iterator[int]:
    octets = bits.to_bytes(_HORIZON_DAYS * _DAY_BYTES, "little")
    for start in range(0, len(octets), _DAY_BYTES):
        yield int.from_bytes(octets[start : start + _DAY_BYTES], "little")


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
