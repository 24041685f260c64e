"""A program on the target that stops, or is started anew, while it is measured: the path is not at fault."""

from dataclasses import replace

import pytest

from ipsecping.contract import ProbeType
from ipsecping.contract.diagnosis_terms import Confidence
from ipsecping.diagnosis import Part, diagnose
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import Batch, Evidence
from ipsecping.diagnosis.refusal import ErrorKind, PathError

from .worlds import TARGET, healthy, with_batches

STAMP = ProbeType.STAMP


def away(batch: Batch, *places: int, kind: ErrorKind = ErrorKind.PORT_UNREACHABLE, by: str = TARGET) -> Batch:
    """The packets in these places were refused."""
    answers = "".join("0" if place in places else "1" for place in range(batch.sent))
    refused = PathError(kind=kind, sender=by, count=len(places))
    return replace(batch, answered=batch.sent - len(places), answers=answers, errors=(refused,))


def restarted(*parts: Part, kind: ErrorKind = ErrorKind.PORT_UNREACHABLE, by: str = TARGET) -> Evidence:
    """For as long as a half of each of these batches the program was away."""

    def told(batch: Batch) -> Batch:
        if batch.type is not STAMP or batch.window != 1:
            return batch
        return away(batch, *range(batch.sent // 2, batch.sent), kind=kind, by=by)

    return with_batches(healthy(), dict.fromkeys(parts, told))


@pytest.mark.parametrize("kind", [ErrorKind.PORT_UNREACHABLE, ErrorKind.RESET])
def test_what_the_target_refuses_at_times_is_its_programs_fault_and_no_loss(kind: ErrorKind) -> None:
    made = diagnose(restarted(Part.METHODS, Part.RATES, Part.CLASSES, Part.FLOWS, kind=kind))
    (finding,) = made.findings
    assert (finding.reason, finding.confidence) == (Cause.RESPONDER_DOWN, Confidence.PROVEN)
    assert "refused by the target, others answered" in finding.symptoms[0].text
    assert made.lost == 0


def test_refusals_in_a_comparison_alone_are_no_loss_by_rate() -> None:
    assert diagnose(restarted(Part.RATES)).findings == ()


def test_losses_beside_refusals_are_told_too() -> None:
    def lossy(batch: Batch) -> Batch:
        if batch.type is not STAMP:
            return batch
        answers = "".join("0" if place % 4 == 0 else "1" for place in range(batch.sent))
        lost = replace(
            batch, answered=answers.count("1"), answers=answers, forward_lost=None, reverse_lost=None
        )
        refused = PathError(kind=ErrorKind.PORT_UNREACHABLE, sender=TARGET, count=2)
        return replace(lost, errors=(refused,))

    made = diagnose(with_batches(healthy(), lossy))
    assert Cause.RESPONDER_DOWN in {finding.reason for finding in made.findings}
    assert made.lost > 0
    assert len(made.findings) > 1


def test_what_somebody_else_refuses_at_times_stays_lost() -> None:
    made = diagnose(restarted(Part.METHODS, by="10.50.1.254"))
    assert made.lost > 0
