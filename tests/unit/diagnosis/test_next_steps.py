"""What whoever reads a diagnosis is sent to look at, and what is said where it could not be measured."""

from dataclasses import replace

from ipsecping.diagnosis import Outcome, Part, diagnose
from ipsecping.diagnosis.catalogue import ROWS
from ipsecping.diagnosis.cause import Cause

from .worlds import STAMP, dead, healthy, losing, with_batches, without


def test_a_responder_that_is_silent_to_strangers_is_among_the_causes_and_so_is_what_opens_it() -> None:
    hung = with_batches(healthy(), {Part.METHODS: lambda b: dead(b) if b.type == STAMP else b})
    (finding,) = diagnose(hung).findings
    assert finding.reason == "MethodSilent"
    assert "another key" in ROWS[Cause.RESPONDER_DOWN].meaning
    # It is looked at where the packets arrive, before anything on the way.
    assert finding.step.machine == "the target's host"
    assert "keys" in finding.step.look


def test_what_loses_one_method_alone_is_not_on_our_side() -> None:
    limited = with_batches(
        healthy(), lambda b: losing(b, forward=range(0, b.sent, 2)) if b.type == STAMP else b
    )
    (finding,) = diagnose(without(limited, Part.NEAR_INSIDE, Part.FAR_INSIDE)).findings
    assert set(finding.causes) == {"ProtocolFiltered", "ResponderOverloaded"}


def test_what_was_asked_for_and_could_not_be_measured_is_said_with_the_reason() -> None:
    gone = without(healthy(), Part.METHODS, Part.NEAR_INSIDE, Part.FAR_INSIDE)
    gone = replace(gone, not_tested=dict.fromkeys((Part.METHODS, Part.NEAR_INSIDE), "no ping sockets"))
    said = diagnose(gone)
    assert said.outcome is Outcome.NOT_MEASURED
    (note,) = [note for note in said.notes if note.startswith("Nothing is known of")]
    assert note.startswith("Nothing is known of the target, our gateway's inside address (")
    assert note.endswith("): no ping sockets.")
