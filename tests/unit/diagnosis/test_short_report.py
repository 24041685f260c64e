"""A diagnosis in short: what crosses to the operator says the same, and always fits."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import CheckRef, ContractError
from ipsecping.contract.diagnosis_report import MAX_FINDINGS, MAX_LAYER, MAX_REPORT_BYTES, DiagnosisReport
from ipsecping.contract.diagnosis_report_json import report_from_text, report_to_text
from ipsecping.contract.diagnosis_terms import Direction, Outcome
from ipsecping.diagnosis import Evidence, Part, diagnose
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import PastOutage, PastRound
from ipsecping.diagnosis.report import command
from ipsecping.diagnosis.short_report import short_report
from ipsecping.diagnosis.umbrellas import region

from .catalogue import cases
from .strategies import evidences
from .worlds import MS, NOW, healthy, silent

REF = CheckRef(uid="u" * 36, namespace="n" * 63, name="c" * 253, generation=7, nonce="0" * 16, path="p" * 63)

CASES = {case.name: case for case in cases()}


def of(evidence: Evidence, check: CheckRef = REF) -> DiagnosisReport:
    return short_report(
        evidence, diagnose(evidence), check=check, request="r" * 64, duration=21_000_000_000, packets=731
    )


@pytest.mark.parametrize("name", CASES)
def test_every_fault_fits_and_comes_back(name: str) -> None:
    evidence = CASES[name].evidence
    report, said = of(evidence), diagnose(evidence)
    assert report_from_text(report_to_text(report)) == report
    assert [each.reason for each in report.findings] == [
        each.reason.value for each in said.findings[:MAX_FINDINGS]
    ]
    assert report.summary.startswith(report.findings[0].reason)
    assert all(
        each.direction is not Direction.UNKNOWN or "direction" not in each.message for each in report.findings
    )


@pytest.mark.parametrize("name", CASES)
def test_a_next_step_comes_whole(name: str) -> None:
    usual = replace(REF, namespace="network", name="hq-dc1", path="default")
    assert not [each for each in of(CASES[name].evidence, usual).findings if each.next_step.endswith("…")]


def test_every_region_comes_whole() -> None:
    regions = {region(frozenset(pair)) for pair in combinations(Cause, 2)}
    assert max(len(each) for each in regions) <= MAX_LAYER


def test_long_words_are_cut_until_it_fits() -> None:
    several = replace(CASES["leak that is refused"].evidence, target="ü" * 500)
    longest = replace(REF, namespace="n" * 512, name="c" * 512, path="p" * 512)
    assert len(report_to_text(of(several, longest)).encode()) <= MAX_REPORT_BYTES
    with pytest.raises(ContractError, match="bytes, at most"):
        of(several, replace(longest, uid="ü" * 512, nonce="ü" * 512))


def test_what_did_not_last_says_what_the_history_shows() -> None:
    gone = silent(healthy(), Part.METHODS)
    first = tuple(batch for batch in gone.batches if batch.window == 1)
    second = tuple(replace(batch, window=2) for batch in healthy().batches)
    past = PastRound(at=NOW, sent=2, answers="01", spacing=MS)
    report = of(
        replace(
            healthy(),
            batches=(*first, *second),
            rounds=(past, replace(past, answers="11")),
            outages=(PastOutage(start=1),),
        )
    )
    assert report.outcome is Outcome.NOT_REPRODUCED
    assert report.summary.startswith("Not reproduced: the fault did not last.")
    assert "Before: 1 outage, and 1 of the last 2 rounds lost packets." in report.summary


def long_addresses(evidence: Evidence, target: str) -> Evidence:
    """The same path between addresses that are as long as addresses are."""
    address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:{:04x}".format
    controls = {part: address(0x1000 + place) for place, part in enumerate(evidence.expected.controls)}
    host = evidence.host and replace(evidence.host, source=address(0x2000))
    expected = replace(evidence.expected, controls=controls)
    return replace(evidence, target=target, address=address(0x3000), host=host, expected=expected)


def assert_no_command_is_cut(evidence: Evidence, names: int) -> None:
    long, said = of(evidence, replace(REF, namespace="n" * names, name="ü" * names)), diagnose(evidence)
    for told, finding in zip(long.findings, said.findings, strict=False):
        whole = command(evidence, finding)
        assert whole in told.next_step or "a command too long to be shown here" in told.next_step
    if said.findings:
        whole = command(evidence, said.findings[0])
        assert whole in long.summary or "a command on" in long.summary
        assert long.findings


@settings(deadline=None)
@given(evidences, st.sampled_from(["t" * 253, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:3000"]), st.integers(1, 512))
def test_a_command_is_whole_or_left_out(evidence: Evidence, target: str, names: int) -> None:
    """However long addresses and the names of the check are, and however many faults there are at once."""
    assert_no_command_is_cut(long_addresses(evidence, target), names)


@pytest.mark.parametrize("name", CASES)
def test_no_fault_of_the_catalogue_has_its_command_cut(name: str) -> None:
    for target, names in (("t" * 253, 63), ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:3000", 253), ("t", 512)):
        assert_no_command_is_cut(long_addresses(CASES[name].evidence, target), names)
