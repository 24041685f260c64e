"""The status: what the operator reports about a check."""

from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, create_model
from pydantic.alias_generators import to_snake

from ipsecping.contract import METHODS, ProbeType
from ipsecping.contract.bounds import MAX_ADDRESSES, MAX_FLOWS

from .conditions import ConditionStatus, ConditionType
from .derived import Derived
from .diagnosis import DiagnosisStatus
from .methods import StatusField, status_fields
from .remembered import HeldReason, Notified
from .rules import ListMap, Model
from .scalars import Address, Count, NodeName, ReasonText, Text, Time

Figure: TypeAlias = Annotated[str, Field(max_length=32)]
Message: TypeAlias = Annotated[str, Field(max_length=1024)]

MAX_OUTAGES = 10
MAX_CHANGES = 10
MAX_WAYS = 4
MAX_INSTANCES_SHOWN = 16
MAX_HELD = 256
STATES = {
    ConditionStatus.TRUE: "Healthy",
    ConditionStatus.FALSE: "Unhealthy",
    ConditionStatus.UNKNOWN: "Unknown",
}
"""How a verdict is written."""


class Headline(Model):
    """The path and probe whose figures are at the top of the status."""

    path: Text
    """Name of the path."""
    probe: Text
    """Name of the probe."""


class Rtt(Model):
    """Round-trip times over the window, in milliseconds."""

    min: Figure | None = None
    """The shortest."""
    p50: Figure | None = None
    """The median."""
    p90: Figure | None = None
    """The 90th percentile."""
    p99: Figure | None = None
    """The 99th percentile."""
    max: Figure | None = None
    """The longest."""


class PathStatus(Model):
    """State of one path."""

    name: Text
    """Name of the path."""
    state: Literal["Healthy", "Unhealthy", "Unknown"]
    """Verdict on the path alone."""
    reason: ReasonText | None = None
    """Why, as in the condition Healthy: the most serious reason of the path's probes."""
    loss_percent: Figure | None = None
    """Loss of the path's first probe over the window, in percent."""
    rtt_p50: Annotated[Figure | None, Field(alias="rttP50")] = None
    """Median round-trip time of the path's first probe over the window."""
    rtt_difference: Figure | None = None
    """How much longer (negative: shorter) rttP50 is than that of the preferred path; absent for the preferred
    path, and if one of the two has none. All paths are measured at the same time."""
    loss_difference: Figure | None = None
    """How much higher (negative: lower) the loss is than on the preferred path, in percentage points."""
    loss_direction: Literal["Forward", "Reverse", "Both"] | None = None
    """In which direction the path loses packets, by all its probes that show it: Forward (to the target) or
    Reverse if the losses differ by more than chance (p < 0.001), otherwise Both; absent below 12 losses of
    known direction."""
    addresses: Annotated[
        tuple[Address, ...] | None,
        Field(max_length=MAX_ADDRESSES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The addresses of the target that are measured, at most 32; absent if the target itself is an
    address."""
    addresses_stale_since: Time | None = None
    """When the resolver gave these addresses, if it has failed since and rounds go on with them; absent while
    it answers."""


class InstanceStatus(Model):
    """One instance of a probe: from one node, to one address."""

    node: NodeName | None = None
    """Node where it was measured, with placement.everyNode."""
    address: Address | None = None
    """Address that was measured, if each is measured separately; absent if the name had none."""
    state: Literal["Healthy", "Unhealthy", "Unknown", "Gone"]
    """Verdict on this instance alone. Gone: the node or the address no longer exists; its figures are kept
    until its rounds have left the window."""
    reason: ReasonText | None = None
    """Why, as in the condition Healthy."""
    loss_percent: Figure | None = None
    """Packets lost, in percent of those sent."""
    rtt_p50: Annotated[Figure | None, Field(alias="rttP50")] = None
    """Median round-trip time."""
    rtt_p99: Annotated[Figure | None, Field(alias="rttP99")] = None
    """99th percentile of the round-trip time."""


class FlowStatus(Model):
    """The flows of a probe."""

    count: Count
    """Number of flows."""
    dead: Count
    """Number of flows that lost every packet of the newest rounds, while others were answered."""
    dead_ports: Annotated[
        tuple[Count, ...] | None,
        Field(max_length=MAX_FLOWS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """Source ports of the dead flows, as seen in the probe pod."""


class ProbeStatus(Model):
    """What one probe measured over the window."""

    path: Text
    """Name of the path."""
    name: Text
    """Name of the probe."""
    type: str
    reason: ReasonText | None = None
    """Verdict on the probe alone: a reason of the condition Healthy."""
    sent: Count
    """Packets sent."""
    received: Count
    """Packets answered in time."""
    loss_percent: Figure | None = None
    """Packets lost, in percent of those sent."""
    forward_loss_percent: Figure | None = None
    """Packets lost on the way to the target, in percent; absent if the direction cannot be known. Exact,
    unless undirectedLossPercent is present: then the true value is higher by at most that much."""
    reverse_loss_percent: Figure | None = None
    """The same on the way back."""
    min_forward_loss_percent: Figure | None = None
    """Least share of packets lost on the way to the target, in percent, if the direction of some losses is
    known and that of too many others is not."""
    min_reverse_loss_percent: Figure | None = None
    """The same on the way back."""
    undirected_loss_percent: Figure | None = None
    """Packets lost in an unknown direction, in percent, if that of others is known; they are not included in
    the four figures above."""
    duplicates: Count | None = None
    """Answers beyond the first to the same packet."""
    reordered: Count | None = None
    """Answers that arrived after one to a later packet (RFC 4737)."""
    rtt: Rtt | None = None
    """Round-trip times; absent without an answer."""
    jitter: Figure | None = None
    """Mean difference between successive round-trip times."""
    instance_count: Count | None = None
    """Number of nodes, addresses, or pairs of both that are measured separately; the figures above are those
    of all together. Absent if there is only one."""
    unhealthy_instances: Count | None = None
    """Number of them that are not healthy, or not known to be."""
    missing_instances: Count | None = None
    """Number of them that should give results but do not."""
    instances: Annotated[
        tuple[InstanceStatus, ...] | None,
        Field(max_length=MAX_INSTANCES_SHOWN, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The worst 16 of them, the worst first."""
    flows: FlowStatus | None = None
    """Its flows, if it has several; absent while nothing is known of them."""


def probe_status_model() -> type[ProbeStatus]:
    """Return the model of one probe's status, with a field for each figure that is shown."""
    return _probe_status_model(tuple(METHODS), tuple(status_fields()))


@lru_cache(maxsize=4)
def _probe_status_model(kinds: tuple[ProbeType, ...], figures: tuple[StatusField, ...]) -> type[ProbeStatus]:
    kind = Field(description="Measuring method.")
    fields: dict[str, Any] = {"type": (Literal[tuple(map(str, kinds))], kind)}
    for figure in figures:
        field = Field(default=None, alias=figure.name, description=figure.description)
        fields[to_snake(figure.name)] = (figure.annotation | None, field)
    return create_model("ProbeStatus", __base__=ProbeStatus, __doc__=ProbeStatus.__doc__, **fields)


class Condition(Model):
    """One aspect of the check's state."""

    type: ConditionType
    """What the condition is about."""
    status: ConditionStatus
    """Whether it holds: True, False or Unknown."""
    reason: ReasonText
    """Why, in one word of the API reference."""
    message: Message
    """Why, for a human."""
    last_transition_time: Time
    """When the status last changed."""
    observed_generation: Count | None = None
    """metadata.generation that the condition was judged for."""


class Outage(Model):
    """A time in which the check was unhealthy."""

    start: Time
    """When it began."""
    end: Time | None = None
    """When it ended; absent while it lasts."""
    reason: ReasonText
    """Reason of the condition Healthy when the outage began."""
    message: Message
    """What was seen, for a human."""


class PreferredPathChange(Model):
    """A change of the preferred path."""

    time: Time
    """When it was."""
    from_: Annotated[Text, Field(alias="from")]
    """Name of the path before."""
    to: Text
    """Name of the path that has been preferred since."""
    reason: ReasonText
    """Why the previous path is no longer preferred: its reason, as in the condition Healthy; PathReturned, if
    it is healthy but one before it in the spec is healthy again; PathRemoved, if it was removed from the
    spec."""
    message: Message
    """Why, for a human."""


class PathChange(Model):
    """A sign, in two consecutive rounds, that the packets of a path take another way than before."""

    time: Time
    """End of the second of these rounds."""
    path: Text
    """Name of the path."""
    probe: Text
    """Name of the probe whose packets show it."""
    node: NodeName | None = None
    """Node that measured it, with placement.everyNode."""
    address: Address | None = None
    """Address that was measured, if each is measured separately."""
    sign: Literal["Hops", "Source", "RTT"]
    """What has changed. Hops: how many routers packets pass (with verify.hops). Source: the address that the
    target sees (with verify.sourceSeen). RTT: the shortest round-trip time, by a step of a quarter, at least
    5ms."""
    from_: Annotated[str, Field(alias="from", max_length=256)]
    """What it was before."""
    to: Annotated[str, Field(max_length=256)]
    """What it has been since."""
    alternates_between: Annotated[
        tuple[Annotated[str, Field(max_length=256)], ...] | None,
        Field(max_length=MAX_WAYS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The ways between which packets keep changing, as with ECMP: further changes between them are only
    counted (ipsecping_path_changes_total), and listed again after an hour and 20 rounds without a change."""


class RunNow(Model):
    """The outcome of the newest value of the annotation ipsecping.dev/run-now."""

    value: Annotated[str, Field(max_length=64)]
    """The annotation's value, at most its first 64 characters."""
    outcome: Literal["Started", "NotStarted"]
    """Started: the agents have measured the extra round, or its Job was created. NotStarted: this failed."""
    time: Time
    """When that was known."""
    message: Message
    """What was started, or why nothing was, for a human."""


class WindowStatus(Model):
    """One occurrence of a maintenance window."""

    name: Text
    """Name of the window."""
    from_: Annotated[Time, Field(alias="from")]
    """When it opens."""
    until: Time
    """When it closes."""
    reason: Annotated[str, Field(max_length=256)] | None = None
    """What is done in the window, as in the spec."""


class MaintenanceStatus(Model):
    """Which window of spec.maintenance is open, and which one opens next."""

    open: WindowStatus | None = None
    """The open window; if there are several, the one that closes last."""
    next: WindowStatus | None = None
    """The window that opens next."""
    last_end: Time | None = None
    """When the last open window closed: no outage begins before."""


class CheckStatus(Model):
    """What the operator reports about the check."""

    observed_generation: Annotated[int, Field(ge=-1, json_schema_extra={"format": "int64"})] | None = None
    """metadata.generation that the status is about; -1 until the operator has seen the check."""
    last_result_time: Time | None = None
    """When the newest result behind the headline's figures was measured; without figures, the newest of
    all."""
    headline: Headline | None = None
    """The path and probe of lossPercent, rtt and jitter: the preferred path's first probe that expects
    Reachable."""
    loss_percent: Figure | None = None
    """Packets lost over the window, in percent of those sent."""
    rtt: Rtt | None = None
    """Round-trip times over the window."""
    jitter: Figure | None = None
    """Mean difference between successive round-trip times over the window."""
    path_mtu: Annotated[Count | None, Field(alias="pathMTU")] = None
    """Bytes of the largest IP packet that passes on the preferred path, by its first pathMTU probe."""
    preferred_path: Text | None = None
    """The path to use. At first it is the first healthy one in the spec. It does not change while it is
    healthy (unless one before it has been healthy for thresholds.preferAfter rounds), nor while no path is
    healthy."""
    preferred_path_changes: Annotated[
        tuple[PreferredPathChange, ...] | None,
        Field(max_length=MAX_CHANGES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The newest ten changes of it, newest first."""
    path_changes: Annotated[
        tuple[PathChange, ...] | None,
        Field(max_length=MAX_CHANGES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The newest ten signs that packets take another way than before, as after a failover; newest first."""
    paths: Annotated[tuple[PathStatus, ...] | None, Field(max_length=8), ListMap("name")] = None
    """One entry for each path."""
    probes: Annotated[
        tuple[Annotated[ProbeStatus, Derived(probe_status_model)], ...] | None,
        Field(max_length=128),
        ListMap("path", "name"),
    ] = None
    """One entry for each probe of each path."""
    conditions: Annotated[tuple[Condition, ...] | None, Field(max_length=8), ListMap("type")] = None
    """Ready and Healthy; Maintenance, with spec.maintenance; Stalled, if only an edit can help."""
    outages: Annotated[
        tuple[Outage, ...] | None,
        Field(max_length=MAX_OUTAGES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """The newest ten outages, newest first."""
    maintenance: MaintenanceStatus | None = None
    """The windows of spec.maintenance; absent if there are none."""
    run_now: RunNow | None = None
    """The outcome of the newest value of the annotation ipsecping.dev/run-now; absent before the first."""
    diagnosis: DiagnosisStatus | None = None
    """Which layer is broken, by the newest diagnosis; absent before the first."""
    held_reasons: Annotated[
        tuple[HeldReason, ...] | None,
        Field(max_length=MAX_HELD, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """For probes whose state is Unknown, what applies again when it is known: that a limit was exceeded, or
    that good rounds are still missing (thresholds.recoverAfter)."""
    notified: Notified | None = None
    """What the webhook has accepted last; absent without a webhook."""
