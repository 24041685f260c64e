"""Condition types and reasons: every one that a check can have, with its status and meaning.

A reason belongs to one status: `HealthyReason.DOWN.status` is False, so a verdict need only name its reason.
"""

from enum import StrEnum
from typing import Self


class ConditionStatus(StrEnum):
    """The three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionType(StrEnum):
    """What a condition is about."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    READY = (
        "Ready",
        "The spec is valid, and the operator has set up what measures. Good when True.",
    )
    HEALTHY = (
        "Healthy",
        "The tunnel keeps within the thresholds. Good when True; Unknown when nothing can be said, "
        "for silence is not health.",
    )
    MAINTENANCE = (
        "Maintenance",
        "A window of spec.maintenance is open: what Healthy says is no outage, and nobody is called. Neither "
        "good nor bad; absent where the spec has no windows.",
    )
    STALLED = (
        "Stalled",
        "Only an edit of the check can help (as kstatus has it). Bad when True; absent otherwise.",
    )


class Reason(StrEnum):
    """A reason with the status it implies and what it means."""

    status: ConditionStatus
    meaning: str

    def __new__(cls, value: str, status: ConditionStatus, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.status = status
        member.meaning = meaning
        return member


class ReadyReason(Reason):
    """Reasons of the condition Ready."""

    RECONCILED = ("Reconciled", ConditionStatus.TRUE, "The workload that measures is applied and runs.")
    SUSPENDED = ("Suspended", ConditionStatus.TRUE, "spec.suspend is true; nothing is measured.")
    INVALID_SPEC = (
        "InvalidSpec",
        ConditionStatus.FALSE,
        "The spec cannot be carried out; the message names the field.",
    )
    NOT_PERMITTED = (
        "NotPermitted",
        ConditionStatus.FALSE,
        "The spec asks for what the operator does not permit in this namespace: placement, Secrets, rates or "
        "targets; or a prober met a target's address or a key that is not permitted. Nothing is measured "
        "then. The message names the field and the setting.",
    )
    WORKLOAD_UNAVAILABLE = (
        "WorkloadUnavailable",
        ConditionStatus.FALSE,
        "The workload could not be applied, or its pod does not run; the message says why.",
    )
    KEY_MISSING = (
        "KeyMissing",
        ConditionStatus.FALSE,
        "The key that a probe signs with, or the certificates of the authorities that it trusts (tls.ca), is "
        "missing or malformed, as its prober reports; True again with the first round after it was put "
        "into its Secret or ConfigMap.",
    )
    INTERNAL_ERROR = (
        "InternalError",
        ConditionStatus.UNKNOWN,
        "The operator failed at carrying out the spec, by a fault of its own: whether what measures is set "
        "up is not known. The message says where, the operator's log has the traceback; it is tried again, "
        "and goes away by itself when that succeeds.",
    )


class StalledReason(Reason):
    """Reasons of the condition Stalled."""

    INVALID_SPEC = (
        "InvalidSpec",
        ConditionStatus.TRUE,
        "The spec has to be edited; the message names the field.",
    )


class MaintenanceReason(Reason):
    """Reasons of the condition Maintenance."""

    WINDOW_OPEN = (
        "WindowOpen",
        ConditionStatus.TRUE,
        "A window is open; the message says until when, and why.",
    )
    WINDOW_CLOSED = (
        "WindowClosed",
        ConditionStatus.FALSE,
        "No window is open; the message says when the next one opens.",
    )
    WINDOWS_OVER = (
        "WindowsOver",
        ConditionStatus.FALSE,
        "No window is open, and none will be any more: they can be taken out of the spec.",
    )


class HealthyReason(Reason):
    """Reasons of the condition Healthy."""

    WITHIN_THRESHOLDS = (
        "WithinThresholds",
        ConditionStatus.TRUE,
        "All probes keep within the thresholds. After LossHigh, LatencyHigh and JitterHigh the value must "
        "fall to four fifths of its limit, or stay within it until nothing older is left in the window, "
        "so that a value at its limit does not flap.",
    )
    DOWN = ("Down", ConditionStatus.FALSE, "No answer in thresholds.downAfter consecutive rounds.")
    LOSS_HIGH = (
        "LossHigh",
        ConditionStatus.FALSE,
        "More packets lost in the window than thresholds.lossPercent.",
    )
    FLOW_LOSS = (
        "FlowLoss",
        ConditionStatus.FALSE,
        "Some flows of a probe (flows) have lost every packet of the newest rounds, two at least, while "
        "others live, and not by chance: of the ways that traffic is spread over, one is dead. Told rather "
        "than LossHigh, which it is as a rule as well. A flow's first answer ends it.",
    )
    LOSS_BURST = (
        "LossBurst",
        ConditionStatus.FALSE,
        "In a round of the window, packets were lost one after the other for longer than thresholds.burst.",
    )
    LATENCY_HIGH = (
        "LatencyHigh",
        ConditionStatus.FALSE,
        "A percentile of the round-trip time in the window is above its limit in thresholds.rtt.",
    )
    JITTER_HIGH = (
        "JitterHigh",
        ConditionStatus.FALSE,
        "The mean difference of successive round-trip times in the window is above thresholds.jitter.",
    )
    PATH_MTU_LOW = (
        "PathMTULow",
        ConditionStatus.FALSE,
        "The largest packet that passes, in two searches in succession, is below thresholds.pathMTU.",
    )
    UNEXPECTEDLY_REACHABLE = (
        "UnexpectedlyReachable",
        ConditionStatus.FALSE,
        "A packet of a probe that expects Blocked got through in the window: it was answered, or refused by "
        "the target itself. The gravest of all reasons: others notice an outage, nobody notices a leak.",
    )
    SOURCE_MISMATCH = (
        "SourceMismatch",
        ConditionStatus.FALSE,
        "In the window, the reflector saw packets come from an address outside of verify.sourceSeen: NAT on "
        "the way, or traffic that leaves beside the tunnel. Graver than an outage, which others notice.",
    )
    HOPS_MISMATCH = (
        "HopsMismatch",
        ConditionStatus.FALSE,
        "In the window, packets passed fewer or more routers on the way to the target than verify.hops "
        "allows: another route, or traffic beside the tunnel. Outages and failures are graver.",
    )
    DSCP_MISMATCH = (
        "DSCPMismatch",
        ConditionStatus.FALSE,
        "In the window, packets arrived at the target with a DSCP that verify.dscp does not allow, or with "
        "an ECN field that is not as it was sent: they are re-marked on the way.",
    )
    PROBE_FAILED = (
        "ProbeFailed",
        ConditionStatus.FALSE,
        "The path carries the packets, but what answers is not as asked for: at least half of the losses "
        "that would be Down or LossHigh are AuthFailed, TLSFailed, UnexpectedStatus or BadAnswer (a refused "
        "port is not among them); or a certificate is valid for less than tls.minValidDays.",
    )
    AUDIT_FAILED = (
        "AuditFailed",
        ConditionStatus.FALSE,
        "The reflector answers what it should not, by an audit probe in the window, and the finding is not "
        "among those that the probe accepts. The message names each and the option that closes it.",
    )
    NO_RESULTS = ("NoResults", ConditionStatus.UNKNOWN, "Nothing has been measured yet.")
    STALE_RESULTS = (
        "StaleResults",
        ConditionStatus.UNKNOWN,
        "The newest result is older than the schedule allows: silence is not health.",
    )
    MEASUREMENT_INVALID = (
        "MeasurementInvalid",
        ConditionStatus.UNKNOWN,
        "The prober itself was at fault (late, short of buffers): its rounds say nothing about the tunnel.",
    )
    TARGET_UNRESOLVED = (
        "TargetUnresolved",
        ConditionStatus.UNKNOWN,
        "The target's name could not be turned into an address: the message tells whether the resolver says "
        "that there is none, or did not answer. Nothing was sent, and nothing is claimed about the tunnel. "
        "While the resolver is away, rounds go on with its last answer for ten minutes.",
    )
    SOURCE_UNKNOWN = (
        "SourceUnknown",
        ConditionStatus.UNKNOWN,
        "verify.sourceSeen cannot be judged: some answers in the window do not tell which address the "
        "reflector saw, because it knows no Location TLV (RFC 8972) or keeps addresses to itself.",
    )
    DSCP_UNKNOWN = (
        "DSCPUnknown",
        ConditionStatus.UNKNOWN,
        "verify.dscp cannot be judged: some answers in the window do not tell which DSCP and ECN the "
        "reflector saw, because it knows no Class of Service TLV (RFC 8972) or its host does not tell it.",
    )
    HOPS_UNKNOWN = (
        "HopsUnknown",
        ConditionStatus.UNKNOWN,
        "verify.hops cannot be judged: some answers in the window do not tell which TTL the reflector saw: "
        "their Session-Sender TTL field (RFC 8762) is 0, missing, or 255 for want of knowledge (RFC 5357).",
    )
    INTERNAL_ERROR = (
        "InternalError",
        ConditionStatus.UNKNOWN,
        "The operator failed at judging or reporting the check, by a fault of its own: nothing is claimed "
        "about the tunnel. The message says where, the operator's log has the traceback; it is tried again, "
        "and goes away by itself when that succeeds.",
    )
    SUSPENDED = ("Suspended", ConditionStatus.UNKNOWN, "spec.suspend is true; nothing is measured.")


REASONS: dict[ConditionType, type[Reason]] = {
    ConditionType.READY: ReadyReason,
    ConditionType.HEALTHY: HealthyReason,
    ConditionType.MAINTENANCE: MaintenanceReason,
    ConditionType.STALLED: StalledReason,
}
