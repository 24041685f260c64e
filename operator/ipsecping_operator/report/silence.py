"""Explain missing results by an agent that cannot be read. Pure."""

from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.verdict.finding import Finding

SILENT = (HealthyReason.NO_RESULTS, HealthyReason.STALE_RESULTS)


def with_trouble(state: CheckState, finding: Finding) -> str:
    """Return the finding's message, with address, port and error of an agent that cannot be read."""
    if finding.reason not in SILENT or not state.measured.unreadable:
        return finding.message
    first, *others = sorted(state.measured.unreadable.values(), key=lambda trouble: trouble.pod)
    more = f" (and {len(others)} more)" if others else ""
    return f"{finding.message}; {first}{more}"
