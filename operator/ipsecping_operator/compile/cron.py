"""Cron lines as Kubernetes reads them, and the instants at which they fire.

Kubernetes uses robfig/cron. Its dialect differs from Debian's, which cronsim follows, in three ways that are
evened out here: `*/2` in a day field restricts the day (and so is OR-ed with the other day field), 7 is no
weekday, and daylight saving time gets no special treatment: a line fires at every instant whose local time
matches, so not at all within the hour that is skipped in spring, and twice within the one repeated in autumn.
(Where clocks change at midnight or by half an hour, robfig/cron errs on that one day; that is not copied.)
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ipsecping_operator.api.schedule import MACROS, MONTHS, WEEKDAYS

from .compiled import Cron, InvalidSpec

DEFAULT_TIME_ZONE = "Etc/UTC"
FIELD = "spec.schedule.cron"
TIME_ZONE_FIELD = "spec.schedule.timeZone"

LEAP_YEAR = timedelta(days=366)
LARGEST_SHIFT = timedelta(hours=3)
"""No zone has ever shifted its clocks by more, other than over the date line."""

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {name: number for number, name in enumerate(MONTHS, start=1)},
    {name: number for number, name in enumerate(WEEKDAYS)},
)
# Any start does: a line that fires at all does so within the 8 years between two leap days around 2100.
_SOME_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - wall-clock time of any zone


def compile_cron(line: str, time_zone: str | None) -> Cron:
    """The schedule of a line that the schema has let pass.

    Raises InvalidSpec for what only the operator can tell: a range that runs backwards, a line that never
    fires, an unknown time zone. A macro is replaced by the line it stands for.
    """
    _zone(time_zone)
    written = MACROS.get(line.lower(), line)
    try:
        next(CronSim(_explicit(written), _SOME_DAY))
    except (CronSimError, StopIteration):
        raise InvalidSpec(FIELD, f"{line!r} never fires: no month has such a day") from None
    return Cron(line=written, time_zone=time_zone)


@lru_cache(maxsize=1024)
def shortest_gap(cron: Cron) -> timedelta:
    """The least time between two fires: of a hundred, or of a leap year's, so that rare lines cost little.

    Anybody who may edit a check can have this done for one line after the other.
    """
    begin = _SOME_DAY.replace(tzinfo=UTC)
    least = timedelta.max
    for earlier, later in islice(pairwise(fire_times(cron, after=begin)), 99):
        least = min(least, later - earlier)
        if later - begin > LEAP_YEAR:
            break
    return least


def minutes_of_a_day(cron: Cron) -> tuple[int, ...]:
    """Return at which minutes after midnight the line fires, on a day on which it does."""
    minutes, hours, *_ = _explicit(cron.line).split()
    return tuple(60 * hour + minute for hour in _chosen(hours, 24) for minute in _chosen(minutes, 60))


def days(cron: Cron, *, begin: date, count: int) -> Iterator[int]:
    """Yield on which of `count` days from `begin` on the line fires, counted from 0."""
    _, _, *fields = _explicit(cron.line).split()
    of_month, months, of_week = (frozenset(_chosen(each, 32)) for each in fields)
    either = "*" not in (fields[0], fields[2])
    for index in range(count):
        day = begin + timedelta(days=index)
        matches = (day.day in of_month, day.isoweekday() % 7 in of_week)
        if day.month in months and (any(matches) if either else all(matches)):
            yield index


def _chosen(field: str, end: int) -> Iterable[int]:
    return range(end) if field == "*" else map(int, field.split(","))


def fire_times(cron: Cron, *, after: datetime, skipped: bool = False) -> Iterator[datetime]:
    """The instants (aware, UTC) after `after` (aware) at which the line fires, in order, without end.

    With `skipped`, a time that the zone's clocks skip counts as the instant in which they do so.
    """
    zone = _zone(cron.time_zone)
    start = after.astimezone(zone).replace(tzinfo=None)
    if _clocks_change(zone, near=after):
        # A wall-clock time can stand for an instant up to a shift of the clock earlier.
        start -= LARGEST_SHIFT
    due: list[datetime] = []
    for wall in CronSim(_explicit(cron.line), start):
        instants = _instants(wall, zone)
        if skipped and not instants:
            instants = {_shift_over(wall, zone)}
        earliest = min(instants, default=wall.replace(tzinfo=zone, fold=1).astimezone(UTC))
        while due and due[0] < earliest:
            yield heapq.heappop(due)
        for instant in instants:
            if instant > after and instant not in due:
                heapq.heappush(due, instant)


def _clocks_change(zone: ZoneInfo, *, near: datetime) -> bool:
    """Whether the zone's clocks are shifted within a shift of this instant."""
    offsets = {(near + by).astimezone(zone).utcoffset() for by in (-LARGEST_SHIFT, LARGEST_SHIFT)}
    return len(offsets) > 1


def _instants(wall: datetime, zone: ZoneInfo) -> set[datetime]:
    """The instants at which clocks in `zone` show `wall`: one, none or two."""
    candidates = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return {each for each in candidates if each.astimezone(zone).replace(tzinfo=None) == wall}


def _shift_over(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which clocks in `zone` are set forward over `wall`, to the second."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    shifted = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // timedelta(seconds=2) * timedelta(seconds=1)
        if middle.astimezone(zone).utcoffset() == shifted:
            after = middle
        else:
            before = middle
    return after


def _zone(name: str | None) -> ZoneInfo:
    name = name or DEFAULT_TIME_ZONE
    # On many machines these exist as files; in Kubernetes, or in the next image, they may not, or differ.
    known = name.lower() not in ("local", "localtime") and not name.startswith(("posix/", "right/"))
    try:
        if known:
            return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        pass
    raise InvalidSpec(
        TIME_ZONE_FIELD, f"{name!r} is not a time zone of the IANA database, such as Europe/Berlin"
    )


def _explicit(line: str) -> str:
    """The line with every field written as `*` or as a list of numbers, which all dialects read alike."""
    fields = line.lower().split()
    return " ".join(_explicit_field(text, position) for position, text in enumerate(fields))


def _explicit_field(text: str, position: int) -> str:
    low, high = _RANGES[position]
    chosen: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if first in ("*", "?"):
            if step in ("", "1"):
                return "*"
            start, end = low, high
        else:
            start = _number(first, position)
            end = _number(last, position) if last else high if step else start
        if end < start:
            raise InvalidSpec(FIELD, f"the range {span!r} runs backwards")
        chosen.update(range(start, end + 1, int(step or 1)))
    return ",".join(str(number) for number in sorted(chosen))


def _number(text: str, position: int) -> int:
    named = _NAMES[position].get(text)
    return int(text) if named is None else named
