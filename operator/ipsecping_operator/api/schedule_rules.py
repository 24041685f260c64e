"""The rules of a check that bind what is measured to when rounds run."""

from collections.abc import Sequence
from typing import Any

from ipsecping.contract import MethodSpec
from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping.contract.planned_probe import LEAST_REST_MS

from . import defaults, flows, instances
from .each_probe import each_probe
from .rules import Rule
from .schedule import CRON_CEL, INTERVAL_MS_CEL

_ROUNDS_CEL = f"({instances.MOST_CEL}) * (has(self.probes) ? self.probes.size() : 1)"


def _sending_ms_cel(methods: Sequence[MethodSpec]) -> str:
    single = " || ".join(f"has(probe.{method.member})" for method in methods if not method.paced)
    return (
        f"(({single} ? 1 : has(probe.count) ? probe.count : {defaults.COUNT}) - 1) * "
        f"{flows.spacing_ms(methods, 'probe')}"
    )


def _rounds(spec: Any) -> int:
    return instances.most(spec.of_many_addresses, spec.of_every_node) * len(spec.probe_list)


def _seldom(method: MethodSpec) -> Rule:
    """Rounds of the type come no more often than it says, at an interval."""
    least = method.least_interval_ms

    def holds(spec: Any) -> bool:
        return (
            spec.is_cron
            or spec.interval_ms >= least
            or not any(each.declared() is method for probe in spec.probe_list for each in probe.methods)
        )

    return Rule(
        cel=f"!has(self.probes) || ({CRON_CEL}) || {INTERVAL_MS_CEL} >= {least} || "
        f"!self.probes.exists(probe, has(probe.{method.member}))",
        holds=holds,
        field=".schedule",
        message=f"a probe of type {method.member} needs spec.schedule.cron, or an interval of at least "
        f"{least // 3_600_000}h: it is nothing to repeat all the time",
    )


def schedule_rules(methods: Sequence[MethodSpec]) -> tuple[Rule, ...]:
    """Return the rules; what holds is asked of a `CheckSpec`."""
    sending_ms = _sending_ms_cel(methods)
    return (
        each_probe(
            unless_cel=f"({CRON_CEL})",
            unless=lambda self: self.is_cron,
            cel=f"{sending_ms} < {INTERVAL_MS_CEL}",
            holds=lambda self, probe: probe.sending_ms < self.interval_ms,
            message="(count - 1) x spacing of every probe must be shorter than spec.schedule.interval "
            f"(defaults: count {defaults.COUNT}, spacing {defaults.SPACING}, interval {defaults.INTERVAL})",
        ),
        Rule(
            # Of an interval that is too short for any check that is said already.
            cel=f"({CRON_CEL}) || {INTERVAL_MS_CEL} < 1000 || "
            f"{_ROUNDS_CEL} * 1000 <= {defaults.MAX_ROUNDS_A_SECOND} * {INTERVAL_MS_CEL}",
            holds=lambda self: (
                self.is_cron or _rounds(self) * 1000 <= defaults.MAX_ROUNDS_A_SECOND * self.interval_ms
            ),
            field=".schedule.interval",
            message=f"spec.paths (x {MAX_ADDRESSES} with addresses: All or targetFrom, x {defaults.NODES} "
            f"with placement.everyNode) x spec.probes make more than {defaults.MAX_ROUNDS_A_SECOND} rounds a "
            "second, which is the most for a check: choose a longer interval, or several checks",
        ),
        *(_seldom(method) for method in methods if method.least_interval_ms),
        Rule(
            cel=f"!({CRON_CEL}) || "
            f"!(has(self.paths) ? {instances.PATHS_OF_MANY_CEL} > 0 : ({instances.MANY_CEL}))",
            holds=lambda self: not (self.is_cron and any(self.of_many_addresses)),
            field=".schedule.cron",
            reason="FieldValueForbidden",
            message="addresses: All and targetFrom need spec.schedule.interval: a round of a cron line tells "
            "its results in its pod's termination message, which has no room for those of many addresses",
        ),
        Rule(
            cel=f"!({CRON_CEL}) || !({instances.EVERY_NODE_CEL})",
            holds=lambda self: not (self.is_cron and self.asks_for_every_node),
            field=".schedule.cron",
            reason="FieldValueForbidden",
            message="placement.everyNode needs spec.schedule.interval: no CronJob runs a round on each node",
        ),
        Rule(
            cel=f"!has(self.probes) || !({CRON_CEL}) || self.probes.size() <= {defaults.MAX_PROBES_CRON}",
            holds=lambda self: not self.is_cron or len(self.probes or ()) <= defaults.MAX_PROBES_CRON,
            field=".probes",
            message=f"at most {defaults.MAX_PROBES_CRON} probes with spec.schedule.cron",
        ),
        each_probe(
            unless_cel=f"!({CRON_CEL})",
            unless=lambda self: not self.is_cron,
            cel=f"(has(probe.count) ? probe.count : {defaults.COUNT}) * "
            f"(has(probe.flows) ? probe.flows : 1) <= {defaults.MAX_COUNT_CRON}",
            holds=lambda _, probe: probe.packets * probe.flow_count <= defaults.MAX_COUNT_CRON,
            message=f"count must be at most {defaults.MAX_COUNT_CRON} with spec.schedule.cron, and so must "
            "count x flows",
        ),
        each_probe(
            unless_cel=f"({CRON_CEL})",
            unless=lambda self: self.is_cron,
            cel=flows.fits_between_rounds(methods, interval_ms=INTERVAL_MS_CEL, probe="probe"),
            holds=lambda self, probe: flows.is_between_rounds(probe, interval_ms=self.interval_ms),
            message="count x spacing of a tcp probe with flows must not be longer than "
            "spec.schedule.interval, for each flow has one connection at a time (default: spacing "
            f"{LEAST_REST_MS}ms more than timeout)",
        ),
    )
