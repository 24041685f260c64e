"""What a check compiles to: everything the rest of the operator needs to know about it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ipsecping.contract import AuditFinding, Control, PlannedCheck
from ipsecping.contract.bounds import MAX_TEXT
from ipsecping.contract.controls import NO_CONTROLS
from ipsecping_operator.api.defaults import PREFER_AFTER, RECOVER_AFTER
from ipsecping_operator.api.source import Source

DAY = 24 * 3600 * 10**9
"""In nanoseconds."""
Network = IPv4Network | IPv6Network
NAME_FIELDS: Mapping[str, str] = MappingProxyType({"Secret": "secretName", "ConfigMap": "configMapName"})
"""The field by which a spec names an object, by its kind."""
_SHOWN_LABELS = 200
"""Characters of labels that name a target."""
FILES_DIRECTORY = "/etc/ipsecping-files"
"""Where the keys and certificates that plans name are mounted."""
_LONGEST_NAMED = MAX_TEXT - len(f"{FILES_DIRECTORY}/configmap/")


class InvalidSpec(ValueError):
    """A spec that only an edit can mend: Ready=False, reason InvalidSpec, Stalled=True.

    `field` is the path a user reads (`spec.schedule.timeZone`), `message` says what is wrong and the remedy.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


NOTHING: Mapping[str, Any] = MappingProxyType({})
"""One for all: most checks choose nothing."""
NO_FIELDS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A round every so many milliseconds, by an agent in a Deployment, or on each node by a DaemonSet."""

    interval_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """One round whenever the cron line fires, by a CronJob. `time_zone` is an IANA name, UTC when absent."""

    line: str
    time_zone: str | None
    spread_ms: int = 0
    """Over how long the rounds that fire together are spread."""
    start_ms: int = 120_000
    """How long a round's pod may take to get a node, to pull its image and to start."""
    history: int = 3
    """Finished rounds that are kept, and as many failed ones."""


class HopLimits(NamedTuple):
    """How many routers packets may pass, both ends included."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What must hold of packets as they arrive at the target."""

    sources: tuple[Network, ...] = ()
    """Networks that source addresses must lie in; empty: not verified."""
    dscp: tuple[int, ...] | None = None
    """Code points that are allowed, empty: the one that is sent; None: not verified."""
    hops: HopLimits | None = None
    """None: not verified."""


UNVERIFIED = Verified()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """How alerts about the check are raised and routed."""

    enabled: bool = True
    severity: str = "Critical"
    """The gravest that they are: Critical, Warning or Info."""
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)


ALERTING = Alerting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Limits a window is judged by; None or an absent key means not judged. RTT limits in nanoseconds."""

    window_ms: int
    loss_percent: Decimal
    rtt_ns: Mapping[str, int]
    """Keyed p50, p90, p99."""
    jitter_ns: int | None = None
    burst_ns: int | None = None
    path_mtu: int | None = None
    """Bytes of the IP packet; less is too little."""
    accepted: Mapping[str, tuple[AuditFinding, ...]] = field(default_factory=lambda: NOTHING)
    """By name of the probe, what its audits may find."""
    certificate_ns: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    """Probe to how long its certificate must still be valid."""
    down_after: int
    """Consecutive rounds without one answer after which a probe is Down."""
    recover_after: int = RECOVER_AFTER
    """Good rounds in succession after which a probe that was not healthy is so again."""
    prefer_after: int = PREFER_AFTER
    """Rounds for which a path must have been healthy before it is preferred to the one in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisRule:
    """When a diagnosis runs by itself. Times in nanoseconds."""

    enabled: bool = True
    delay_ns: int = 0
    """How long Healthy=False must have lasted."""
    cooldown_ns: int = 600 * 10**9
    """From one diagnosis to the next, at least."""


DIAGNOSED = DiagnosisRule()
"""One for all: most checks choose nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """When work is done on the tunnel: once, or each time that a cron line fires. Times in nanoseconds."""

    name: str
    reason: str | None = None
    start: int | None = None
    """Unix time; None where it recurs."""
    cron: Cron | None = None
    length: int

    def __post_init__(self) -> None:
        assert (self.start is None) != (self.cron is None)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class KeyRef:
    """A key in a Secret or a ConfigMap of the check's namespace."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    key: str
    content: str = field(default="key", compare=False)
    """What has to be there, in a word or two."""
    use: str = field(default="signs with", compare=False)
    """What a probe does with it: `which PROBE ...`."""

    @property
    def path(self) -> str:
        """Where it is mounted, below `FILES_DIRECTORY`; without its names where no plan could hold them."""
        named = f"{self.name}/{self.key}"
        if len(named) > _LONGEST_NAMED:
            named = hashlib.sha256(named.encode()).hexdigest()
        return f"{self.kind.lower()}/{named}"

    @property
    def file(self) -> str:
        """Where the prober finds it."""
        return f"{FILES_DIRECTORY}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the pods of one path run, in the form the pod spec takes."""

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]
    affinity: Mapping[str, Any] | None = None
    priority_class_name: str | None = None
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: NOTHING)
    """Keyed requests, limits; each keyed cpu, memory."""
    pod_labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    pod_annotations: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    image_pull_secrets: tuple[str, ...] = ()
    host_network: bool = False
    every_node: bool = False
    """A pod on each node, of a DaemonSet; each measures for itself."""
    own: frozenset[str] = field(default=NO_FIELDS, compare=False)
    """The fields, as the spec names them, that the path itself has given; the others are spec.placement's."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TargetSource:
    """Whose addresses are the targets, in the check's namespace: a Service's endpoints, or pods."""

    service: str = ""
    """Name of the Service; empty: pods."""
    pod_labels: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """For people."""
        return f"Service {self.service}" if self.service else f"pods with {self._labels}"

    def host(self, namespace: str) -> str:
        """What the target is called: of a Service its name in the cluster's DNS."""
        return f"{self.service}.{namespace}.svc" if self.service else f"pods/{self._labels}"

    @property
    def _labels(self) -> str:
        text = ",".join(f"{key}={value}" for key, value in self.pod_labels)
        return text if len(text) <= _SHOWN_LABELS else f"{text[: _SHOWN_LABELS - 3]}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPath:
    """One workload: the plan of one path and where it runs."""

    plan: PlannedCheck
    placement: Placement
    target_from: TargetSource | None = None
    """Where the plan's addresses are looked up; None: the target is the spec's."""
    source: Source | None = None
    """From where packets are sent; the plan's probes name it as far as it applies to them."""
    target_field: str = field(default="spec.target", compare=False)
    """Where the spec has the target."""
    own_field: str = field(default="spec", compare=False)
    """Where the spec has what is the path's own."""
    control_fields: Mapping[Control, str] = field(default_factory=lambda: NO_CONTROLS, compare=False)
    """Where the spec has the plan's controls."""

    def placement_field(self, name: str) -> str:
        """Where the spec has the placement's field of this name."""
        whole = self.own_field if name in self.placement.own else "spec"
        return f"{whole}.placement.{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCheck:
    """A valid check with every default filled in."""

    uid: str
    namespace: str
    name: str
    generation: int
    tunnel_name: str
    schedule: Interval | Cron
    suspend: bool
    thresholds: Thresholds
    """Of all probes that have none of their own."""
    own_thresholds: Mapping[str, Thresholds] = field(default_factory=lambda: NOTHING)
    """Probe to what it is judged by, where that differs (`spec.probes[].thresholds`)."""
    paths: tuple[CompiledPath, ...]
    gateway: str | None = None
    """The remote gateway's public endpoint."""
    verified: Verified = UNVERIFIED
    """What must hold of packets that arrive at the target."""
    alerting: Alerting = ALERTING
    any_path: bool = False
    """Healthy where any path is (`spec.healthyWhen: Any`), rather than all."""
    files: Mapping[str, Mapping[str, KeyRef]] = field(default_factory=lambda: NOTHING)
    """Probe to the keys of Secrets and ConfigMaps that it needs, by the path of the field (`tls.ca`)."""

    diagnosis: DiagnosisRule = DIAGNOSED
    """When a diagnosis runs by itself."""
    maintenance: tuple[MaintenanceWindow, ...] = ()

    def thresholds_of(self, probe: str) -> Thresholds:
        """Return what a probe is judged by."""
        return self.own_thresholds.get(probe, self.thresholds)

    @property
    def mounted(self) -> tuple[KeyRef, ...]:
        """All of them, each once."""
        return tuple(sorted({ref for refs in self.files.values() for ref in refs.values()}))

    @property
    def round_ms(self) -> int:
        """Longest time one round can take: the slowest probe's."""
        return max(probe.round_ms for path in self.paths for probe in path.plan.probes)
