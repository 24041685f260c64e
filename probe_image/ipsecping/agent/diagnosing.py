"""Carries out one diagnosis of a path that the agent measures, with what it knows of the path from before."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

from ..collector.collector import Collector
from ..collector.conclusion import Conclusion, conclude, log_conclusion, refuse
from ..collector.planned import asked_of, probes_alike, why_not
from ..collector.refused_before import past_errors
from ..contract import Control, PlannedCheck
from ..diagnosis.evidence import Evidence
from .control_baseline import with_memories
from .control_memory import ControlMemory
from .diagnosis_request import DiagnosisRequest
from .lossy_rounds import LossyRounds
from .past import merged, past_of
from .refused_rounds import RefusedRounds
from .ring import Ring

__all__ = ["carried_out", "log_conclusion", "refuse"]


async def carried_out(
    asked: DiagnosisRequest,
    check: PlannedCheck,
    ring: Ring,
    lossy: LossyRounds,
    refused: RefusedRounds,
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
    evidence = _with_refused(await collector.collect(), check, refused)
    # In a thread: packets of rounds do not wait for it.
    return await asyncio.to_thread(
        conclude,
        evidence,
        check=check.ref,
        request=asked.request,
        duration=collector.elapsed,
        packets=collector.sent,
    )


def _with_refused(evidence: Evidence, check: PlannedCheck, refused: RefusedRounds) -> Evidence:
    """Return it with what rounds were told, before it was measured and meanwhile, of the same address."""
    address = evidence.address
    if address is None:
        return evidence
    told = (
        (probe.type, at, each)
        for probe in probes_alike(check)
        for at, each in refused.of(check.ref, probe.name, address)
    )
    return replace(evidence, refused_before=past_errors(told, address))
