"""The spec: what a user asks to be measured."""

from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from . import defaults, durations, keepalive
from .alerting import Alerting
from .derived import Derived
from .diagnosis import Diagnosis
from .maintenance import MaintenanceWindows
from .methods import MODELS, Ike, Method
from .placement import Placement
from .probes import Probe, probe_model
from .rules import ListMap, Model, Rule
from .scalars import Name, Target
from .schedule import Schedule
from .schedule_rules import schedule_rules
from .source import Source
from .target_from import TargetFrom
from .threshold_rules import VERIFY_RULES, threshold_rules
from .thresholds import Thresholds
from .tunnel import NOT_THE_TARGET, Controls, Tunnel
from .verify import Verify

HowMany: TypeAlias = Literal["First", "All"]
Family: TypeAlias = Literal["IPv4", "IPv6"]


class Path(Model):
    """One way through the tunnel, or through one of several, measured by its own workload."""

    name: Name
    """Name of the path, unique in the check."""
    target: Target | None = None
    """Target on this path. Default: spec.target or spec.targetFrom."""
    family: Family | None = None
    """Which addresses of this path's target are used. With IPv4 on one path and IPv6 on another, a name that
    has both is measured by both. Default: spec.family."""
    addresses: HowMany | None = None
    """Which addresses of this path's target are measured. Default: spec.addresses."""
    placement: Placement | None = None
    """Where this path's probe pods run; each field given here replaces that of spec.placement.
    Default: spec.placement."""
    source: Source | None = None
    """Address or interface that packets on this path are sent from. Default: spec.source."""
    controls: Controls | None = None
    """Control addresses of this path, if its tunnel has its own gateways; each one given here replaces that
    of spec.tunnel.controls. Default: spec.tunnel.controls."""


class CheckSpec(Model):
    """What is measured, how often, from where, and what counts as healthy."""

    target: Target | None = None
    """Host behind the tunnel, by the address that applications use, which the tunnel's traffic selector must
    include: an IPv4 address, an IPv6 address or a DNS name. Exactly one of target and targetFrom is
    needed."""
    target_from: TargetFrom | None = None
    """Targets that are looked up in the check's namespace: a Service's endpoints or pods by their labels, at
    most 32 addresses, each measured by itself. Needs the operator's permission for the namespace
    (--allow-target-from)."""
    family: Family | None = None
    """Which addresses of a name are used on all paths, if the name has both and the tunnel carries only one
    family (for two tunnels, see paths[].family). A target that is an address of the other family is refused.
    Default: the address that the resolver puts first."""
    addresses: HowMany | None = None
    """How many addresses of a name are measured on all paths. First: one, and the same one as long as the
    name has it. All: each of them separately, in turn, at most 32; the worst decides. The permitted rates
    have to allow for 32. Default: First."""
    tunnel: Tunnel | None = None
    """The tunnel that is watched."""
    schedule: Schedule | None = None
    """When rounds run. Default: every 30s."""
    suspend: bool | None = None
    """True stops measuring but keeps the check; Healthy is then Unknown. Default: false."""
    placement: Placement | None = None
    """Where probe pods run. Default: anywhere."""
    source: Source | None = None
    """Address or interface that packets are sent from. Default: as the pod's routes say."""
    paths: Annotated[
        tuple[Path, ...] | None, Field(min_length=1, max_length=defaults.MAX_PATHS), ListMap("name")
    ] = None
    """Ways to the target, at most 8, in order of preference; all probes run on each of them at the same time.
    Default: one path, `default`."""
    healthy_when: Literal["All", "Any"] | None = None
    """Which paths must be healthy for the check to be healthy. All: each of them. Any: one is enough;
    unhealthy ones are a warning in status.paths, in the message of Healthy and in events, and only if all are
    unhealthy it is an outage. A leak (UnexpectedlyReachable, SourceMismatch) on any path always makes the
    check unhealthy. Default: All."""
    probes: Annotated[
        tuple[Annotated[Probe, Derived(probe_model)], ...] | None,
        Field(min_length=1, max_length=defaults.MAX_PROBES),
        ListMap("name"),
    ] = None
    """Measuring methods, at most 16 (8 with cron). Default: one probe `ping` of type icmp."""
    thresholds: Thresholds | None = None
    """Limits above which the check is unhealthy; a probe may have its own (probes[].thresholds)."""
    verify: Verify | None = None
    """How packets must arrive at the target: source address, DSCP, hops. Default: not verified."""
    alerting: Alerting | None = None
    """How alerts about the check are raised and routed. Default: raised, without labels of the check."""
    maintenance: MaintenanceWindows | None = None
    """Maintenance windows, at most 16. While one is open, everything is measured and shown as usual and the
    condition Maintenance is True, but there is no outage, no alert, no Warning event and no automatic
    diagnosis. What is still wrong when it closes is an outage from then on. Default: none."""
    diagnosis: Diagnosis | None = None
    """The automatic diagnosis when the check turns unhealthy. Default: one per outage."""

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

    @property
    def interval_ms(self) -> int:
        """Milliseconds between the starts of two rounds, where they do not run by a cron line."""
        return durations.milliseconds(self.schedule.interval_text if self.schedule else defaults.INTERVAL)


@lru_cache(maxsize=4)
def _rules(models: tuple[type[Method], ...]) -> tuple[Rule, ...]:
    methods = [model.declared() for model in models]
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
        *schedule_rules(methods),
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
        *keepalive.SCHEDULE_RULES,
        *threshold_rules(methods),
        *VERIFY_RULES,
    )
