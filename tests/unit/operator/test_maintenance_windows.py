"""Which window of maintenance is open: against a scan of every minute, over the changes of clocks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping_operator.compile.compiled import Cron, MaintenanceWindow
from ipsecping_operator.verdict.maintenance import Outlook, look

SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND
CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T15:30Z", "2026-04-04T15:00Z"),
    "America/Santiago": ("2026-09-06T04:00Z", "2026-04-05T03:00Z"),
    "Asia/Kolkata": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
}
"""Zones and when their clocks change, forward and back; the last never changes them."""


def at(text: str) -> int:
    """Nanoseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def weekly(line: str, hours: float, zone: str = "Etc/UTC", name: str = "weekly") -> MaintenanceWindow:
    return MaintenanceWindow(name=name, cron=Cron(line=line, time_zone=zone), length=int(hours * HOUR))


def once(start: str, until: str, name: str = "once") -> MaintenanceWindow:
    return MaintenanceWindow(name=name, start=at(start), length=at(until) - at(start))


def shown(outlook: Outlook) -> tuple[str | None, str | None]:
    """Names of what is open and of what is next."""
    return (
        None if outlook.open is None else outlook.open.name,
        None if outlook.next is None else outlook.next.name,
    )


def test_a_window_of_one_time_is_open_from_its_start_until_its_end() -> None:
    windows = (once("2026-12-05T22:00Z", "2026-12-06T02:00Z"),)
    start, end = at("2026-12-05T22:00Z"), at("2026-12-06T02:00Z")
    assert shown(look(windows, now=start - 1)) == (None, "once")
    assert shown(look(windows, now=start)) == ("once", None)
    assert shown(look(windows, now=end - 1)) == ("once", None)
    over = look(windows, now=end)
    assert shown(over) == (None, None)
    assert over.over == ("once",)
    assert over.changes is None
    assert [look(windows, now=each).changes for each in (start - 1, start)] == [start, end]


def test_windows_that_meet_or_overlap_leave_no_gap_and_the_one_that_closes_last_is_shown() -> None:
    windows = (
        once("2026-12-05T22:00Z", "2026-12-06T02:00Z", "long"),
        once("2026-12-05T23:00Z", "2026-12-06T01:00Z", "short"),
        once("2026-12-06T02:00Z", "2026-12-06T03:00Z", "after"),
    )
    assert shown(look(windows, now=at("2026-12-05T23:30Z"))) == ("long", "after")
    assert shown(look(windows, now=at("2026-12-06T02:00Z"))) == ("after", None)
    assert shown(look(windows[::-1], now=at("2026-12-05T23:30Z"))) == ("long", "after")


@pytest.mark.parametrize(
    ("line", "day", "opens", "closes"),
    [
        # 02:30 is skipped: it opens as clocks go from 02:00 to 03:00.
        ("30 2 * * *", "2026-03-29", "2026-03-29T01:00Z", "2026-03-29T02:00Z"),
        ("30 2 * * *", "2026-03-28", "2026-03-28T01:30Z", "2026-03-28T02:30Z"),
        # 02:30 comes twice, an hour apart: it is open on both, and in between.
        ("30 2 * * *", "2026-10-25", "2026-10-25T00:30Z", "2026-10-25T02:30Z"),
        ("0 22 * * 6", "2026-10-24", "2026-10-24T20:00Z", "2026-10-24T21:00Z"),
    ],
)
def test_a_time_that_clocks_skip_or_repeat_is_no_window_that_is_lost(
    line: str, day: str, opens: str, closes: str
) -> None:
    windows = (weekly(line, 1, "Europe/Berlin"),)
    begin = at(f"{day}T00:00Z")
    states = [begin + minute * MINUTE for minute in range(24 * 60)]
    is_open = [now for now in states if look(windows, now=now).open is not None]
    assert (is_open[0], is_open[-1] + MINUTE) == (at(opens), at(closes))
    assert len(is_open) == (is_open[-1] - is_open[0]) // MINUTE + 1


def scanned(line_minute: int, hour: int, length: int, zone: str, begin: int, end: int) -> Iterator[bool]:
    """Of each minute whether a daily window is open, by looking at the clock of the zone each minute."""
    wall = ZoneInfo(zone)
    opened = None
    before = None
    for now in range(begin - 2 * DAY, end, MINUTE):
        local = datetime.fromtimestamp(now // SECOND, tz=UTC).astimezone(wall).replace(tzinfo=None)
        passed = [local] if before is None else minutes_between(before, local)
        if any((each.hour, each.minute) == (hour, line_minute) for each in passed):
            opened = now
        before = local
        if now >= begin:
            yield opened is not None and now < opened + length


def minutes_between(before: datetime, after: datetime) -> list[datetime]:
    """What a clock has shown since `before`, and what it was set forward over."""
    ahead = (after - before) // timedelta(minutes=1)
    return [after] if ahead < 1 else [before + timedelta(minutes=each) for each in range(1, ahead + 1)]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(CHANGES)),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from([0, 5, 15, 30, 45, 59]),
    st.integers(10, 300),
)
def test_a_daily_window_is_open_as_a_scan_of_every_minute_has_it(
    zone: str, forward: bool, hour: int, minute: int, length_minutes: int
) -> None:
    change = at(CHANGES[zone][0 if forward else 1])
    begin, end, length = change - 6 * HOUR, change + 10 * HOUR, length_minutes * MINUTE
    windows = (weekly(f"{minute} {hour} * * *", length / HOUR, zone),)
    expected = list(scanned(minute, hour, length, zone, begin, end))
    outlook, found = None, []
    for now in range(begin, end, MINUTE):
        outlook = look(windows, now=now, before=outlook)
        found.append(outlook.open is not None)
    assert found == expected


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 200)), min_size=1, max_size=6),
    st.lists(st.integers(-10, 800), min_size=1, max_size=20),
)
def test_what_is_said_stands_until_it_says_so_whichever_way_the_clock_is_set(
    spans: list[tuple[int, int]], moments: list[int]
) -> None:
    """A look that knows the one before says what a fresh one says: also back in time."""
    begin = at("2026-12-05T00:00Z")
    single = (
        MaintenanceWindow(name=f"w{index}", start=begin + start * MINUTE, length=length * MINUTE)
        for index, (start, length) in enumerate(spans)
    )
    windows = (*single, weekly("*/30 * * * *", 0.25))
    outlook = None
    for moment in moments:
        now = begin + moment * MINUTE
        outlook = look(windows, now=now, before=outlook)
        fresh = look(windows, now=now)
        assert replace(outlook, at=now) == fresh
        assert fresh.changes is not None
        assert fresh.changes > now
        just_before = look(windows, now=fresh.changes - 1)
        assert shown(just_before) == shown(fresh)
        open_at = {w.name for w in windows if w.start is not None and w.start <= now < w.start + w.length}
        assert (fresh.open is not None) == bool(open_at or (now // MINUTE) % 30 < 15)


def test_a_line_that_fires_once_in_years_costs_one_look() -> None:
    windows = (weekly("0 0 29 2 *", 24, "Europe/Berlin"),)
    outlook = look(windows, now=at("2026-12-05T00:00Z"))
    assert outlook.next is not None
    assert outlook.next.start == at("2028-02-28T23:00Z")
    assert look(windows, now=at("2027-06-01T00:00Z"), before=outlook) is outlook
