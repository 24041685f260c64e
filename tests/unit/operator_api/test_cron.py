"""When a cron line fires: as Kubernetes' own controller (robfig/cron) has it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.api.schedule import TIME_ZONE
from ipsecping_operator.compile import Cron, fire_times
from ipsecping_operator.compile import cron as module


def test_the_schema_takes_every_time_zone_that_there_is() -> None:
    known = available_timezones() - {"localtime", "Factory"}
    assert not [name for name in known if not re.fullmatch(TIME_ZONE, name)]


def fires(line: str, zone: str | None, after: str, count: int) -> list[str]:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    times = islice(fire_times(Cron(line=line, time_zone=zone), after=start), count)
    return [time.strftime("%m-%d %H:%M") for time in times]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("*/20 * * * *", ["01-01 00:20", "01-01 00:40", "01-01 01:00"]),
        ("5/20 * * * *", ["01-01 00:05", "01-01 00:25", "01-01 00:45"]),
        ("0 9-10 * * mon", ["01-05 09:00", "01-05 10:00", "01-12 09:00"]),
        ("0 0 1 FEB,apr ?", ["02-01 00:00", "04-01 00:00", "02-01 00:00"]),
        ("0 0 29 2 *", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
    ],
)
def test_lines_fire_in_utc_when_no_zone_is_given(line: str, expected: list[str]) -> None:
    assert fires(line, None, "2026-01-01 00:00", 3) == expected


def test_either_day_field_is_enough_when_both_are_restricted() -> None:
    assert fires("0 0 13 * fri", None, "2026-01-01 00:00", 3) == ["01-02 00:00", "01-09 00:00", "01-13 00:00"]


def test_a_stepped_star_restricts_the_day() -> None:
    # Debian's cron takes */2 for a star, and would fire on odd days that are Mondays only.
    assert fires("0 0 */2 * 1", None, "2026-01-03 00:00", 3) == ["01-05 00:00", "01-07 00:00", "01-09 00:00"]


def test_the_hour_that_is_skipped_in_spring_does_not_fire() -> None:
    assert fires("30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", 2) == ["03-28 01:30", "03-30 00:30"]


def test_the_hour_that_is_repeated_in_autumn_fires_twice_and_in_order() -> None:
    twice = fires("*/30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 5)
    assert twice == ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-26 01:00"]


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kolkata",
]
LINES = [
    "*/7 * * * *",
    "0 * * * *",
    "30 1,2 * * *",
    "15 */3 * * sun",
    "59 23 28-31 * *",
    "45 0 * mar,apr,oct *",
]


@given(
    line=st.sampled_from(LINES),
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 1)),
)
def test_a_line_fires_at_every_minute_whose_local_time_matches_and_at_no_other(
    line: str, zone: str, start: datetime
) -> None:
    start = start.replace(tzinfo=UTC)
    end = start + timedelta(days=2)
    minute = start.replace(second=0, microsecond=0)
    expected = []
    while minute <= end:
        if minute > start and matches(line, minute.astimezone(ZoneInfo(zone))):
            expected.append(minute)
        minute += timedelta(minutes=1)
    found = []
    for time in fire_times(Cron(line=line, time_zone=zone), after=start):
        if time > end:
            break
        found.append(time)
    assert found == expected


def matches(line: str, local: datetime) -> bool:
    """A second, naive reading of the lines above (each restricts at most one of the day fields)."""
    names = {"sun": 0, "mar": 3, "apr": 4, "oct": 10}
    values = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)

    def one(text: str, value: int) -> bool:
        if text.startswith("*/"):
            return value % int(text[2:]) == 0
        first, _, last = text.partition("-")
        low = names[first] if first in names else int(first)
        return low <= value <= (int(last) if last else low)

    return all(
        field == "*" or any(one(item, value) for item in field.split(","))
        for field, value in zip(line.split(), values, strict=True)
    )


@pytest.mark.parametrize(
    ("line", "least", "looked_at"),
    [
        ("*/5 * * * *", timedelta(minutes=5), 100),
        ("0 12 1 * *", timedelta(days=29), 14),
        ("0,7 12 29 2 *", timedelta(minutes=7), 4),
        ("30 2 29 2 *", timedelta(days=1461), 2),
    ],
)
def test_the_shortest_gap_of_a_rare_line_is_found_without_looking_through_centuries(
    line: str, least: timedelta, looked_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[datetime] = []

    def counted(cron: Cron, *, after: datetime) -> Iterator[datetime]:
        for each in fire_times(cron, after=after):
            seen.append(each)
            yield each

    monkeypatch.setattr(module, "fire_times", counted)
    module.shortest_gap.cache_clear()
    assert module.shortest_gap(Cron(line=line, time_zone=None)) == least
    assert len(seen) <= looked_at
