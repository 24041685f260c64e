"""What a diagnosis is told of controls is what an agent has learnt of them."""

from ipsecping.agent.control_baseline import with_memories
from ipsecping.agent.control_memory import FORGIVEN, ControlMemory
from ipsecping.contract import Control
from ipsecping.diagnosis.evidence import Part


def memory(*answers: bool) -> ControlMemory:
    """Of a control that was asked so, a nanosecond apart, while the path was well."""
    made = ControlMemory()
    for at, answered in enumerate(answers, start=1):
        made.asked(at=at, answered=answered, well=True)
    return made


def test_a_control_that_has_stopped_to_answer_is_silent_and_no_longer_one_that_answers() -> None:
    memories = {
        Control.FAR_INSIDE: memory(True, *[False] * FORGIVEN),
        Control.NEAR_INSIDE: memory(True, False, True),
    }
    baseline = with_memories(None, memories)
    assert baseline is not None
    assert dict(baseline.answered_at) == {Part.NEAR_INSIDE: 3}
    assert set(baseline.silent) == {Part.FAR_INSIDE}
