"""The spec: what a user asks to be measured."""

from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ipsecping.contract import MethodSpec
from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping.contract.methods.path_mtu import MAX_TRIED
from ipsecping.contract.methods.stamp import (
    AUTHENTICATED_PAYLOAD,
    DSCP_QUESTION,
    PAYLOAD,
    QUESTION_SEAL,
    SOURCE_QUESTION,
)
from ipsecping.contract.plan import LEAST_REST_MS

from . import defaults, durations, flows, instances, keepalive
from .alerting import Alerting
from .derived import Derived
from .diagnosis import Diagnosis
from .maintenance import MaintenanceWindows
from .methods import MODELS, Ike, Method, PathMtu, Stamp
from .placement import Placement
from .probes import Probe, probe_model
from .rules import ListMap, Model, Rule
from .scalars import Name, Target
from .schedule import Schedule
from .source import Source
from .target_from import TargetFrom
from .thresholds import Thresholds
from .tunnel import NOT_THE_TARGET, Controls, Tunnel
from .verify import Verify

HowMany: TypeAlias = Literal["First", "All"]


class Path(Model):
    """One way through the tunnel, or through one of several: measured by a workload of its own."""

    name: Name
    """Name of the path, unique in the check."""
    target: Target | None = None
    """Target on this path. Default: spec.target or spec.targetFrom."""
    addresses: HowMany | None = None
    """Which addresses of this path's target are measured. Default: spec.addresses."""
    placement: Placement | None = None
    """Where this path's probe pods run; each field given here replaces that of spec.placement.
    Default: spec.placement."""
    source: Source | None = None
    """From where packets on this path are sent. Default: spec.source."""
    controls: Controls | None = None
    """Control addresses of this path, where its tunnel has gateways of its own; each one given here replaces
    that of spec.tunnel.controls. Default: spec.tunnel.controls."""


def _interval_ms(spec: "CheckSpec") -> int:
    return durations.milliseconds(spec.schedule.interval_text if spec.schedule else defaults.INTERVAL)


def _fits(spec: "CheckSpec") -> bool:
    return spec.is_cron or all(probe.sending_ms < _interval_ms(spec) for probe in spec.probes or ())


def _is_affordable(spec: "CheckSpec") -> bool:
    measured = instances.most(spec.of_many_addresses, spec.of_every_node) * len(spec.probe_list)
    return spec.is_cron or measured * 1000 <= defaults.MAX_ROUNDS_A_SECOND * _interval_ms(spec)


_CRON = "has(self.schedule) && has(self.schedule.cron)"
_INTERVAL_MS_CEL = (
    "(has(self.schedule) && has(self.schedule.interval)"
    f" && self.schedule.interval.matches('{durations.PATTERN}')"
    f" ? duration(self.schedule.interval).getMilliseconds() : {durations.milliseconds(defaults.INTERVAL)})"
)


def _sending_ms_cel(methods: list[MethodSpec]) -> str:
    single = " || ".join(f"has(probe.{method.member})" for method in methods if not method.paced)
    return (
        f"(({single} ? 1 : has(probe.count) ? probe.count : {defaults.COUNT}) - 1) * "
        f"{flows.spacing_ms(methods, 'probe')}"
    )


_ROUNDS_CEL = f"({instances.MOST_CEL}) * (has(self.probes) ? self.probes.size() : 1)"
_ASKING_CEL = "has(probe.stamp) && !(has(probe.expect) && probe.expect == 'Blocked')"
_ROOM_CEL = (
    f"(has(probe.stamp.auth) ? {AUTHENTICATED_PAYLOAD + QUESTION_SEAL} : {PAYLOAD}) + "
    f"(has(self.verify.sourceSeen) ? {SOURCE_QUESTION} : 0) + (has(self.verify.dscp) ? {DSCP_QUESTION} : 0)"
)


class CheckSpec(Model):
    """What is measured, how often, from where, and what counts as healthy."""

    target: Target | None = None
    """Host behind the tunnel as the applications reach it, inside the tunnel's traffic selector: an IPv4
    address, an IPv6 address or a DNS name. Exactly one of target and targetFrom is needed."""
    target_from: TargetFrom | None = None
    """Targets that are looked up in the check's namespace: a Service's endpoints or pods by their labels, at
    most 32 addresses, each measured by itself. Needs the operator's permission for the namespace
    (--allow-target-from)."""
    family: Literal["IPv4", "IPv6"] | None = None
    """Which addresses of a target that is a name are used, of all paths: for a name with both, and a tunnel
    that carries one. A target that is an address of the other family is refused. Default:
    the address that the resolver puts first."""
    addresses: HowMany | None = None
    """Which addresses of a target that is a name are measured, of all paths. First: one, that of the rounds
    before while the name has it. All: each by itself, at most 32, in turn with the others; the worst decides.
    Rates that are permitted have to allow for 32. Default: First."""
    tunnel: Tunnel | None = None
    """The tunnel that is watched."""
    schedule: Schedule | None = None
    """When rounds run. Default: every 30s."""
    suspend: bool | None = None
    """True stops measuring and keeps the check; Healthy is Unknown meanwhile. Default: false."""
    placement: Placement | None = None
    """Where probe pods run. Default: anywhere."""
    source: Source | None = None
    """From where packets are sent. Default: as the pod's routes say."""
    paths: Annotated[
        tuple[Path, ...] | None, Field(min_length=1, max_length=defaults.MAX_PATHS), ListMap("name")
    ] = None
    """Ways through, at most 8, in order of preference; all probes run on each, in the same instant. Default:
    one path, `default`."""
    healthy_when: Literal["All", "Any"] | None = None
    """Which paths must be healthy for the check to be. All: each of them. Any: one; the others are a warning
    in status.paths, in the message of Healthy and in events, and an outage is when all are unhealthy. A leak
    (UnexpectedlyReachable, SourceMismatch) on any path counts in any case. Default: All."""
    probes: Annotated[
        tuple[Annotated[Probe, Derived(probe_model)], ...] | None,
        Field(min_length=1, max_length=defaults.MAX_PROBES),
        ListMap("name"),
    ] = None
    """Measuring methods, at most 16 (8 with cron). Default: one probe `ping` of type icmp."""
    thresholds: Thresholds | None = None
    """Limits that the measurements are judged by."""
    verify: Verify | None = None
    """What must hold of the packets that arrive at the target. Default: nothing."""
    alerting: Alerting | None = None
    """How alerts about the check are raised and routed. Default: raised, with no label of its own."""
    maintenance: MaintenanceWindows | None = None
    """Windows in which work is done on the tunnel, at most 16. While one is open all is measured and shown as
    ever, and the condition Maintenance is True: no outage, no alert, no Warning event, no diagnosis. What is
    wrong when it closes is an outage from then on. Default: none."""
    diagnosis: Diagnosis | None = None
    """The diagnosis that runs by itself when the check turns unhealthy. Default: one runs once an outage."""

    @classmethod
    def rule_set(cls) -> tuple[Rule, ...]:
        """See Model."""
        return _rules(tuple(MODELS.values()))

    @property
    def probe_list(self) -> tuple[Probe, ...]:
        """The probes, or the one that is measured where none is named."""
        return self.probes or (probe_model().model_validate({"name": defaults.PROBE, "icmp": {}}),)

    @property
    def of_many_addresses(self) -> tuple[bool, ...]:
        """Of each path, whether many addresses may be measured: all of a name, or what is looked up."""
        return tuple(
            ((path and path.addresses) or self.addresses) == "All"
            or (self.target_from is not None and (path is None or path.target is None))
            for path in self.paths or (None,)
        )

    @property
    def of_every_node(self) -> tuple[bool, ...]:
        """Of each path, whether each node measures."""
        whole = bool(self.placement and self.placement.every_node)
        own = (path.placement.every_node if path.placement else None for path in self.paths or ())
        return tuple(whole if each is None else each for each in own) if self.paths else (whole,)

    @property
    def asks_for_every_node(self) -> bool:
        """A pod on each node is asked for, of all paths or of one."""
        placements = (self.placement, *(path.placement for path in self.paths or ()))
        return any(placement is not None and placement.every_node for placement in placements)

    @property
    def mtu_limit(self) -> int | None:
        """thresholds.pathMTU."""
        return None if self.thresholds is None else self.thresholds.path_mtu

    @property
    def is_cron(self) -> bool:
        """Rounds run by a cron line rather than at an interval."""
        return self.schedule is not None and self.schedule.cron is not None


def _search(probe: Probe) -> PathMtu | None:
    return probe.given(PathMtu)


def _seldom(method: MethodSpec) -> Rule:
    """Rounds of the type come no more often than it says, at an interval."""
    least = method.least_interval_ms

    def holds(spec: CheckSpec) -> bool:
        return (
            spec.is_cron
            or _interval_ms(spec) >= least
            or not any(each.declared() is method for probe in spec.probe_list for each in probe.methods)
        )

    return Rule(
        cel=f"!has(self.probes) || ({_CRON}) || {_INTERVAL_MS_CEL} >= {least} || "
        f"!self.probes.exists(probe, has(probe.{method.member}))",
        holds=holds,
        field=".schedule",
        message=f"a probe of type {method.member} needs spec.schedule.cron, or an interval of at least "
        f"{least // 3_600_000}h: it is nothing to repeat all the time",
    )


@lru_cache(maxsize=4)
def _rules(models: tuple[type[Method], ...]) -> tuple[Rule, ...]:
    methods = [model.declared() for model in models]
    untimed = [method.member for method in methods if not method.timed]
    sending_ms = _sending_ms_cel(methods)
    timed = (
        "".join(f"!has(probe.{name}) && " for name in untimed)
        + "!(has(probe.expect) && probe.expect == 'Blocked')"
    )
    return (
        Rule(
            cel="has(self.target) || has(self.targetFrom)",
            holds=lambda self: self.target is not None or self.target_from is not None,
            field=".target",
            reason="FieldValueRequired",
            message="is needed, or targetFrom in its place",
        ),
        Rule(
            cel="!has(self.target) || !has(self.targetFrom)",
            holds=lambda self: self.target is None or self.target_from is None,
            field=".targetFrom",
            reason="FieldValueForbidden",
            message="at most one of target and targetFrom: remove the other one",
        ),
        Rule(
            cel=f"!has(self.probes) || ({_CRON}) || "
            f"self.probes.all(probe, {sending_ms} < {_INTERVAL_MS_CEL})",
            holds=_fits,
            field=".probes",
            message="(count - 1) x spacing of every probe must be shorter than spec.schedule.interval "
            f"(defaults: count {defaults.COUNT}, spacing {defaults.SPACING}, interval {defaults.INTERVAL})",
        ),
        Rule(
            # Of an interval that is too short for any check that is said already.
            cel=f"({_CRON}) || {_INTERVAL_MS_CEL} < 1000 || "
            f"{_ROUNDS_CEL} * 1000 <= {defaults.MAX_ROUNDS_A_SECOND} * {_INTERVAL_MS_CEL}",
            holds=_is_affordable,
            field=".schedule.interval",
            message=f"spec.paths (x {MAX_ADDRESSES} with addresses: All or targetFrom, x {defaults.NODES} "
            f"with placement.everyNode) x spec.probes make more than {defaults.MAX_ROUNDS_A_SECOND} rounds a "
            "second, which is the most for a check: choose a longer interval, or several checks",
        ),
        *(_seldom(method) for method in methods if method.least_interval_ms),
        Rule(
            cel=f"!({_CRON}) || "
            f"!(has(self.paths) ? {instances.PATHS_OF_MANY_CEL} > 0 : ({instances.MANY_CEL}))",
            holds=lambda self: not (self.is_cron and any(self.of_many_addresses)),
            field=".schedule.cron",
            reason="FieldValueForbidden",
            message="addresses: All and targetFrom need spec.schedule.interval: a round of a cron line tells "
            "its results in its pod's termination message, which has no room for those of many addresses",
        ),
        Rule(
            cel=f"!({_CRON}) || !({instances.EVERY_NODE_CEL})",
            holds=lambda self: not (self.is_cron and self.asks_for_every_node),
            field=".schedule.cron",
            reason="FieldValueForbidden",
            message="placement.everyNode needs spec.schedule.interval: no CronJob runs a round on each node",
        ),
        Rule(
            cel=f"!has(self.probes) || !({_CRON}) || self.probes.size() <= {defaults.MAX_PROBES_CRON}",
            holds=lambda self: not self.is_cron or len(self.probes or ()) <= defaults.MAX_PROBES_CRON,
            field=".probes",
            message=f"at most {defaults.MAX_PROBES_CRON} probes with spec.schedule.cron",
        ),
        Rule(
            cel=f"!has(self.probes) || !({_CRON}) || self.probes.all(probe, "
            f"(has(probe.count) ? probe.count : {defaults.COUNT}) * (has(probe.flows) ? probe.flows : 1) <= "
            f"{defaults.MAX_COUNT_CRON})",
            holds=lambda self: (
                not self.is_cron
                or all(
                    probe.packets * probe.flow_count <= defaults.MAX_COUNT_CRON for probe in self.probes or ()
                )
            ),
            field=".probes",
            message=f"count must be at most {defaults.MAX_COUNT_CRON} with spec.schedule.cron, and so must "
            "count x flows",
        ),
        Rule(
            cel=f"!has(self.probes) || ({_CRON}) || self.probes.all(probe, "
            f"{flows.fits_between_rounds(methods, interval_ms=_INTERVAL_MS_CEL, probe='probe')})",
            holds=lambda self: (
                self.is_cron
                or all(
                    flows.is_between_rounds(probe, interval_ms=_interval_ms(self))
                    for probe in self.probes or ()
                )
            ),
            field=".probes",
            message="count x spacing of a tcp probe with flows must not be longer than "
            "spec.schedule.interval, for each flow has one connection at a time (default: spacing "
            f"{LEAST_REST_MS}ms more than timeout)",
        ),
        Rule(
            cel="!has(self.probes) || !self.probes.exists(probe, has(probe.ike)) || "
            "(has(self.tunnel) && has(self.tunnel.gateway))",
            holds=lambda self: (
                not any(probe.given(Ike) for probe in self.probes or ())
                or (self.tunnel is not None and self.tunnel.gateway is not None)
            ),
            field=".tunnel.gateway",
            reason="FieldValueRequired",
            message="is needed by a probe of type ike: the remote gateway's public address",
        ),
        NOT_THE_TARGET,
        *keepalive.schedule_rules(cron=_CRON, interval_ms=_INTERVAL_MS_CEL, interval_of=_interval_ms),
        Rule(
            cel="!has(self.thresholds) || !has(self.thresholds.pathMTU) || "
            "(has(self.probes) && self.probes.exists(probe, has(probe.pathMTU)))",
            holds=lambda self: self.mtu_limit is None or any(map(_search, self.probes or ())),
            field=".thresholds.pathMTU",
            message="no probe measures it: add a probe of type pathMTU",
        ),
        Rule(
            cel="!has(self.thresholds) || !has(self.thresholds.pathMTU) || !has(self.probes) || "
            "self.probes.all(probe, !has(probe.pathMTU) || self.thresholds.pathMTU <= "
            f"(has(probe.pathMTU.max) ? probe.pathMTU.max : {MAX_TRIED}))",
            holds=lambda self: all(
                self.mtu_limit is None or self.mtu_limit <= search.most
                for search in map(_search, self.probes or ())
                if search
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
            cel=f"!has(self.verify) || (has(self.probes) && self.probes.exists(probe, {_ASKING_CEL}))",
            holds=lambda self: not self.verify or any(probe.can_verify for probe in self.probe_list),
            field=".verify",
            message="no probe asks for it: add a probe of type stamp that does not expect Blocked",
        ),
        Rule(
            cel="!has(self.verify) || !(has(self.verify.sourceSeen) || has(self.verify.dscp)) || "
            "!has(self.probes) || self.probes.all(probe, "
            f"!({_ASKING_CEL}) || !has(probe.size) || probe.size >= {_ROOM_CEL})",
            holds=lambda self: (
                not self.verify
                or not self.verify.asks
                or all(
                    probe.size is None
                    or probe.size
                    >= stamp.least_payload(source=self.verify.asks_source, dscp=self.verify.asks_dscp)
                    for probe in self.probe_list
                    if probe.can_verify and (stamp := probe.given(Stamp))
                )
            ),
            field=".probes",
            message=f"size of a stamp probe must be at least {PAYLOAD} "
            f"({AUTHENTICATED_PAYLOAD + QUESTION_SEAL} with stamp.auth), plus {SOURCE_QUESTION} with "
            f"spec.verify.sourceSeen and {DSCP_QUESTION} with spec.verify.dscp, which the packets have to "
            "ask for",
        ),
    )
