"""The rules of probes that send a packet between their rounds, for a NAT on the way to keep its mapping."""

from collections.abc import Sequence

from ipsecping.contract import MethodSpec

from . import defaults, durations
from .derived import joined
from .each_probe import each_probe
from .flows import any_of, milliseconds
from .rules import Rule
from .schedule import CRON_CEL, INTERVAL_MS_CEL

LEAST, MOST = "5s", "5m"


def _given(probe: str) -> str:
    """CEL: it has one. What is malformed is refused elsewhere."""
    return f"has({probe}.keepalive) && {probe}.keepalive.matches('{durations.PATTERN}')"


def probe_rules(methods: Sequence[MethodSpec]) -> tuple[Rule, ...]:
    """Rules of one probe."""
    keeping = [method for method in methods if method.keeps_mapping]
    timeout = milliseconds("timeout", "self", str(durations.milliseconds(defaults.TIMEOUT)))
    return (
        Rule(
            cel=f"!has(self.keepalive) || {any_of(keeping)} || !{any_of(methods)}",
            holds=lambda self: (
                self.keepalive is None
                or not self.methods
                or any(each.declared() in keeping for each in self.methods)
            ),
            field=".keepalive",
            reason="FieldValueForbidden",
            message=f"only {joined([method.member for method in keeping], 'and')} have a mapping of their "
            "own to keep from round to round: remove it",
        ),
        Rule(
            cel=f"!({_given('self')}) || duration(self.keepalive).getMilliseconds() >= {timeout}",
            holds=lambda self: self.keepalive_ms is None or self.keepalive_ms >= self.timeout_ms,
            field=".keepalive",
            message="must not be shorter than timeout, for a pause begins when a round is over "
            f"(default: timeout {defaults.TIMEOUT})",
        ),
    )


SCHEDULE_RULES = (
    each_probe(
        unless_cel=f"!({CRON_CEL})",
        unless=lambda self: not self.is_cron,
        cel="!has(probe.keepalive)",
        holds=lambda _, probe: probe.keepalive is None,
        reason="FieldValueForbidden",
        message="keepalive needs spec.schedule.interval: between the rounds of a cron line nobody is "
        "there to send",
    ),
    each_probe(
        unless_cel=f"({CRON_CEL})",
        unless=lambda self: self.is_cron,
        cel=f"!({_given('probe')}) || duration(probe.keepalive).getMilliseconds() < {INTERVAL_MS_CEL}",
        holds=lambda self, probe: probe.keepalive_ms is None or probe.keepalive_ms < self.interval_ms,
        message="keepalive must be shorter than spec.schedule.interval: more frequent rounds keep a "
        "mapping by themselves, so remove it, or choose a longer interval",
    ),
)
"""Rules of a check; what holds is asked of a `CheckSpec`."""
