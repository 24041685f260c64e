"""The rules of a check that what is judged is measured: thresholds and what is verified."""

from collections.abc import Sequence

from ipsecping.contract import MethodSpec
from ipsecping.contract.methods.path_mtu import MAX_TRIED
from ipsecping.contract.methods.stamp import (
    AUTHENTICATED_PAYLOAD,
    DSCP_QUESTION,
    PAYLOAD,
    QUESTION_SEAL,
    SOURCE_QUESTION,
)

from .each_probe import each_probe
from .flows import any_of
from .methods import PathMtu, Stamp
from .probe_limits import shapeless
from .probes import Probe
from .rules import Rule

_ASKING_CEL = "has(probe.stamp) && !(has(probe.expect) && probe.expect == 'Blocked')"
_ROOM_CEL = (
    f"(has(probe.stamp.auth) ? {AUTHENTICATED_PAYLOAD + QUESTION_SEAL} : {PAYLOAD}) + "
    f"(has(self.verify.sourceSeen) ? {SOURCE_QUESTION} : 0) + (has(self.verify.dscp) ? {DSCP_QUESTION} : 0)"
)


def _search(probe: Probe) -> PathMtu | None:
    return probe.given(PathMtu)


def threshold_rules(methods: Sequence[MethodSpec]) -> tuple[Rule, ...]:
    """Return the rules of spec.thresholds; what holds is asked of a `CheckSpec`."""
    untimed = [method.member for method in methods if not method.timed]
    timed = (
        "".join(f"!has(probe.{name}) && " for name in untimed)
        + "!(has(probe.expect) && probe.expect == 'Blocked')"
    )
    return (
        Rule(
            cel="!has(self.thresholds) || !has(self.thresholds.pathMTU) || "
            "(has(self.probes) && self.probes.exists(probe, has(probe.pathMTU)))",
            holds=lambda self: self.mtu_limit is None or any(map(_search, self.probes or ())),
            field=".thresholds.pathMTU",
            message="no probe measures it: add a probe of type pathMTU",
        ),
        each_probe(
            unless_cel="!has(self.thresholds) || !has(self.thresholds.pathMTU)",
            unless=lambda self: self.mtu_limit is None,
            cel="!has(probe.pathMTU) || (has(probe.thresholds) && has(probe.thresholds.pathMTU)) || "
            f"self.thresholds.pathMTU <= (has(probe.pathMTU.max) ? probe.pathMTU.max : {MAX_TRIED})",
            holds=lambda self, probe: (
                (search := _search(probe)) is None
                or bool(probe.thresholds and probe.thresholds.path_mtu)
                or self.mtu_limit <= search.most
            ),
            field=".thresholds.pathMTU",
            message="must not be above max of a pathMTU probe, or it is never reached "
            f"(default: max {MAX_TRIED})",
        ),
        Rule(
            cel="!has(self.thresholds) || !has(self.thresholds.rtt) || !has(self.probes) || "
            f"self.probes.exists(probe, {timed})",
            holds=lambda self: (
                not (self.thresholds and self.thresholds.rtt)
                or any(probe.is_timed for probe in self.probe_list)
            ),
            field=".thresholds.rtt",
            message=f"no probe measures it: {', '.join(untimed)} and probes that expect Blocked have no "
            "such limit",
        ),
        Rule(
            cel="!has(self.thresholds) || !has(self.thresholds.jitter) || !has(self.probes) || "
            f"self.probes.exists(probe, {timed} && (!has(probe.count) || probe.count > 1))",
            holds=lambda self: (
                not (self.thresholds and self.thresholds.jitter)
                or any(probe.is_timed and probe.packets > 1 for probe in self.probe_list)
            ),
            field=".thresholds.jitter",
            message="no probe measures it: that takes a round-trip time and a count of 2 or more",
        ),
        Rule(
            cel="!has(self.thresholds) || !has(self.thresholds.burst) || !has(self.probes) || "
            f"self.probes.exists(probe, !{any_of(shapeless(methods), 'probe')} && "
            "!(has(probe.expect) && probe.expect == 'Blocked'))",
            holds=lambda self: (
                not (self.thresholds and self.thresholds.burst)
                or any(probe.shows_bursts for probe in self.probe_list)
            ),
            field=".thresholds.burst",
            message="no probe measures it: that takes packets in a row, and a probe that does not expect "
            "Blocked",
        ),
    )


VERIFY_RULES = (
    Rule(
        cel=f"!has(self.verify) || (has(self.probes) && self.probes.exists(probe, {_ASKING_CEL}))",
        holds=lambda self: not self.verify or any(probe.can_verify for probe in self.probe_list),
        field=".verify",
        message="no probe asks for it: add a probe of type stamp that does not expect Blocked",
    ),
    each_probe(
        unless_cel="!has(self.verify) || !(has(self.verify.sourceSeen) || has(self.verify.dscp))",
        unless=lambda self: not self.verify or not self.verify.asks,
        cel=f"!({_ASKING_CEL}) || !has(probe.size) || probe.size >= {_ROOM_CEL}",
        holds=lambda self, probe: (
            probe.size is None
            or not probe.can_verify
            or probe.size
            >= probe.given(Stamp).least_payload(source=self.verify.asks_source, dscp=self.verify.asks_dscp)
        ),
        message=f"size of a stamp probe must be at least {PAYLOAD} "
        f"({AUTHENTICATED_PAYLOAD + QUESTION_SEAL} with stamp.auth), plus {SOURCE_QUESTION} with "
        f"spec.verify.sourceSeen and {DSCP_QUESTION} with spec.verify.dscp, which the packets have to "
        "ask for",
    ),
)
"""Rules of spec.verify; what holds is asked of a `CheckSpec`."""
