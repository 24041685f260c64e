"""The rules of probes with several flows: source ports side by side."""

from collections.abc import Sequence
from typing import Any

from ipsecping.contract import MethodSpec
from ipsecping.contract.planned_probe import LEAST_REST_MS

from . import defaults, durations
from .derived import joined
from .rules import Rule

_LAST_PORT = 65_535


def any_of(methods: Sequence[MethodSpec], probe: str = "self") -> str:
    """CEL: the probe is of one of these types."""
    return "(" + " || ".join(f"has({probe}.{method.member})" for method in methods) + ")"


def milliseconds(field: str, probe: str, default: str) -> str:
    """CEL: a duration in milliseconds. What is malformed is refused elsewhere."""
    return (
        f"(has({probe}.{field}) && {probe}.{field}.matches('{durations.PATTERN}')"
        f" ? duration({probe}.{field}).getMilliseconds() : {default})"
    )


def several(probe: str = "self") -> str:
    """CEL: the probe has several flows."""
    return f"(has({probe}.flows) && {probe}.flows > 1)"


def resting(methods: Sequence[MethodSpec]) -> list[MethodSpec]:
    """Return the types whose flows have one packet under way at a time."""
    return [method for method in methods if method.one_at_a_time]


def spacing_ms(methods: Sequence[MethodSpec], probe: str = "self") -> str:
    """CEL: the time between two packets of a flow, default included. See `Probe.spacing_ms`."""
    rests = f"({any_of(resting(methods), probe)} && {several(probe)})"
    timeout = milliseconds("timeout", probe, str(durations.milliseconds(defaults.TIMEOUT)))
    usual = durations.milliseconds(defaults.SPACING)
    return milliseconds("spacing", probe, f"({rests} ? {timeout} + {LEAST_REST_MS} : {usual})")


def _count(probe: str) -> str:
    return f"(has({probe}.count) ? {probe}.count : {defaults.COUNT})"


def probe_rules(methods: Sequence[MethodSpec]) -> tuple[Rule, ...]:
    """Rules of one probe."""
    having = [method for method in methods if method.has_flows]
    rests = resting(methods)
    timeout = milliseconds("timeout", "self", str(durations.milliseconds(defaults.TIMEOUT)))
    return (
        Rule(
            cel=f"!{several()} || {any_of(having)} || !{any_of(methods)}",
            holds=lambda self: not _several(self) or not self.methods or _is_of(self, having),
            field=".flows",
            reason="FieldValueForbidden",
            message=f"only {joined([method.member for method in having], 'and')} can have several flows: "
            "remove it",
        ),
        Rule(
            cel=f"!{several()} || {_count('self')} * self.flows <= {defaults.MAX_COUNT}",
            holds=lambda self: not _several(self) or self.packets * self.flows <= defaults.MAX_COUNT,
            field=".flows",
            message=f"count x flows must be at most {defaults.MAX_COUNT} (default: count {defaults.COUNT})",
        ),
        Rule(
            cel=f"!{several()} || !has(self.sourcePort) || self.sourcePort + self.flows - 1 <= {_LAST_PORT}",
            holds=lambda self: (
                not _several(self)
                or self.source_port is None
                or self.source_port + self.flows - 1 <= _LAST_PORT
            ),
            field=".sourcePort",
            message=f"the flows' ports follow on one another, and the last one must be at most {_LAST_PORT}",
        ),
        Rule(
            cel=f"!{several()} || !{any_of(rests)} || {_count('self')} == 1 || "
            f"{spacing_ms(methods)} >= {timeout} + {LEAST_REST_MS}",
            holds=lambda self: (
                not _several(self)
                or not _is_of(self, rests)
                or self.packets == 1
                or self.spacing_ms >= self.timeout_ms + LEAST_REST_MS
            ),
            field=".spacing",
            message=f"{joined([method.member for method in rests], 'and')} has one connection at a time in "
            f"each of its flows: spacing must be at least {LEAST_REST_MS}ms longer than timeout "
            f"(default: timeout {defaults.TIMEOUT}, and spacing {LEAST_REST_MS}ms more)",
        ),
    )


def fits_between_rounds(methods: Sequence[MethodSpec], *, interval_ms: str, probe: str) -> str:
    """CEL: a flow that has one packet under way at a time is done with a round when the next one begins."""
    return (
        f"!{several(probe)} || !{any_of(resting(methods), probe)} || "
        f"{_count(probe)} * {spacing_ms(methods, probe)} <= {interval_ms}"
    )


def is_between_rounds(probe: Any, *, interval_ms: int) -> bool:
    """Return the same in Python, of a `Probe`."""
    rests = any(each.declared().one_at_a_time for each in probe.methods)
    return not _several(probe) or not rests or bool(probe.packets * probe.spacing_ms <= interval_ms)


def _several(probe: Any) -> bool:
    return bool(probe.flow_count > 1)


def _is_of(probe: Any, methods: Sequence[MethodSpec]) -> bool:
    return any(each.declared() in methods for each in probe.methods)
