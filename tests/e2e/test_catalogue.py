"""A few rows of the fault catalogue: what a diagnosis from a pod says of real ESP (all: `make catalogue`)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ipsecping.diagnosis import diagnose
from ipsecping_lab import workbench

from ..catalogue.cases import CASES
from ..catalogue.judging import judge
from ..catalogue.laboratory import LETTERS, Laboratory

CHOSEN = ("esp-drop both", "mtu-blackhole out 1300", "responder-down stamp")
"""Told by silence, by figures, and by a refusal."""


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    if workbench.existing_cluster():
        pytest.skip("LAB=existing: faults are only injected into the lab's own tunnels")
    made = Laboratory()
    made.start()
    yield made
    made.stop()


def test_a_diagnosis_from_a_pod_says_what_is_broken_on_each_path(laboratory: Laboratory) -> None:
    chosen = dict(zip(LETTERS, (CASES[name] for name in CHOSEN), strict=True))
    for letter, case in chosen.items():
        laboratory.break_(case, letter)
    with ThreadPoolExecutor(len(chosen)) as pool:
        found = list(pool.map(lambda letter: laboratory.diagnose(chosen[letter], letter), chosen))
    verdicts = [
        judge(case, diagnose(evidence), baseline=False)
        for case, evidence in zip(chosen.values(), found, strict=True)
    ]
    assert [verdict for verdict in verdicts if verdict.wrong] == []
    assert all(evidence.host is not None and not evidence.host.invalid for evidence in found)
