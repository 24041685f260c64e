"""When rounds run: at an interval or by a cron line."""

import re
from typing import Annotated, TypeAlias

from pydantic import Field
from pydantic.alias_generators import to_camel

from . import defaults, durations
from .rules import Model, Rule, Rules, matching
from .scalars import duration

Interval: TypeAlias = duration("1s", "24h", whole_milliseconds=True)  # type: ignore[valid-type]
Spread: TypeAlias = duration("1s", "12h", whole_milliseconds=True)  # type: ignore[valid-type]
StartTimeout: TypeAlias = duration("30s", "1h", whole_milliseconds=True)  # type: ignore[valid-type]

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def _cron_field(value: str) -> str:
    item = f"([*?]|({value})(-({value}))?)(/[1-9][0-9]?)?"
    return f"{item}(,{item})*"


# The dialect of Kubernetes (robfig/cron, ParseStandard) without `@every` and time zone prefixes.
CRON_PATTERN = (
    "(?i)^("
    + " +".join(
        _cron_field(value)
        for value in (
            "[0-5]?[0-9]",
            "[01]?[0-9]|2[0-3]",
            "0?[1-9]|[12][0-9]|3[01]",
            "|".join(["0?[1-9]", "1[0-2]", *MONTHS]),
            "|".join(["[0-6]", *WEEKDAYS]),
        )
    )
    + "|"
    + "|".join(MACROS)
    + ")$"
)

_SHORT_MONTHS = "0?[2469]|11|feb|apr|jun|sep|nov"


def _only(value: str) -> str:
    return f"({value})(,({value}))*"


# The 31st of short months, or the 30th of February, and no day of the week, which would do as well. What is
# written with steps and ranges of months, the compile step sees.
_NEVER = (
    "(?i)^[^ ]+ +[^ ]+ +("
    f"{_only('31')} +{_only(_SHORT_MONTHS)}|{_only('3[01](-31)?')} +{_only('0?2|feb')}"
    ") +[*?]$"
)

CronLine: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=100),
    Rules(
        Rule(
            cel=f"self.matches('{CRON_PATTERN}')",
            holds=lambda text: re.fullmatch(CRON_PATTERN, text) is not None,
            message="must have five fields: minute, hour, day of month, month, day of week (0-6), "
            'such as "*/5 * * * *"; or be one of @hourly, @daily, @weekly, @monthly, @yearly. '
            "A time zone goes into timeZone",
        ),
        Rule(
            cel=f"!self.matches('{_NEVER}')",
            holds=lambda text: re.fullmatch(_NEVER, text) is None,
            message="must fire at some time: no month has such a day",
        ),
    ),
]
_AREAS = (
    "Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe|Indian|Mexico|"
    "Pacific|US"
)
_OLD_NAMES = (
    "CET|CST6CDT|Cuba|EET|EST|EST5EDT|Egypt|Eire|GB|GB-Eire|GMT|GMT[+]0|GMT-0|GMT0|Greenwich|HST|Hongkong|"
    "Iceland|Iran|Israel|Jamaica|Japan|Kwajalein|Libya|MET|MST|MST7MDT|NZ|NZ-CHAT|Navajo|PRC|PST8PDT|Poland|"
    "Portugal|ROC|ROK|Singapore|Turkey|UCT|UTC|Universal|W-SU|WET|Zulu"
)
TIME_ZONE = f"^(({_AREAS})(/[A-Z][A-Za-z0-9_+-]*){{1,2}}|{_OLD_NAMES})$"
"""The forms of the IANA database's names; whether there is such a city the compile step sees."""
TimeZone: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=64),
    matching(
        TIME_ZONE,
        "must be a time zone of the IANA database: Area/City, such as Europe/Berlin, or UTC",
    ),
]


def _of_cron(name: str) -> Rule:
    return Rule(
        cel=f"!has(self.{to_camel(name)}) || has(self.cron)",
        holds=lambda self: getattr(self, name) is None or self.cron is not None,
        field=f".{to_camel(name)}",
        reason="FieldValueForbidden",
        message="needs spec.schedule.cron: at an interval an agent measures all the time",
    )


class Schedule(Model):
    """When rounds run. At most one of interval and cron; every 30s when both are absent."""

    interval: Interval | None = None
    """Time from the start of one round to that of the next, 1s to 24h. An agent in a Deployment measures, or
    one on each node (placement.everyNode). Default: 30s."""
    cron: CronLine | None = None
    """Cron line with five fields: a CronJob runs one round each time it fires. If it has both a day of the
    month and a day of the week, it fires on either."""
    time_zone: TimeZone | None = None
    """IANA time zone of the cron line, such as Europe/Berlin. Default: Etc/UTC."""

    spread: Spread | None = None
    """Time over which rounds that fire together are spread, 1s to 12h: each path waits for its own, constant
    part of it before it sends. Default: no path waits."""
    start_timeout: StartTimeout | None = None
    """How long the pod of a cron round may take to be scheduled, to pull its image and to start, 30s to 1h.
    If nodes are added on demand, allow for the time that this takes. Default: 2m."""
    history: Annotated[int | None, Field(ge=1, le=defaults.MAX_HISTORY)] = None
    """Number of finished Jobs that Kubernetes keeps for each path of a cron check, and of failed ones, 1 to
    100. After a pause the operator reads from them what it has missed. Default: 3."""

    rules = (
        _of_cron("spread"),
        _of_cron("start_timeout"),
        _of_cron("history"),
        Rule(
            cel="!(has(self.interval) && has(self.cron))",
            holds=lambda self: self.interval is None or self.cron is None,
            field=".cron",
            reason="FieldValueForbidden",
            message="at most one of spec.schedule.interval and spec.schedule.cron: remove the other one",
        ),
        Rule(
            cel="!has(self.timeZone) || has(self.cron)",
            holds=lambda self: self.time_zone is None or self.cron is not None,
            field=".timeZone",
            reason="FieldValueForbidden",
            message="needs spec.schedule.cron: an interval has no time zone",
        ),
    )

    @property
    def interval_text(self) -> str:
        """The interval in force where there is no cron line."""
        return self.interval or defaults.INTERVAL


CRON_CEL = "has(self.schedule) && has(self.schedule.cron)"
"""CEL: a check runs by a cron line."""
INTERVAL_MS_CEL = (
    "(has(self.schedule) && has(self.schedule.interval)"
    f" && self.schedule.interval.matches('{durations.PATTERN}')"
    f" ? duration(self.schedule.interval).getMilliseconds() : {durations.milliseconds(defaults.INTERVAL)})"
)
"""CEL: the milliseconds between the rounds of a check that does not."""
