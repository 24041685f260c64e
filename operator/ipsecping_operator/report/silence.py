"""Explain what keeps results from the operator, beside what was found. Pure."""

from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.verdict.finding import Finding

SILENT = (HealthyReason.NO_RESULTS, HealthyReason.STALE_RESULTS)


def with_trouble(state: CheckState, finding: Finding) -> str:
    """Return the finding's message, and which agents are read slowly.

    Where no results come also address, port and error of an agent that cannot be read.
    """
    silent = finding.reason in SILENT
    told = [trouble for trouble in state.measured.unreadable.values() if silent or trouble.held_back]
    if not told:
        return finding.message
    first, *others = sorted(told, key=lambda trouble: trouble.pod)
    more = f" (and {len(others)} more)" if others else ""
    return f"{finding.message}; {first}{more}"
