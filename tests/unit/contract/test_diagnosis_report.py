"""The report of a diagnosis: it comes back as it was written, and is refused where it breaks its bounds."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import CheckRef, ContractError
from ipsecping.contract.diagnosis_report import (
    MAX_REPORT_BYTES,
    DiagnosisReport,
    ReportedFinding,
    check_report,
)
from ipsecping.contract.diagnosis_report_json import (
    is_report,
    report_from_json,
    report_from_text,
    report_to_json,
    report_to_text,
)
from ipsecping.contract.diagnosis_terms import Confidence, Direction, Outcome

from .strategies import json_values

FINDING = ReportedFinding(
    reason="PacketsLost",
    causes=("EspAuthFailed", "UnderlayLoss"),
    direction=Direction.FORWARD,
    confidence=Confidence.ONE_OF,
    layer="between the gateways",
    message="packets are lost: 25 of 480 lost (5 %, likely 4 to 8 %) on the way there",
    next_step="on the far gateway: ip -s xfrm state",
)
REPORT = DiagnosisReport(
    check=CheckRef(uid="0f6a", namespace="vpn", name="site-b", generation=3, nonce="a1b2c3", path="default"),
    request="outage-1796000000",
    started_at=1_796_000_000_000_000_000,
    duration=21_000_000_000,
    outcome=Outcome.FAULT,
    summary="PacketsLost (on the way there, one of EspAuthFailed, UnderlayLoss): 25 of 480 lost.",
    findings=(FINDING,),
    not_tested=("Elsewhere", "PathMTU"),
    packets=731,
    evidence_digest="4f2cc6ead0cfd11b",
)


def test_a_report_comes_back_as_it_was_written() -> None:
    """Both ways, as text too, and a termination message tells it from results."""
    assert report_from_json(report_to_json(REPORT)) == REPORT
    text = report_to_text(REPORT)
    assert report_from_text(text) == report_from_text(text.encode()) == REPORT
    assert is_report(text)
    assert not is_report("ipsecping1 0 00000000 ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "diagnosis.version: 2 is not 1"),
        ({"extra": 1}, "diagnosis: 'extra' is not a field"),
        ({"request": "a/b"}, "diagnosis.request: 'a/b' is not 1 to 64"),
        ({"summary": "x" * 301}, "diagnosis.summary: longer than 300"),
        ({"summary": "line\nbreak"}, "diagnosis.summary: 'line\\nbreak' has characters"),
        ({"summary": ""}, "diagnosis.summary: expected a non-empty"),
        ({"outcome": "Invalid"}, "diagnosis.outcome: 'Invalid' is not one of"),
        ({"outcome": "NoFault"}, "diagnosis.outcome: NoFault, which the findings do not bear out"),
        ({"findings": []}, "diagnosis.outcome: Fault, which the findings do not bear out"),
        ({"findings": None}, "diagnosis.findings: expected an array"),
        ({"notTested": ["a b"]}, "diagnosis.notTested: 'a b' is not a capital letter"),
        ({"notTested": [1]}, "diagnosis.notTested: expected an array of strings"),
        ({"packets": 10_001}, "diagnosis.packets: 10001 is outside"),
        ({"duration": -1}, "diagnosis.duration: -1 is outside"),
        ({"startedAt": True}, "diagnosis.startedAt: expected an integer"),
        ({"evidenceDigest": "4F2CC6EAD0CFD11B"}, "diagnosis.evidenceDigest: '4F2CC6EAD0CFD11B' is not 16"),
        ({"uid": "\ud800"}, "diagnosis.uid: "),
    ],
)
def test_what_breaks_the_contract_is_refused(change: dict[str, Any], message: str) -> None:
    """The error begins with the field."""
    with pytest.raises(ContractError) as refused:
        report_from_json(report_to_json(REPORT) | change)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": "packets-lost"}, "diagnosis.findings[0].reason: 'packets-lost' is not a capital letter"),
        ({"reason": "P" * 42}, "diagnosis.findings[0].reason: "),
        ({"causes": ["A", "Bb", "Cc", "Dd"]}, "diagnosis.findings[0].causes: 4 items, at most 3"),
        ({"layer": "l" * 89}, "diagnosis.findings[0].layer: longer than 88"),
        ({"direction": "Up"}, "diagnosis.findings[0].direction: 'Up' is not one of"),
        ({"warning": "no"}, "diagnosis.findings[0].warning: expected true or false"),
        ({"place": 3}, "diagnosis.findings[0]: 'place' is not a field"),
    ],
)
def test_what_breaks_the_contract_in_a_finding_is_refused(change: dict[str, Any], message: str) -> None:
    """The error names the finding."""
    content = report_to_json(REPORT)
    content["findings"][0] |= change
    with pytest.raises(ContractError) as refused:
        report_from_json(content)
    assert str(refused.value).startswith(message)


def test_too_long_a_report_is_neither_written_nor_read() -> None:
    """A termination message has 4,096 bytes, of which the kubelet keeps the last."""
    long = replace(REPORT, findings=(replace(FINDING, message="€" * 300, next_step="€" * 300),) * 4)
    with pytest.raises(ContractError, match=f"at most {MAX_REPORT_BYTES}"):
        report_to_text(long)
    with pytest.raises(ContractError, match=f"at most {MAX_REPORT_BYTES}"):
        report_from_text(json.dumps(report_to_json(long)))


def test_a_report_that_spoiled_itself_may_say_so() -> None:
    """The prober's own fault is a finding, and none of the path."""
    own = replace(FINDING, reason="MeasurementInvalid", causes=("MeasurementInvalid",))
    check_report(replace(REPORT, outcome=Outcome.NOT_MEASURED, findings=(own,)))


@settings(max_examples=50)
@given(json_values, st.sampled_from(sorted(report_to_json(REPORT))))
def test_nothing_but_a_contract_error_comes_of_a_wrong_field(value: Any, key: str) -> None:
    """Whatever stands in a field."""
    try:
        read = report_from_json(report_to_json(REPORT) | {key: value})
    except ContractError:
        return
    assert report_from_json(report_to_json(read)) == read
