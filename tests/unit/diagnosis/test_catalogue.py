"""Each fault of the catalogue is named as surely as it can be from the pod, and nothing else is."""

import random

import pytest

from ipsecping.diagnosis import Confidence, Outcome, Part, diagnose
from ipsecping.diagnosis.catalogue import ROWS
from ipsecping.diagnosis.cause import Cause

from .catalogue import cases
from .fault_case import Case
from .worlds import BEHIND, INSIDE, healthy, lossy

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
    sizes = [len(finding.suspects) for _, finding in findings if finding.confidence is Confidence.ONE_OF]
    assert sum(sizes) / len(sizes) <= 2.0


def test_chance_misleads_no_more_often_than_is_promised() -> None:
    """Of paths that lose 3 to 25 %: the only cause left is right in 95 %, a set holds it in 98 %."""
    chance = random.Random(11)
    right: dict[Confidence, list[bool]] = {Confidence.ONLY_ONE_LEFT: [], Confidence.ONE_OF: []}
    for seed in range(150):
        truth, parts = chance.choice(LOSSES)
        way, packets = chance.choice(("forward", "reverse")), chance.choice((0, 200))
        evidence = lossy(
            healthy(), **{way: chance.uniform(0.03, 0.25)}, parts=parts, seed=seed, packets=packets
        )
        for finding in diagnose(evidence).findings:
            right[finding.confidence].append(truth in finding.causes)
    only, one_of = right.values()
    assert min(len(only), len(one_of)) > 40
    assert sum(only) >= 0.95 * len(only)
    assert sum(one_of) >= 0.98 * len(one_of)


LOSSES = [
    (Cause.UNDERLAY_LOSS, (*INSIDE, *BEHIND)),
    (Cause.NEAR_NETWORK_LOSS, tuple(Part)),
    (Cause.FAR_NETWORK_LOSS, INSIDE),
]
"""Where packets are lost, and the parts of the evidence in which it shows."""


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
