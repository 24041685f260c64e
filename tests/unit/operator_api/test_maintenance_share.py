"""Windows of maintenance that together are open almost always silence a check for good: they are refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping_operator.api.maintenance import MaintenanceWindow
from ipsecping_operator.api.validation import read
from ipsecping_operator.compile import cron as module
from ipsecping_operator.compile.compiled import Cron, InvalidSpec
from ipsecping_operator.compile.maintenance import compile_maintenance


def recurring(schedule: str, duration: str, zone: str = "Etc/UTC") -> dict[str, str]:
    return {"schedule": schedule, "duration": duration, "timeZone": zone}


def once(begin: str, until: str) -> dict[str, str]:
    return {"from": f"2026-{begin}T00:00:00Z", "until": f"2026-{until}T00:00:00Z"}


def refusal(*windows: dict[str, Any]) -> str | None:
    """What is said of them; None where they are accepted."""
    try:
        compile_maintenance(
            read(MaintenanceWindow, {"name": f"w{index}", **each}) for index, each in enumerate(windows)
        )
    except InvalidSpec as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "windows",
    [
        [recurring("0 2 * * *", "20h")],
        [recurring("0 2 * * *", "20h", "Australia/Lord_Howe")],
        # Outages are told in office hours.
        [
            recurring("0 18 * * mon-thu", "14h", "Europe/Berlin"),
            recurring("0 18 * * fri", "62h", "Europe/Berlin"),
        ],
        # The same time twice is taken once.
        [recurring("0 2 * * *", "18h"), recurring("0 4 * * *", "16h"), recurring("0 2 * * *", "17h")],
        [recurring("0 0 1 * *", "168h"), recurring("0 0 15 * *", "168h")],
        [recurring("0 0 29 2 *", "168h")],
        [recurring("*/30 * * * *", "20m")],
        [recurring("0 2 * * *", "1h"), recurring("5 3 * * *", "1h")],
        [recurring("0 2 * * 0", "140h")],
        # A month of work, a week in which outages are told, and a month of work.
        [once("01-01", "02-01"), once("02-08", "03-11"), once("03-18", "04-18"), once("04-25", "05-26")],
        [once("01-01", "02-01"), once("02-08", "03-05"), recurring("0 0 2 2 *", "72h")],
        # A fortnight of work on what is told of by day, or in four hours of it.
        [
            once("01-01", "01-15"),
            recurring("0 18 * * mon-thu", "14h", "Europe/Berlin"),
            recurring("0 18 * * fri", "62h", "Europe/Berlin"),
        ],
        [once("01-01", "01-15"), recurring("0 2 * * *", "20h")],
        [once("01-01", "02-01"), recurring("0 2 * * *", "2h")],
    ],
)
def test_windows_that_leave_a_sixth_of_the_time_are_accepted(windows: list[dict[str, str]]) -> None:
    assert refusal(*windows) is None


@pytest.mark.parametrize(
    ("windows", "field", "said"),
    [
        (
            [recurring("0 2 * 1-12 *", "23h59m59s999ms")],
            "[0].duration",
            "open for 42.0 of 42 days (at most 35 may be",
        ),
        ([recurring("0 0,12 * * *", "11h59m")], "[0].duration", "open for 42.0 of 42 days"),
        ([recurring("*/2 * * * *", "1m59s999ms")], "[0].duration", "open for 42.0 of 42 days"),
        # In what is left no alert lasts for long enough to be raised.
        ([recurring("*/2 * * * *", "1m")], "[0].duration", "open for 42.0 of 42 days"),
        (
            [recurring("*/10 * * * *", "8m")],
            "[0].duration",
            "less than 10m between them counts as open",
        ),
        ([recurring("*/15 * * * *", "5m10s")], "[0].duration", "open for 42.0 of 42 days"),
        (
            [recurring("0,20,40 * * * *", "9m"), recurring("10,30,50 * * * *", "9m")],
            "[1].duration",
            "open for 42.0 of 42 days",
        ),
        (
            [once("01-01", "02-01"), once("02-08", "03-05"), recurring("*/15 * 1-7 2 *", "6m")],
            "[1].until",
            "at most 38 may be",
        ),
        ([recurring("0 0 * * 0-6", "21h")], "[0].duration", "open for 36.8 of 42 days"),
        # A season is long enough for nobody to look any more.
        ([recurring("0 0 * 6-8 *", "23h")], "[0].duration", "open for 40.2 of 42 days"),
        (
            [recurring("0 0 * * *", "12h"), once("01-01", "01-02"), recurring("0 12 * * *", "12h")],
            "[2].duration",
            "open for 42.0 of 42 days (at most 35 may be, or hardly any outage is told), together with those",
        ),
        (
            [
                recurring("0 8 * * *", "12h", "Europe/Berlin"),
                recurring("0 8 * * *", "12h", "America/Los_Angeles"),
            ],
            "[1].duration",
            "open for 36.8 of 42 days",
        ),
        ([recurring(f"0 0 {day} * *", "168h") for day in (1, 8, 15, 22)], "[3].duration", "of 42 days"),
        # In whatever order they are given, that which opens last is named.
        (
            [once("02-01", "03-04"), once("01-01", "01-31"), once("03-08", "03-09")],
            "[0].until",
            "windows with from and until would be open for 41.0 of 42 days (at most 35 may be",
        ),
        # A day between them is not enough to be told of anything.
        (
            [once("01-01", "02-01"), once("02-02", "03-05"), once("03-06", "04-06")],
            "[1].until",
            "open for 41.0 of 42 days",
        ),
        ([once("01-01", "02-01"), once("02-07", "03-05")], "[1].until", "open for 36.0 of 42 days"),
        # Nor is what windows that recur leave of it.
        (
            [once("01-01", "02-01"), once("02-08", "03-05"), recurring("0 0 1 2 *", "163h")],
            "[1].until",
            "open for 41.8 of 42 days (at most 38 may be, or hardly any outage is told), together with those",
        ),
        (
            [recurring("0 20 31 1 *", "166h", "Etc/GMT+2"), once("01-01", "02-01"), once("02-08", "03-05")],
            "[2].until",
            "at most 38 may be",
        ),
        ([once("01-01", "02-01"), recurring("0 2 * * *", "20h")], "[0].until", "open for 40.2 of 42 days"),
    ],
)
def test_windows_that_are_open_almost_always_are_refused(
    windows: list[dict[str, str]], field: str, said: str
) -> None:
    found = refusal(*windows)
    assert found is not None
    assert found.startswith(f"spec.maintenance{field}: ")
    assert said in found
    assert "alerting.enabled: false" in found


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(1, 31)), min_size=1, max_size=6),
    st.integers(0, 20),
)
def test_whatever_is_accepted_leaves_a_tenth_of_any_six_weeks(
    spans: list[tuple[int, int]], hours: int
) -> None:
    """A scan of each hour finds time in which outages are told."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    def written(day: int) -> str:
        return f"{begin + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"

    windows = [{"from": written(day), "until": written(day + length)} for day, length in spans]
    daily = [recurring("0 0 * * *", f"{hours}h")] if hours else []
    if refusal(*windows, *daily) is not None:
        return
    told = [
        hour % 24 >= hours and not any(day * 24 <= hour < (day + length) * 24 for day, length in spans)
        for hour in range(200 * 24)
    ]
    least = min(sum(told[start : start + 42 * 24]) for start in range(0, 158 * 24, 24))
    assert least >= 4 * 24 - 3


FIELDS = st.tuples(
    st.sampled_from(["*", "?", "1", "13,31", "*/7", "20-31"]),
    st.sampled_from(["*", "2", "feb-apr", "*/5"]),
    st.sampled_from(["*", "?", "fri", "0-2", "*/2"]),
)


@settings(max_examples=50)
@given(FIELDS, st.dates(date(2023, 1, 1), date(2030, 1, 1)))
def test_the_days_of_a_line_are_those_on_which_it_fires(fields: tuple[str, ...], begin: date) -> None:
    count = 90
    cron = Cron(line=f"30 4,16 {' '.join(fields)}", time_zone=None)
    start = datetime.combine(begin, datetime.min.time(), tzinfo=UTC)
    fires = module.fire_times(cron, after=start - timedelta(seconds=1))
    expected = set[int]()
    try:
        for fire in fires:
            if (index := (fire - start).days) >= count:
                break
            expected.add(index)
    except StopIteration:
        pass
    assert set(module.days(cron, begin=begin, count=count)) == expected
    assert module.minutes_of_a_day(cron) == (270, 990)
