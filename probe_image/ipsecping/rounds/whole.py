"""Rounds of the probe types that run them by themselves."""

import time

from ..contract import PlannedCheck, PlannedProbe, RoundResult
from ..contract.figure import figures_by_name
from ..probes.base import RoundMethod


async def whole_round(
    method: RoundMethod, check: PlannedCheck, probe: PlannedProbe, address: str
) -> RoundResult:
    """Have the method run one round; raises what it raises."""
    started_at, start = time.time_ns(), time.monotonic_ns()
    outcome = await method.measure(check, probe, address)
    return RoundResult(
        check=check.ref,
        probe=probe.name,
        type=probe.type,
        started_at=started_at,
        duration=time.monotonic_ns() - start,
        sent=outcome.received + sum(outcome.losses.values()),
        received=outcome.received,
        losses=outcome.losses,
        remote_ip=address,
        invalid=outcome.invalid,
        figures=figures_by_name(*outcome.figures),
    )
