"""Each fault of the catalogue is named as surely as it can be from the pod, and nothing else is."""

import pytest

from ipsecping.diagnosis import Confidence, Outcome, diagnose
from ipsecping.diagnosis.catalogue import ROWS

from .catalogue import Case, cases

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_named_and_nothing_else(case: Case) -> None:
    diagnosis = diagnose(case.evidence)
    first = diagnosis.findings[0]
    assert (first.reason, first.confidence, first.direction) == (case.reason, case.confidence, case.direction)
    assert case.truth in first.causes
    assert len(first.causes) <= case.most
    assert tuple(finding.reason for finding in diagnosis.findings[1:]) == case.also


def test_every_proof_is_right_and_every_set_holds_the_truth() -> None:
    findings = [(case.truth, diagnose(case.evidence).findings[0]) for case in CASES]
    sure = (Confidence.PROVEN, Confidence.ONLY_ONE_LEFT)
    assert all(finding.causes == (truth,) for truth, finding in findings if finding.confidence in sure)
    sizes = [len(finding.causes) for _, finding in findings if finding.named or len(finding.causes) == 1]
    assert sum(sizes) / len(sizes) <= 2.0


def test_every_loss_is_accounted_for() -> None:
    for case in CASES:
        diagnosis = diagnose(case.evidence)
        if diagnosis.outcome is Outcome.FAULT and diagnosis.lost > 2:
            assert diagnosis.explained == diagnosis.lost, case.name


def test_every_cause_of_the_dictionary_is_found_or_left_in_some_case() -> None:
    left = {
        cause for case in CASES for finding in diagnose(case.evidence).findings for cause in finding.causes
    }
    assert set(ROWS) - left == set()
