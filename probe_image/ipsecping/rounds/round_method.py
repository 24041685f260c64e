"""Runs the rounds of the probe types that decide themselves what to send next."""

import time

from ..contract import Invalidity, PlannedCheck, PlannedProbe, RoundResult
from ..contract.figure import figures_by_name
from ..net.clocks import Clock
from ..probes.base import RoundMethod
from .pause import PauseWatch


async def run_method(
    method: RoundMethod, check: PlannedCheck, probe: PlannedProbe, address: str
) -> RoundResult:
    """Run one round by the method; raises what it raises."""
    started_at, start, pause = time.time_ns(), time.monotonic_ns(), PauseWatch(Clock())
    outcome = await method.measure(check, probe, address)
    invalid = outcome.invalid
    if invalid is None and outcome.losses and pause.paused():
        invalid = Invalidity.LATE_TICKS
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
        invalid=invalid,
        figures=figures_by_name(*outcome.figures),
    )
