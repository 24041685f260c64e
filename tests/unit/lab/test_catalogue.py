"""The fault catalogue: its cases can be set, and what a diagnosis says of them is judged as it should be."""

import threading
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis import Confidence, Evidence, Outcome, diagnose
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import Expected, NameAnswer, NamesFound, PathMtuFound
from ipsecping_lab.ipsec.faults import transition
from ipsecping_lab.ipsec.faults.model import read
from ipsecping_lab.ipsec.faults.types import TYPES
from ipsecping_lab.ipsec.topology import PATHS

from ...catalogue import matrix
from ...catalogue.__main__ import BEGIN, DOCUMENT, END, batches, replaced
from ...catalogue.cases import CASES, HEALTHY, Case, Truth, true
from ...catalogue.judging import judge
from ...catalogue.laboratory import Laboratory
from ...catalogue.records import Record, baseline_of, known_before, read_all, write
from ..diagnosis import catalogue as worlds
from ..diagnosis.worlds import healthy

SEEN = {case.name: case.evidence for case in worlds.cases()}
LOSS = Case(name="loss", truths=(true(Cause.UNDERLAY_LOSS, direction=Direction.REVERSE),))


def record(case: Case, evidence: Evidence) -> Record:
    return Record(case=case, run=1, path="a", seconds=3, evidence=evidence)


@pytest.mark.parametrize("name", CASES)
def test_every_case_can_be_set_on_every_path(name: str) -> None:
    case = CASES[name]
    for letter, other in product(PATHS, PATHS):
        typed = [words.format(path=letter, other=other).split() for words in case.faults]
        assert (
            transition.steps(
                [], [fault for first, *rest in typed for fault in read(TYPES, first, rest, now=0)]
            )
            or not typed
        )
        for _, words in (*case.meanwhile, *case.moments):
            first, *rest = words.format(path=letter, other=other).split()
            assert TYPES[first].momentary
            assert read(TYPES, first, rest, now=0)


def test_every_fault_of_the_lab_is_in_the_catalogue() -> None:
    used = {words.split()[0] for case in CASES.values() for words in case.faults}
    assert {name for name, kind in TYPES.items() if not kind.momentary} - used == set()


def test_the_truth_among_several_causes_is_right() -> None:
    found = judge(LOSS, diagnose(SEEN["loss"]), baseline=True)
    assert found.wrong == ()
    assert found.said == "PacketsLost (OneOf 2, Reverse)"


def test_a_finding_without_the_truth_is_wrong_and_the_truth_missed() -> None:
    found = judge(LOSS, diagnose(SEEN["far-down told"]), baseline=True)
    assert found.wrong == ("FarHostDown is not so", "UnderlayLoss is missed")


def test_a_direction_that_is_not_so_is_wrong() -> None:
    there = replace(LOSS, truths=(true(Cause.UNDERLAY_LOSS, direction=Direction.FORWARD),))
    assert judge(there, diagnose(SEEN["loss"]), baseline=True).wrong == ("PacketsLost is not Reverse",)


@pytest.mark.parametrize(
    ("truth", "missed"),
    [
        (true(Cause.PATH_LONGER), True),
        (true(Cause.PATH_LONGER, baseline=True), False),
        (true(Cause.PATH_LONGER, masked=True), False),
        (true(Cause.PATH_LONGER, unseen="for a reason"), False),
    ],
)
def test_what_cannot_be_seen_is_not_missed(truth: Truth, missed: bool) -> None:
    case = Case(name="delay", truths=(truth,))
    assert bool(judge(case, diagnose(healthy()), baseline=False).wrong) is missed


def test_anything_found_where_nothing_is_wrong_is_wrong() -> None:
    assert judge(HEALTHY, diagnose(healthy()), baseline=True).wrong == ()
    assert judge(HEALTHY, diagnose(SEEN["ike-drop"]), baseline=True).wrong == ("IkeUnreachable is not so",)


def test_what_a_spec_asks_for_goes_before_what_the_path_was() -> None:
    """1422 of 1446 bytes: less than the path had, and as much as is wanted."""
    smaller = PathMtuFound(forward=1422, reverse=1422, forward_told=True)
    evidence = replace(healthy(), path_mtu=smaller, baseline=None, expected=Expected())
    wanted = CASES["mtu both 1480 where 1400 is wanted"]
    outcomes = [
        replace(record(case, evidence), healthy=healthy()).diagnosis(baseline=True).outcome
        for case in (HEALTHY, wanted)
    ]
    assert outcomes == [Outcome.FAULT, Outcome.NO_FAULT]


def test_a_name_is_known_to_have_stood_for_the_healthy_paths_address() -> None:
    names = NamesFound(answer=NameAnswer.RESOLVED, now=("10.50.1.99",))
    known = known_before(replace(healthy(), address="10.50.1.99", names=names), healthy())
    assert known.names is not None
    assert known.names.before == (healthy().address,)


def test_a_check_meets_lasting_faults_of_its_own_path_alone() -> None:
    others = ("nothing", "nat-forget", "nat-timeout, with pauses", "conntrack-full", "dns-silent")
    assert not any(CASES[name].lasts for name in others)
    assert CASES["ike-certificate expired"].lasts


def test_a_moment_is_set_once_and_what_goes_on_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    often = threading.Event()

    def put(_: Laboratory, words: str, __: str) -> None:
        done.append(words)
        if done.count("often") == 3:
            often.set()

    monkeypatch.setattr(Laboratory, "_set", put)
    case = Case(name="both", meanwhile=((0.001, "often"),), moments=((0.001, "once"),))
    with Laboratory(pods=False).going_on(case, "a"):
        assert often.wait(30)
    assert done.count("once") <= 1
    assert done.count("often") >= 3


def test_the_score_counts_by_confidence() -> None:
    records = [record(LOSS, SEEN["loss"]), record(LOSS, SEEN["far-down told"]), record(HEALTHY, healthy())]
    score = matrix.score(records, baseline=False)
    assert (score.right[Confidence.ONE_OF], score.all[Confidence.ONE_OF]) == (1, 1)
    assert (score.right[Confidence.PROVEN], score.all[Confidence.PROVEN]) == (0, 1)
    assert (score.missed, score.quiet, score.no_fault) == (1, 1, 1)


def test_a_row_tells_how_often_what_was_said() -> None:
    rows = list(matrix.matrix([record(LOSS, SEEN["loss"])] * 3))
    said = "3 × PacketsLost (OneOf 2, Reverse)"
    assert f"| loss | UnderlayLoss | {said} | {said} |" in rows


def test_what_was_measured_is_kept_and_read_again(tmp_path: Path) -> None:
    drop = CASES["esp-drop both"]
    for each in (record(HEALTHY, healthy()), record(drop, SEEN["esp-drop"])):
        write(tmp_path, each)
    first, second = read_all(tmp_path)
    assert (first.case, second.case) == (HEALTHY, drop)
    assert second.evidence == SEEN["esp-drop"]
    assert second.healthy == healthy()
    assert known_before(second.evidence, healthy()).baseline == baseline_of(healthy())


def test_of_a_case_that_needs_the_other_paths_one_run_is_made_at_a_time() -> None:
    assert list(batches(CASES["esp-drop both"], [1, 2, 3, 4])) == [[1, 2, 3], [4]]
    assert list(batches(CASES["esp-drop of another path"], [1, 2])) == [[1], [2]]


def test_the_document_has_rows_of_the_catalogue_alone() -> None:
    text = DOCUMENT.read_text()
    table = text.partition(BEGIN)[2].partition(END)[0]
    names = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert set(names[1:]) - set(CASES) == set()
    assert replaced(text, table) == text


def test_rows_that_were_measured_alone_go_between_the_old_ones() -> None:
    text = DOCUMENT.read_text()
    table = text.partition(BEGIN)[2].partition(END)[0]
    new = "\n".join(
        matrix.matrix([record(CASES[name], SEEN["esp-drop"]) for name in ("nothing", "esp-drop in")])
    )
    merged = matrix.with_rows(table, f"{new}\n", names=["esp-drop in"])
    changed = [line for line in merged.splitlines() if line not in table.splitlines()]
    assert [line.split(" | ")[0] for line in changed] == ["| esp-drop in"]
    assert len(merged.splitlines()) == len(table.splitlines())
    assert replaced(text, f"{new}\n", only=["esp-drop in"]) == text.replace(table, merged)
