"""How many good rounds have come since a probe was not healthy (`thresholds.recoverAfter`). Pure."""

from dataclasses import replace

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason

from .finding import Finding
from .hysteresis import Latch, Recovery
from .window import Window


def recover(
    finding: Finding, latch: Latch | None, window: Window, *, after: int, silence_is_good: bool
) -> tuple[Finding, Recovery | None]:
    """Return what counts as found, and what the next look has to know of it.

    `finding` is what the window alone says, `latch` that of the last look. A probe that was not healthy keeps
    its reason until `after` valid rounds have come in succession, each of them answered (unless silence is
    what it asks for) and none after which something was beyond a limit. What is Unknown neither counts nor
    breaks the row.
    """
    if after == 1 or finding.reason is HealthyReason.SUSPENDED:
        return finding, None
    newest = window.newest_valid_start
    if finding.status is ConditionStatus.FALSE:
        return finding, Recovery(reason=finding.reason, since=newest)
    if not isinstance(latch, Recovery):
        return finding, None
    if latch.since is None or finding.status is ConditionStatus.UNKNOWN:
        good = latch.good
    else:
        rounds, broken = window.answered_run(after=latch.since, silence_is_good=silence_is_good)
        good = rounds if broken else latch.good + rounds
    kept = replace(latch, good=good, since=latch.since if newest is None else newest)
    if finding.status is ConditionStatus.UNKNOWN:
        return finding, kept
    if good >= after:
        return finding, None
    message = (
        f"{finding.message}; {good} of {after} good rounds after {latch.reason} (thresholds.recoverAfter)"
    )
    return Finding(reason=latch.reason, message=message, recovering=True), kept
