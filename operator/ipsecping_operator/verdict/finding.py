"""A finding: the smallest verdict, and which of several speaks."""

from collections.abc import Iterable
from dataclasses import dataclass

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason

SEVERITY = (
    # An outage is noticed by everybody, a leak by nobody: so the leak comes first.
    HealthyReason.UNEXPECTEDLY_REACHABLE,
    HealthyReason.SOURCE_MISMATCH,
    HealthyReason.DOWN,
    HealthyReason.PROBE_FAILED,
    HealthyReason.HOPS_MISMATCH,
    # It says what LossHigh, which comes with it, leaves open.
    HealthyReason.FLOW_LOSS,
    HealthyReason.LOSS_HIGH,
    HealthyReason.LOSS_BURST,
    HealthyReason.PATH_MTU_LOW,
    HealthyReason.DSCP_MISMATCH,
    HealthyReason.LATENCY_HIGH,
    HealthyReason.JITTER_HIGH,
    HealthyReason.AUDIT_FAILED,
    HealthyReason.STALE_RESULTS,
    HealthyReason.TARGET_UNRESOLVED,
    HealthyReason.MEASUREMENT_INVALID,
    HealthyReason.NO_RESULTS,
    HealthyReason.SOURCE_UNKNOWN,
    HealthyReason.DSCP_UNKNOWN,
    HealthyReason.HOPS_UNKNOWN,
    HealthyReason.SUSPENDED,
    HealthyReason.WITHIN_THRESHOLDS,
)
"""The worst first: the first of these that some probe has is the check's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A truth with its reason and a message that stands alone."""

    reason: HealthyReason
    message: str
    recovering: bool = False
    """Nothing is beyond a limit any more; good rounds are still lacking (`thresholds.recoverAfter`)."""

    @property
    def status(self) -> ConditionStatus:
        """The condition status that goes with the reason."""
        return self.reason.status


def worst(findings: Iterable[Finding]) -> Finding:
    """The finding whose reason is the gravest; of equals the first that does not recover already."""
    return min(findings, key=lambda finding: (SEVERITY.index(finding.reason), finding.recovering))
