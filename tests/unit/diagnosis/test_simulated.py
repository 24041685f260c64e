"""Faults of a simulated path are found whatever chance does meanwhile, by the plan of a real diagnosis."""

import random

import pytest

from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis import Confidence, Outcome, Part, diagnose
from ipsecping.diagnosis.cause import Cause

from .simulated import Network, collected
from .simulated_faults import BESIDE, FAULTS

SEEDS = 12


@pytest.mark.parametrize("name", FAULTS)
def test_each_thing_that_is_wrong_is_found_and_nothing_else(name: str) -> None:
    each = FAULTS[name]
    right = sum(map(each.right, each.diagnoses(SEEDS)))
    assert right >= SEEDS - 1


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_beside_something_else_is_not_hidden_by_it_nor_blamed_on_another(name: str) -> None:
    each = BESIDE[name]
    right = sum(map(each.right, each.diagnoses(SEEDS)))
    assert right >= SEEDS - 1


def test_what_is_sure_is_right_and_what_is_left_is_little() -> None:
    """Proven in all, the only one left in 95 %, the truth inside of a set in 98 %, of two on average."""
    right: dict[Confidence, list[bool]] = {confidence: [] for confidence in Confidence}
    sizes = []
    for each in FAULTS.values():
        for finding in (finding for found in each.diagnoses(SEEDS // 2) for finding in found.findings):
            right[finding.confidence].append(any(truth & set(finding.causes) for truth in each.truths))
            sizes += [len(finding.suspects)] if finding.confidence is Confidence.ONE_OF else []
    least = {Confidence.PROVEN: 1.0, Confidence.ONLY_ONE_LEFT: 0.95, Confidence.ONE_OF: 0.98}
    for confidence, share in least.items():
        assert sum(right[confidence]) >= share * len(right[confidence]) > 20
    assert sum(sizes) / len(sizes) <= 2.0


def test_a_loss_one_way_and_a_black_hole_the_other_are_two_findings_with_their_directions() -> None:
    for found in FAULTS["loss out 5 + mtu-blackhole in 1300"].diagnoses(SEEDS):
        assert [(each.direction, each.causes[-1]) for each in found.findings] == [
            ("Forward", Cause.UNDERLAY_LOSS),
            ("Reverse", Cause.MTU_REDUCED),
        ]


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_answers_that_take_over_a_second_are_no_silence(loss: float) -> None:
    """As over satellites: they are waited for, in the first look and in all that follow."""
    for seed in range(SEEDS):
        evidence = collected(Network(chance=random.Random(seed), detour=1.2, line_loss=(loss, 0.0)))
        lost = sum(batch.lost for batch in evidence.batches if batch.part is not Part.NEAR_INSIDE)
        sent = sum(batch.sent for batch in evidence.batches if batch.part is not Part.NEAR_INSIDE)
        assert lost <= 3 * loss * sent
        found = diagnose(evidence)
        assert found.outcome is (Outcome.FAULT if loss else Outcome.NO_FAULT)


@pytest.mark.parametrize("mtu", [(1300, 1446), (1446, 1300)])
@pytest.mark.parametrize("detour", [0.6, 1.3, 1.7])
def test_a_black_hole_is_found_in_time_where_answers_take_over_a_second(
    detour: float, mtu: tuple[int, int]
) -> None:
    found = diagnose(collected(Network(chance=random.Random(1), detour=detour, mtu=mtu)))
    (finding,) = found.findings
    assert Cause.MTU_BLACK_HOLE in finding.causes
    assert finding.direction is (Direction.FORWARD if mtu[0] < mtu[1] else Direction.REVERSE)


def test_beside_loss_it_is_searched_while_the_second_look_goes_on() -> None:
    slow = Network(chance=random.Random(1), detour=1.0, mtu=(1300, 1446), line_loss=(0.05, 0))
    causes = {cause for finding in diagnose(collected(slow)).findings for cause in finding.causes}
    assert {Cause.MTU_BLACK_HOLE, Cause.UNDERLAY_LOSS} <= causes


def test_a_host_that_stands_still_is_said_to_and_no_queue_is() -> None:
    noted = 0
    for found in FAULTS["a host that stands still for long"].diagnoses(SEEDS):
        assert not found.findings
        noted += any("was stalled" in note for note in found.notes)
    assert noted > SEEDS // 4


def test_the_dense_first_look_is_repeated_where_slower_packets_are_clean() -> None:
    """A limit between the high rate and what the first look sends at once."""
    each = FAULTS["policer 200"]
    evidence = collected(each.make(random.Random(1)), each.asked)
    assert len({batch.spacing for batch in evidence.batches if batch.part is Part.RATES}) == 3
