"""The catalogue through the operator: how soon a fault was told, and whether what was said is right."""

from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping.contract import Control
from ipsecping_lab.ipsec.topology import PATHS
from ipsecping_operator.compile import compile_check

from ...catalogue.cases import CASES
from ...catalogue.checks import spec_of
from ...catalogue.conditions import INTERVAL, Outage, from_json, read_all, table, to_json, write, wrong
from ...catalogue.conditions_run import SHARP
from ..diagnosis import catalogue as worlds

SEEN = {case.name: case.evidence for case in worlds.cases()}
DROP = Outage(
    case=CASES["esp-drop both"],
    path="a",
    reason="Down",
    condition=13.5,
    diagnosis=9.2,
    reported="TunnelSilent (OneOf)",
    evidence=SEEN["esp-drop"],
)
CALM = replace(DROP, case=CASES["ike-drop both"], reason=None, condition=None, evidence=SEEN["ike-drop"])


@pytest.mark.parametrize("letter", PATHS)
def test_the_check_of_each_path_is_one_that_the_operator_takes(letter: str) -> None:
    metadata = {"uid": "u", "namespace": "lab", "name": letter, "generation": 1}
    for more in ({}, SHARP):
        check = compile_check({"metadata": metadata, "spec": spec_of(letter, **more)})
        (path,) = check.paths
        assert set(path.plan.controls) == set(Control)
        assert check.round_ms / 1000 < INTERVAL


def test_rounds_are_the_intervals_that_have_passed() -> None:
    assert [replace(DROP, condition=seconds).rounds for seconds in (4.9, 14.9, 17.1, 20)] == [0, 2, 3, 4]
    assert CALM.rounds is None


def test_what_is_said_is_judged_as_that_of_a_pod() -> None:
    assert list(wrong(DROP)) == []
    assert next(wrong(replace(DROP, evidence=SEEN["loss"]))) == "PacketsLost is not so"


def test_a_diagnosis_that_does_not_come_or_has_no_evidence_is_wrong() -> None:
    assert list(wrong(replace(DROP, diagnosis=None, evidence=None))) == ["there is no diagnosis"]
    assert list(wrong(replace(DROP, evidence=None))) == ["there is no evidence"]


def test_the_table_counts_what_was_in_time() -> None:
    late = replace(DROP, condition=25.0, diagnosis=31.0)
    *_, first, second, third, blank, total = table([DROP, late, CALM])
    assert first.startswith("| esp-drop both | Down, 2 rounds (13.5 s) | 9.2 s | TunnelSilent (OneOf")
    assert "| Down, 5 rounds (25.0 s) | 31.0 s |" in second
    assert third.startswith("| ike-drop both | stays healthy | 9.2 s | ")
    assert blank == ""
    assert total == (
        "Told by the condition: 2 of 3, within 3 rounds 1 of them (at most 5 rounds). "
        "Diagnosed within 30 s: 1 of 2 outages (at most 31 s). Right: 3 of 3."
    )


def test_what_was_measured_is_kept(tmp_path: Path) -> None:
    unheard = replace(DROP, case=CASES["link-down"], diagnosis=None, evidence=None)
    for each in (CALM, DROP, unheard):
        assert from_json(to_json(each)) == each
        write(tmp_path, each)
    assert read_all(tmp_path, [DROP.case, CALM.case]) == [DROP, CALM]
