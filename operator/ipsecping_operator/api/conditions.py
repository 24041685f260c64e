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
        "The spec is valid, and the operator has set up the prober. Good when True.",
    )
    HEALTHY = (
        "Healthy",
        "The tunnel is within its thresholds. Good when True; Unknown when nothing is known, since a check "
        "without results is not healthy.",
    )
    MAINTENANCE = (
        "Maintenance",
        "A window of spec.maintenance is open: whatever Healthy says is no outage, and nobody is notified. "
        "Neither good nor bad; absent if the spec has no windows.",
    )
    STALLED = (
        "Stalled",
        "Only an edit of the check can help (as defined by kstatus). Bad when True; absent otherwise.",
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

    RECONCILED = ("Reconciled", ConditionStatus.TRUE, "The workload of the prober is applied and running.")
    SUSPENDED = ("Suspended", ConditionStatus.TRUE, "spec.suspend is true; nothing is measured.")
    INVALID_SPEC = (
        "InvalidSpec",
        ConditionStatus.FALSE,
        "The spec cannot be carried out; the message names the field.",
    )
    NOT_PERMITTED = (
        "NotPermitted",
        ConditionStatus.FALSE,
        "The spec asks for something that the operator does not permit in this namespace (placement, "
        "Secrets, rates or targets), or a prober found a target's address or a key that is not permitted. "
        "Nothing is measured then. The message names the field and the setting.",
    )
    WORKLOAD_UNAVAILABLE = (
        "WorkloadUnavailable",
        ConditionStatus.FALSE,
        "The workload could not be applied, or its pod is not running; the message says why.",
    )
    KEY_MISSING = (
        "KeyMissing",
        ConditionStatus.FALSE,
        "The key that a probe signs with, or the certificates of the authorities that it trusts (tls.ca), is "
        "missing or malformed, as the prober reports. Ready is True again with the first round after it was "
        "put into its Secret or ConfigMap.",
    )
    INTERNAL_ERROR = (
        "InternalError",
        ConditionStatus.UNKNOWN,
        "The operator failed to carry out the spec, because of a fault of its own: it is not known whether "
        "the prober is set up. The message says where, and the operator's log has the traceback. It tries "
        "again, and the reason goes away when it succeeds.",
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
        "No window is open, and none will open again: they can be removed from the spec.",
    )


class HealthyReason(Reason):
    """Reasons of the condition Healthy."""

    WITHIN_THRESHOLDS = (
        "WithinThresholds",
        ConditionStatus.TRUE,
        "All probes are within the thresholds. After LossHigh, LatencyHigh and JitterHigh the value must "
        "fall to 80 % of its limit, or stay within it until the window contains nothing older, so that a "
        "value close to its limit does not flap.",
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
        "Some flows of a probe (flows) have lost every packet of the newest rounds, at least two, while "
        "others are answered, and not by chance: one of the ways over which traffic is spread is dead. "
        "It takes precedence over LossHigh, which usually applies too. A flow's first answer ends it.",
    )
    LOSS_BURST = (
        "LossBurst",
        ConditionStatus.FALSE,
        "In a round of the window, consecutive packets were lost for longer than thresholds.burst.",
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
        "The largest packet that passes is below thresholds.pathMTU, in two consecutive searches.",
    )
    UNEXPECTEDLY_REACHABLE = (
        "UnexpectedlyReachable",
        ConditionStatus.FALSE,
        "A packet of a probe that expects Blocked got through in the window: it was answered, or refused by "
        "the target itself. This is the most serious of all reasons: somebody notices an outage, but nobody "
        "notices a leak.",
    )
    SOURCE_MISMATCH = (
        "SourceMismatch",
        ConditionStatus.FALSE,
        "In the window, packets reached the reflector from an address outside of verify.sourceSeen: NAT on "
        "the way, or traffic that bypasses the tunnel. More serious than an outage, which others notice.",
    )
    HOPS_MISMATCH = (
        "HopsMismatch",
        ConditionStatus.FALSE,
        "In the window, packets passed fewer or more routers on the way to the target than verify.hops "
        "allows: another route, or traffic that bypasses the tunnel. Outages and failures take precedence.",
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
        "The path carries the packets, but the answers are wrong: at least half of the losses that would "
        "otherwise be Down or LossHigh are AuthFailed, TLSFailed, UnexpectedStatus or BadAnswer (not a "
        "refused port); or a certificate is valid for less than tls.minValidDays.",
    )
    AUDIT_FAILED = (
        "AuditFailed",
        ConditionStatus.FALSE,
        "An audit probe in the window found that the reflector answers packets that it should ignore, and "
        "the probe does not accept this finding. The message names each finding and the option that closes "
        "it.",
    )
    NO_RESULTS = ("NoResults", ConditionStatus.UNKNOWN, "Nothing has been measured yet.")
    STALE_RESULTS = (
        "StaleResults",
        ConditionStatus.UNKNOWN,
        "The newest result is older than the schedule allows, so the state of the tunnel is not known.",
    )
    MEASUREMENT_INVALID = (
        "MeasurementInvalid",
        ConditionStatus.UNKNOWN,
        "The prober itself could not measure properly (it was late, or short of buffers), so its rounds say "
        "nothing about the tunnel.",
    )
    TARGET_UNRESOLVED = (
        "TargetUnresolved",
        ConditionStatus.UNKNOWN,
        "The target's name could not be resolved: the message says whether the resolver knows no address, or "
        "did not answer. Nothing was sent, and nothing is known about the tunnel. While the resolver does "
        "not answer, rounds go on with its last answer for ten minutes.",
    )
    SOURCE_UNKNOWN = (
        "SourceUnknown",
        ConditionStatus.UNKNOWN,
        "verify.sourceSeen cannot be checked: some answers in the window do not say which address the "
        "reflector saw, because it does not support the Location TLV (RFC 8972) or hides addresses.",
    )
    DSCP_UNKNOWN = (
        "DSCPUnknown",
        ConditionStatus.UNKNOWN,
        "verify.dscp cannot be checked: some answers in the window do not say which DSCP and ECN the "
        "reflector saw, because it does not support the Class of Service TLV (RFC 8972), or its host does "
        "not tell it.",
    )
    HOPS_UNKNOWN = (
        "HopsUnknown",
        ConditionStatus.UNKNOWN,
        "verify.hops cannot be checked: some answers in the window do not say which TTL the reflector saw: "
        "their Session-Sender TTL field (RFC 8762) is 0, missing, or 255, which means unknown (RFC 5357).",
    )
    INTERNAL_ERROR = (
        "InternalError",
        ConditionStatus.UNKNOWN,
        "The operator failed to judge or report the check, because of a fault of its own: nothing is known "
        "about the tunnel. The message says where, and the operator's log has the traceback. It tries again, "
        "and the reason goes away when it succeeds.",
    )
    SUSPENDED = ("Suspended", ConditionStatus.UNKNOWN, "spec.suspend is true; nothing is measured.")


REASONS: dict[ConditionType, type[Reason]] = {
    ConditionType.READY: ReadyReason,
    ConditionType.HEALTHY: HealthyReason,
    ConditionType.MAINTENANCE: MaintenanceReason,
    ConditionType.STALLED: StalledReason,
}
