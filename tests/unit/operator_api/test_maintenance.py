"""Windows of maintenance in a spec: what is read of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping_operator.api.maintenance import LONGEST, MaintenanceWindow
from ipsecping_operator.api.validation import InvalidModel, read
from ipsecping_operator.compile.compiled import Cron, InvalidSpec
from ipsecping_operator.compile.compiled import MaintenanceWindow as Compiled
from ipsecping_operator.compile.maintenance import compile_maintenance, effective_maintenance

HOUR = 3600 * 10**9


def compiled(*windows: dict[str, Any]) -> tuple[Compiled, ...]:
    return compile_maintenance(read(MaintenanceWindow, {"name": "a", **each}) for each in windows)


def test_both_kinds_are_read_and_written_again() -> None:
    windows = compiled(
        {"from": "2026-12-05T22:00:00+01:00", "until": "2026-12-06T03:30:00+05:30", "reason": "new firmware"},
        {"schedule": "@weekly", "duration": "90m"},
        {"schedule": "0 2 * * sun", "timeZone": "Europe/Berlin", "duration": "100h"},
    )
    once, weekly, zoned = windows
    assert once.start == int(datetime(2026, 12, 5, 21, tzinfo=UTC).timestamp()) * 10**9
    assert (once.length, once.reason) == (HOUR, "new firmware")
    assert weekly.cron == Cron(line="0 0 * * 0", time_zone="Etc/UTC")
    assert (weekly.length, zoned.length) == (HOUR * 3 // 2, 100 * HOUR)
    written = effective_maintenance(windows)
    assert compile_maintenance(read(MaintenanceWindow, each) for each in written) == windows


@pytest.mark.parametrize("zone", ["Etc/UTC", "Europe/Berlin", "Australia/Lord_Howe"])
def test_an_hour_that_clocks_repeat_is_no_reason_to_refuse_a_window(zone: str) -> None:
    assert compiled({"schedule": "0 2 * * *", "timeZone": zone, "duration": "20h"})
    with pytest.raises(InvalidSpec, match=r"maintenance\[0\].duration: must be shorter than the 12h"):
        compiled({"schedule": "0 2,14 * * *", "timeZone": zone, "duration": "12h"})


def accepted(**fields: Any) -> bool:
    try:
        read(MaintenanceWindow, {"name": "a", **fields})
    except InvalidModel:
        return False
    return True


@settings(max_examples=50)
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 11, 1)),
    st.timedeltas(timedelta(days=-2), timedelta(days=33)),
    st.timedeltas(timedelta(hours=-14), timedelta(hours=14)),
)
def test_a_time_may_be_any_of_this_century_at_any_offset(
    begin: datetime, length: timedelta, offset: timedelta
) -> None:
    minutes = int(offset.total_seconds()) // 60
    begin, length = begin.replace(microsecond=0), timedelta(seconds=int(length.total_seconds()))
    until = begin + length + timedelta(minutes=minutes)
    written = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert accepted(**{"from": f"{begin.isoformat()}Z", "until": f"{until.isoformat()}{written}"}) == (
        timedelta() < length <= LONGEST
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-05",
        "2026-12-05T22:00:00",
        "2026-12-05 22:00:00Z",
        "2026-12-05t22:00:00z",
        "2026-12-05T22:00Z",
        "2026-12-05T22:00:00.5Z",
        "2026-12-05T24:00:00Z",
        "2026-12-05T22:00:60Z",
        "2026-06-31T22:00:00Z",
        "2026-02-29T22:00:00Z",
        "2100-01-01T00:00:00Z",
        "2026-12-05T22:00:00+15:00",
        "2026-12-05T22:00:00Z\n",
        "\u0662026-12-05T22:00:00Z",
    ],
)
def test_nothing_else_is_a_time(text: str) -> None:
    assert not accepted(**{"from": text, "until": "2026-12-06T02:00:00Z"})
    assert accepted(**{"from": "2024-02-29T22:00:00Z", "until": "2024-03-01T02:00:00Z"})
