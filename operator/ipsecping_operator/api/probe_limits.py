"""The rules of a probe that has thresholds of its own: that what they limit is measured by it."""

from collections.abc import Sequence
from typing import Any

from ipsecping.contract import Expect, LossShape, MethodSpec, PathMtu
from ipsecping.contract.methods.path_mtu import MAX_TRIED

from .derived import joined
from .flows import any_of
from .rules import Rule


def shapeless(methods: Sequence[MethodSpec]) -> list[MethodSpec]:
    """Return the types whose rounds show no bursts of loss."""
    return [method for method in methods if LossShape not in method.measures]


def probe_rules(methods: Sequence[MethodSpec]) -> tuple[Rule, ...]:
    """Rules of one probe; what holds is asked of a `Probe`."""
    untimed = [method for method in methods if not method.timed]
    single = shapeless(methods)
    searching = [method for method in methods if PathMtu in method.measures]
    timeless = f"{_named(untimed)} measure no round-trip time"
    return (
        Rule(
            cel="!has(self.thresholds) || !(has(self.expect) && self.expect == 'Blocked')",
            holds=lambda self: self.thresholds is None or self.expect is not Expect.BLOCKED,
            field=".thresholds",
            reason="FieldValueForbidden",
            message="a probe that expects Blocked has no limits of loss and time: remove it",
        ),
        Rule(
            cel=f"{_without('rtt')} || !{any_of(untimed)}",
            holds=lambda self: not _limits(self, "rtt") or not _is_of(self, untimed),
            field=".thresholds.rtt",
            reason="FieldValueForbidden",
            message=f"{timeless}: remove it",
        ),
        Rule(
            cel=f"{_without('jitter')} || !({any_of(untimed)} || (has(self.count) && self.count == 1))",
            holds=lambda self: not _limits(self, "jitter") or not (_is_of(self, untimed) or self.count == 1),
            field=".thresholds.jitter",
            reason="FieldValueForbidden",
            message=f"that takes a count of 2 or more, and {timeless}: remove it",
        ),
        Rule(
            cel=f"{_without('burst')} || !{any_of(single)}",
            holds=lambda self: not _limits(self, "burst") or not _is_of(self, single),
            field=".thresholds.burst",
            reason="FieldValueForbidden",
            message=f"{_named(single)} send no packets in a row: remove it",
        ),
        Rule(
            cel=f"{_without('pathMTU')} || {any_of(searching)} || !{any_of(methods)}",
            holds=lambda self: not _limits(self, "path_mtu") or not self.methods or _is_of(self, searching),
            field=".thresholds.pathMTU",
            reason="FieldValueForbidden",
            message=f"only {_named(searching)} measures it: remove it",
        ),
        Rule(
            cel=f"{_without('pathMTU')} || !has(self.pathMTU) || self.thresholds.pathMTU <= "
            f"(has(self.pathMTU.max) ? self.pathMTU.max : {MAX_TRIED})",
            holds=lambda self: all(
                self.thresholds.path_mtu <= each.most
                for each in self.methods
                if PathMtu in each.declared().measures and _limits(self, "path_mtu")
            ),
            field=".thresholds.pathMTU",
            message=f"must not be above pathMTU.max, or it is never reached (default: max {MAX_TRIED})",
        ),
    )


def _without(limit: str) -> str:
    return f"!has(self.thresholds) || !has(self.thresholds.{limit})"


def _limits(probe: Any, limit: str) -> bool:
    return probe.thresholds is not None and getattr(probe.thresholds, limit) is not None


def _named(methods: Sequence[MethodSpec]) -> str:
    return joined([method.member for method in methods], "and")


def _is_of(probe: Any, methods: Sequence[MethodSpec]) -> bool:
    return any(each.declared() in methods for each in probe.methods)
