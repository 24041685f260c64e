"""Tell whether an agent reports more rounds than its interval allows. Pure.

Rounds are counted by the generic cell rate algorithm (ITU-T I.371, annex A), on the instants at which they
are said to have begun.
"""

from ipsecping.contract import PlannedProbe

MS = 1_000_000
RUN_NOW_MS = 1000
"""What an extra round counts as: the shortest interval that there is."""
SLACK_MS = 60_000
"""So inexact may rounds be placed on the operator's clock while it learns how far away the agent's is."""


def used(
    interval_ms: int, probe: PlannedProbe, *, run_now: bool, start: int, before: int | None
) -> int | None:
    """Count a round; returns up to when the interval's rounds are used up, None: it is one too many.

    `start` is when it began, `before` the instant returned for the round before it, None for the first one;
    all in nanoseconds. Rounds come in the order of their ends, so an older one may come later by as much as a
    round takes.
    """
    if before is None:
        return start
    tolerance = SLACK_MS + 2 * (probe.round_ms + 2 * interval_ms)
    earliest = before + (RUN_NOW_MS if run_now else interval_ms) * MS
    return None if start < earliest - tolerance * MS else max(start, earliest)
