"""The alerts about checks that rest on what the status says, each described once.

The rules for Prometheus (scripts/monitoring) are made of the same descriptions, so routes, inhibitions and
runbooks hold for both. What takes a history of its own (degradation) is the rules' alone.
"""

from dataclasses import dataclass

from ipsecping_operator.api.conditions import HealthyReason

PREFIX = "IPsecPing"
UNDECIDED_MINUTES = 15
"""How long loss waits at most for an answer that shows it to be no outage: the next round may be far away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKind:
    """What all alerts of a name have in common."""

    name: str
    """Behind PREFIX."""
    summary: str
    """What is wrong, in a line that goes on with where."""
    meaning: str = ""
    """What it means, in whole sentences."""
    wait: str
    """How long it has to last, as rules of Prometheus have it: 30s, 1m."""
    worst: bool = False
    """Traffic stops or leaks: as grave as the check says. All else is a warning at most."""
    reasons: tuple[HealthyReason, ...] = ()
    """What a probe has to be found to be; empty: it takes more than one probe, or other conditions."""
    part_of_outage: bool = False
    """What an outage begins with, and what it has left in the window, is no second fault."""
    inhibits: int = 0
    """Its rank among those that inhibit: it may inhibit alerts of a lower one (scripts/monitoring)."""
    diagnosed: bool = False
    """It names what a diagnosis of the outage has found."""

    @property
    def alertname(self) -> str:
        """The label of this name."""
        return f"{PREFIX}{self.name}"

    @property
    def seconds(self) -> float:
        """`wait` in seconds."""
        return float(self.wait[:-1]) * {"s": 1, "m": 60}[self.wait[-1]]

    def severity(self, check: str) -> str:
        """Return the label severity, where that of the check is `check`: critical, warning or info."""
        return check if self.worst or check == "info" else "warning"


GATEWAY_DOWN = AlertKind(
    name="GatewayDown",
    summary="the gateway is down",
    meaning="None of its tunnels works, and its IKE daemon answers no check of the namespace, or it has at "
    "least two tunnels (Down).",
    wait="1m",
    worst=True,
    inhibits=2,
)
TUNNEL_DOWN = AlertKind(
    name="TunnelDown",
    summary="the tunnel is down",
    wait="1m",
    worst=True,
    inhibits=1,
    diagnosed=True,
)
PATH_DOWN = AlertKind(
    name="PathDown",
    summary="one path is down, another works",
    wait="1m",
    inhibits=1,
    diagnosed=True,
)
PROBE_DOWN = AlertKind(
    name="ProbeDown",
    summary="some probes get no answer, others do",
    meaning="The path carries packets, but what these probes ask does not answer (Down).",
    wait="5m",
)
CERTIFICATE_EXPIRING = AlertKind(
    name="CertificateExpiring",
    summary="a certificate expires soon",
    wait="5m",
)
FLAPPING = AlertKind(
    name="Flapping",
    summary="outages in an hour",
    meaning="It comes and goes.",
    wait="0m",
)
CHECK_NOT_READY = AlertKind(
    name="CheckNotReady",
    summary="is not set up",
    wait="10m",
)

TRAFFIC_LEAK = AlertKind(
    name="TrafficLeak",
    summary="traffic passes that should be blocked, or bypasses the tunnel",
    meaning="A packet that was to be blocked got through, or packets arrive from an address outside of "
    "verify.sourceSeen.",
    wait="1m",
    worst=True,
    reasons=(HealthyReason.UNEXPECTEDLY_REACHABLE, HealthyReason.SOURCE_MISMATCH),
)
LOSS_HIGH = AlertKind(
    name="LossHigh",
    summary="loss above the limit",
    wait="5m",
    reasons=(HealthyReason.LOSS_HIGH,),
    part_of_outage=True,
    diagnosed=True,
)
FLOW_LOSS = AlertKind(
    name="FlowLoss",
    summary="some flows lose every packet",
    meaning="One of the ways over which traffic is spread is dead.",
    wait="5m",
    reasons=(HealthyReason.FLOW_LOSS,),
    part_of_outage=True,
    diagnosed=True,
)
LOSS_BURST = AlertKind(
    name="LossBurst",
    summary="consecutive packets lost for too long",
    wait="1m",
    reasons=(HealthyReason.LOSS_BURST,),
    part_of_outage=True,
    diagnosed=True,
)
LATENCY_HIGH = AlertKind(
    name="LatencyHigh",
    summary="round-trip time above the limit",
    wait="5m",
    reasons=(HealthyReason.LATENCY_HIGH,),
    diagnosed=True,
)
JITTER_HIGH = AlertKind(
    name="JitterHigh",
    summary="jitter above the limit",
    wait="5m",
    reasons=(HealthyReason.JITTER_HIGH,),
)
PATH_MTU_LOW = AlertKind(
    name="PathMTULow",
    summary="path MTU below the limit",
    wait="5m",
    reasons=(HealthyReason.PATH_MTU_LOW,),
)
PACKETS_ALTERED = AlertKind(
    name="PacketsAltered",
    summary="hops or DSCP differ from spec.verify",
    meaning="They passed more or fewer routers, or their DSCP or ECN was changed on the way.",
    wait="5m",
    reasons=(HealthyReason.HOPS_MISMATCH, HealthyReason.DSCP_MISMATCH),
)
PROBE_FAILED = AlertKind(
    name="ProbeFailed",
    summary="the target gives wrong answers",
    meaning="The path carries packets, but keys, certificates, status codes or contents are wrong.",
    wait="5m",
    reasons=(HealthyReason.PROBE_FAILED,),
)
AUDIT_FAILED = AlertKind(
    name="AuditFailed",
    summary="the reflector answers packets that it should ignore",
    meaning="Found by the last audit and not accepted by the probe.",
    wait="0m",
    reasons=(HealthyReason.AUDIT_FAILED,),
)
STALE = AlertKind(
    name="Stale",
    summary="no results",
    meaning="It is not known whether the tunnel works.",
    wait="5m",
    reasons=(HealthyReason.STALE_RESULTS, HealthyReason.NO_RESULTS),
)
MEASUREMENT_INVALID = AlertKind(
    name="MeasurementInvalid",
    summary="the prober itself is at fault",
    meaning="Its rounds say nothing about the tunnel: the node is short of CPU time or buffers.",
    wait="10m",
    reasons=(HealthyReason.MEASUREMENT_INVALID,),
)
TARGET_UNRESOLVED = AlertKind(
    name="TargetUnresolved",
    summary="the target's name cannot be resolved",
    meaning="Nothing was sent, and nothing is known about the tunnel.",
    wait="5m",
    reasons=(HealthyReason.TARGET_UNRESOLVED,),
)
VERIFY_UNKNOWN = AlertKind(
    name="VerifyUnknown",
    summary="spec.verify cannot be checked",
    meaning="The reflector does not report how packets arrive.",
    wait="15m",
    reasons=(HealthyReason.SOURCE_UNKNOWN, HealthyReason.DSCP_UNKNOWN, HealthyReason.HOPS_UNKNOWN),
)
BY_REASON = (
    *(TRAFFIC_LEAK, LOSS_HIGH, FLOW_LOSS, LOSS_BURST, LATENCY_HIGH, JITTER_HIGH, PATH_MTU_LOW),
    *(PACKETS_ALTERED, PROBE_FAILED, AUDIT_FAILED, STALE, MEASUREMENT_INVALID, TARGET_UNRESOLVED),
    VERIFY_UNKNOWN,
)
"""An alert for each path of which a probe has one of the reasons."""
LOSSES = frozenset(reason for kind in BY_REASON if kind.part_of_outage for reason in kind.reasons)
"""What an outage begins with."""
