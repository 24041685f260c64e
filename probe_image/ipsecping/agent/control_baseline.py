"""What an agent remembers of controls, as evidence of a diagnosis. Pure."""

from collections.abc import Mapping

from ..contract import Control
from ..diagnosis.baseline import with_controls
from ..diagnosis.evidence import Baseline, Part
from .control_memory import ControlMemory


def with_memories(baseline: Baseline | None, memories: Mapping[Control, ControlMemory]) -> Baseline | None:
    """Return the baseline with what the agent itself knows of the path's controls."""
    known = {Part(control.value): memory for control, memory in memories.items()}
    learnt = (at for memory in known.values() for at in (memory.answered_at, memory.missed_at))
    return with_controls(
        baseline,
        at=max((at for at in learnt if at is not None), default=0),
        answered_at={
            part: memory.answered_at
            for part, memory in known.items()
            if memory.answers and memory.answered_at is not None
        },
        silent=[part for part, memory in known.items() if memory.silent],
    )
