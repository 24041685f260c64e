"""Carries out one diagnosis of a path that the agent measures, with what it knows of the path from before."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

from ..collector.collector import Collector
from ..collector.conclusion import Conclusion, conclude, log_conclusion, refuse
from ..collector.planned import asked_of, why_not
from ..contract import Control, PlannedCheck
from .control_baseline import with_memories
from .control_memory import ControlMemory
from .diagnosis_request import DiagnosisRequest
from .lossy_rounds import LossyRounds
from .past import merged, past_of
from .ring import Ring

__all__ = ["carried_out", "log_conclusion", "refuse"]


async def carried_out(
    asked: DiagnosisRequest,
    check: PlannedCheck,
    ring: Ring,
    lossy: LossyRounds,
    controls: Mapping[Control, ControlMemory],
) -> Conclusion:
    """Measure and judge. Raises ContractError where the check's own names leave no room for a report."""
    why = why_not(check)
    if why is not None:
        return refuse(check=check.ref, request=asked.request, at=time.time_ns(), why=why)
    past = await past_of(check, ring, lossy)
    known = merged(past.known, asked.known)
    known = replace(known, baseline=with_memories(known.baseline, controls))
    wanted = asked_of(check, failing=past.failing, before=past.addresses, known=known)
    collector = Collector(wanted, progress=lambda *_: None)
    evidence = await collector.collect()
    # In a thread: packets of rounds do not wait for it.
    return await asyncio.to_thread(
        conclude,
        evidence,
        check=check.ref,
        request=asked.request,
        duration=collector.elapsed,
        packets=collector.sent,
    )
