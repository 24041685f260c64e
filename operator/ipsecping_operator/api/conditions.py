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
    WORKLOAD_UNAVAILABLE = (
        "WorkloadUnavailable",
        ConditionStatus.FALSE,
        "The workload could not be applied, or its pod does not run; the message says why.",
    )


class StalledReason(Reason):
    """Reasons of the condition Stalled."""

    INVALID_SPEC = (
        "InvalidSpec",
        ConditionStatus.TRUE,
        "The spec has to be edited; the message names the field.",
    )


class HealthyReason(Reason):
    """Reasons of the condition Healthy."""

    WITHIN_THRESHOLDS = ("WithinThresholds", ConditionStatus.TRUE, "All probes keep within the thresholds.")
    DOWN = ("Down", ConditionStatus.FALSE, "No answer in thresholds.downAfter consecutive rounds.")
    LOSS_HIGH = (
        "LossHigh",
        ConditionStatus.FALSE,
        "More packets lost in the window than thresholds.lossPercent.",
    )
    LATENCY_HIGH = (
        "LatencyHigh",
        ConditionStatus.FALSE,
        "A percentile of the round-trip time in the window is above its limit in thresholds.rtt.",
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
    SUSPENDED = ("Suspended", ConditionStatus.UNKNOWN, "spec.suspend is true; nothing is measured.")


REASONS: dict[ConditionType, type[Reason]] = {
    ConditionType.READY: ReadyReason,
    ConditionType.HEALTHY: HealthyReason,
    ConditionType.STALLED: StalledReason,
}
