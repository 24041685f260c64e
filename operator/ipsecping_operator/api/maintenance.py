"""Times in which work is done on the tunnel: no outage, no alert, no warning."""

import re
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

from pydantic import Field

from . import durations
from .rules import ListMap, Model, Rule, Rules
from .scalars import Name, duration, printable
from .schedule import CronLine, TimeZone

MAX_WINDOWS = 16
LONGEST = timedelta(days=31)
"""Of a window with from and until: what is to be silent for longer has alerting.enabled."""
_LONGEST_CEL = f"{LONGEST // timedelta(hours=1)}h"
_DAY = (
    "20[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
    "02-(0[1-9]|1[0-9]|2[0-8]))|20([02468][048]|[13579][26])-02-29"
)
INSTANT = f"^({_DAY})T([01][0-9]|2[0-3])(:[0-5][0-9]){{2}}(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
"""RFC 3339, of this century, to the second: days that there are, and no leap second."""

Instant: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=25),
    Rules(
        Rule(
            cel=f"self.matches('{INSTANT}')",
            holds=lambda text: re.fullmatch(INSTANT, text) is not None,
            message="must be a time with its offset (RFC 3339), such as 2026-12-05T22:00:00Z or "
            "2026-12-05T23:00:00+01:00",
        )
    ),
]
_ANY_DAY = " +[*?] +[*?] +[*?]$"
_MOST = (
    (f"(?i)^([^ ]+ +[*?]{_ANY_DAY}|@hourly$)", "50m"),
    (f"(?i)^([^ ]+ +[^ ]+{_ANY_DAY}|@(daily|midnight)$)", "20h"),
    ("(?i)^([^ ]+ +[^ ]+ +[*?] +[*?] +[^ ]+$|@weekly$)", "140h"),
)
"""What a line is that fires each hour, day or week, and how long its window may be open: five sixths of that.
For all other lines, and for several windows, the compile step sees to it."""
_TOO_LONG_CEL = " || ".join(
    f"(self.schedule.matches('{line}') && duration(self.duration) > duration('{most}'))"
    for line, most in _MOST
)


def _leaves_time_outside(window: "MaintenanceWindow") -> bool:
    schedule, length = window.schedule, window.duration
    return (
        schedule is None
        or length is None
        or not any(
            re.search(line, schedule) and durations.nanoseconds(length) > durations.nanoseconds(most)
            for line, most in _MOST
        )
    )


WindowDuration: TypeAlias = duration("1m", "168h", whole_milliseconds=True)  # type: ignore[valid-type]


class MaintenanceWindow(Model):
    """A single window, with from and until, or a recurring one, with schedule and duration."""

    name: Name
    """Name of the window, unique within the check."""
    from_: Annotated[Instant | None, Field(alias="from")] = None
    """When it opens, with until: an RFC 3339 time with its offset, such as 2026-12-05T22:00:00Z."""
    until: Instant | None = None
    """When it closes: after from, by at most 31 days. Windows with from and until together may be open for at
    most 35 of any 42 days, and all windows for at most 38."""
    schedule: CronLine | None = None
    """Cron line with five fields, as in a CronJob: the window opens each time it fires, for its duration. A
    time that the clocks of the zone skip counts as the moment of the change; one that they repeat fires
    twice. A line with both a day of the month and a day of the week fires on either."""
    time_zone: TimeZone | None = None
    """IANA time zone of schedule, such as Europe/Berlin. Default: Etc/UTC."""
    duration: WindowDuration | None = None
    """How long it is open each time, with schedule: 1m to 168h, but less than the time between two fires. All
    windows with schedule together may be open for at most 35 of any 42 days, so for at most 20h each day; a
    gap of less than 10m between them counts as open."""
    reason: Annotated[str, Field(min_length=1, max_length=256), Rules(printable("new firmware"))] | None = (
        None
    )
    """What is done in the window, for those who read the status."""

    rules = (
        Rule(
            cel="has(self.from) || has(self.schedule)",
            holds=lambda self: self.from_ is not None or self.schedule is not None,
            field=".from",
            reason="FieldValueRequired",
            message="is needed with until, or schedule with duration in their place",
        ),
        Rule(
            cel="!(has(self.from) && has(self.schedule))",
            holds=lambda self: self.from_ is None or self.schedule is None,
            field=".schedule",
            reason="FieldValueForbidden",
            message="at most one of from and schedule: make it two windows",
        ),
        Rule(
            cel="!has(self.from) || has(self.until)",
            holds=lambda self: self.from_ is None or self.until is not None,
            field=".until",
            reason="FieldValueRequired",
            message="is needed with from: a window has to close",
        ),
        Rule(
            cel="!has(self.schedule) || has(self.duration)",
            holds=lambda self: self.schedule is None or self.duration is not None,
            field=".duration",
            reason="FieldValueRequired",
            message="is needed with schedule: a window has to close",
        ),
        Rule(
            cel="!has(self.until) || has(self.from)",
            holds=lambda self: self.until is None or self.from_ is not None,
            field=".until",
            reason="FieldValueForbidden",
            message="needs from: a window with schedule closes after its duration",
        ),
        Rule(
            cel="!has(self.duration) || has(self.schedule)",
            holds=lambda self: self.duration is None or self.schedule is not None,
            field=".duration",
            reason="FieldValueForbidden",
            message="needs schedule: a window with from closes at until",
        ),
        Rule(
            cel="!has(self.timeZone) || has(self.schedule)",
            holds=lambda self: self.time_zone is None or self.schedule is not None,
            field=".timeZone",
            reason="FieldValueForbidden",
            message="needs schedule: from and until have an offset of their own",
        ),
        Rule(
            # Of what is no time that is said already.
            cel=f"!has(self.from) || !has(self.until) || !self.from.matches('{INSTANT}') || "
            f"!self.until.matches('{INSTANT}') || (timestamp(self.until) > timestamp(self.from) && "
            f"timestamp(self.until) - timestamp(self.from) <= duration('{_LONGEST_CEL}'))",
            holds=lambda self: (
                self.from_ is None
                or self.until is None
                or timedelta()
                < datetime.fromisoformat(self.until) - datetime.fromisoformat(self.from_)
                <= LONGEST
            ),
            field=".until",
            message=f"must be after from, by at most {LONGEST.days} days: to silence alerts for longer, set "
            "alerting.enabled: false",
        ),
        Rule(
            # Of what is no duration that is said already.
            cel="!has(self.schedule) || !has(self.duration) || "
            f"!self.duration.matches('{durations.PATTERN}') || !({_TOO_LONG_CEL})",
            holds=_leaves_time_outside,
            field=".duration",
            message="must leave outages a sixth of the time in which they are reported: at most 50m with a "
            "schedule that fires each hour, 20h each day, 140h each week; to silence alerts all the time, "
            "set alerting.enabled: false",
        ),
    )


MaintenanceWindows: TypeAlias = Annotated[
    tuple[MaintenanceWindow, ...], Field(min_length=1, max_length=MAX_WINDOWS), ListMap("name")
]
