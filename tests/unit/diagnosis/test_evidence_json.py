"""Evidence crosses a file: read strictly, whatever somebody has written there."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import ContractError
from ipsecping.diagnosis import (
    Evidence,
    diagnose,
    evidence_digest,
    evidence_from_bytes,
    evidence_from_json,
    evidence_to_json,
)
from ipsecping.diagnosis.report import report, summary
from ipsecping.diagnosis.report_json import diagnosis_to_json

from ..contract.strategies import json_values
from .catalogue import cases
from .fault_case import Case
from .strategies import CATALOGUE, worlds
from .worlds import healthy

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_written_is_read_again(case: Case) -> None:
    text = json.dumps(evidence_to_json(case.evidence))
    assert evidence_from_bytes(text.encode()) == case.evidence


@settings(max_examples=30, deadline=None)
@given(worlds())
def test_so_is_any_evidence(evidence: Any) -> None:
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json(evidence)))) == evidence


def test_the_digest_is_of_the_content() -> None:
    digests = {evidence_digest(case.evidence) for case in CASES}
    assert len(digests) >= len({json.dumps(evidence_to_json(case.evidence)) for case in CASES})
    assert evidence_digest(healthy()) == evidence_digest(evidence_from_json(evidence_to_json(healthy())))


def changed(path: str, value: object) -> dict[str, Any]:
    """The JSON of a healthy path's evidence with one field changed, by its path."""
    content = copy.deepcopy(evidence_to_json(healthy()))
    at: Any = content
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        at = at[step]
    at[last] = value
    return content


TOLD = {"router": "10.99.0.2", "mtu": 1446}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("version", 2, "evidence.version: 2 is not 1"),
        ("surprise", 1, "'surprise' is not a field of evidence"),
        ("batches.0.surprise", 1, "'surprise' is not a field of it"),
        ("address", "10.50.1", "is not an IP address"),
        ("target", "a\nb", "cannot be printed"),
        ("target", "a\x1b[31m", "cannot be printed"),
        ("at", 10**20, "is outside"),
        ("batches", [{}] * 200, "200 items, at most 128"),
        ("batches.0.sent", 10**6, "is outside 0..1000"),
        ("batches.0.answered", 41, "evidence.batches[0].answered: 41 is outside 0..40"),
        ("batches.0.answers", "1" * 39, "a 0 or 1 for each of the 40 packets"),
        ("batches.0.answers", "2" * 40, "a 0 or 1 for each of the 40 packets"),
        ("batches.0.answers", "0" * 40, "does not show 40 packets answered"),
        ("batches.0.forwardLost", 1, "more than the 0 packets lost"),
        ("batches.0.reverseLost", None, "known only where reverseLost is"),
        ("batches.0.rttMin", 13_000_000, "do not rise"),
        ("batches.0.part", "Hops", "is not measured by packets"),
        ("batches.0.part", "Everything", "is not one of"),
        ("batches.0.type", "Smoke", "is not one of"),
        ("batches.0.window", 3, "is outside 1..2"),
        ("batches.0.sources", {"10.0.0.1": 99}, "more packets than were sent"),
        ("batches.0.sources", {"10.0.0": 1}, "is not an IP address"),
        ("batches.0.errors", [{"kind": "Reset", "count": 1}], "more than the 0 packets lost"),
        ("batches.0.errors", [{"kind": "Reset", "count": 1, "code": [3]}], "expected ICMP type and code"),
        ("batches.0.misanswered", {"Timeout": 1}, "is not one of"),
        ("hops.0.ttl", 0, "is outside 1..64"),
        ("hops.1.ttl", 1, ""),
        (
            "hops.1",
            {"type": "UDPEcho", "ttl": 1, "kind": "Silent", "address": "10.244.0.1"},
            "appears twice",
        ),
        ("pathMTU.forward", 10, "is outside 68..65535"),
        (
            "oversized",
            {"size": 1500, "sent": 1, "told": [{**TOLD, "count": 2}]},
            "oversized.told: 2 is outside",
        ),
        ("oversized", {"size": 1500, "sent": 2, "told": [TOLD, TOLD]}, "oversized.told: the same one"),
        ("oversized", {"size": 1500, "sent": 1, "told": [{**TOLD, "router": "gw"}]}, "told[0].router"),
        ("oversized", {"size": 1500, "sent": 1, "said": 1}, "is not a field of it"),
        ("ike.ports", {}, "expected 1 to 4 UDP ports"),
        ("ike.ports", {"0500": "Answered"}, "is not a UDP port"),
        ("ike.ports", {"²": "Answered"}, "is not a UDP port"),
        ("names.answer", "Perhaps", "is not one of"),
        ("host.invalid", {"Tired": 1}, "is not one of"),
        ("paths", [{"name": "b", "sent": 1, "answered": 2}], "is outside 0..1"),
        ("reflector", {"expected": 1, "received": 2, "answered": 0}, "is outside 0..1"),
        ("outages", [{"start": 5, "end": 4}], "before its start"),
        ("rounds", [{"at": 1, "sent": 2, "answers": "1", "spacing": 1}], "a 0 or 1 for each of the 2"),
        ("baseline.tooBig", {"router": "10.99.0.2"}, "baseline.tooBig.mtu"),
        ("baseline.controls", ["History"], "is no control"),
        ("baseline.silent", ["Hops"], "baseline.silent: Hops is no control"),
        ("baseline.silent", ["FarInside"], "baseline.silent: FarInside is among those that answered"),
        ("baseline.answeredAt", {"Elsewhere": 1}, "Elsewhere is not among those that answered"),
        ("baseline.answeredAt", {"IKE": -1}, "is outside"),
        ("expected.sources", ["10.0.0.0/33"], "is not an IP network"),
        ("expected.sources", ["0/0"] * 99, "at most 64"),
        ("expected.controls", {"Hops": "10.0.0.1"}, "has no address of its own"),
        ("expected.controls", {"Nowhere": "10.0.0.1"}, "is not one of"),
        ("notTested", {"IKE": "no time"}, "evidence.notTested.IKE: was tested"),
        ("notTested", {"Bulk": ""}, "non-empty"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(path: str, value: object, said: str) -> None:
    if not said:
        evidence_from_json(changed(path, value))
        return
    with pytest.raises(ContractError, match=r"^evidence") as raised:
        evidence_from_json(changed(path, value))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "expected an object"),
        (b"[" * 100_000, "nested"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"\xff\xfe", "UTF-8"),
        (b" " * 300_000, "larger than 262144 bytes"),
        (b'{"version": NaN}', "NaN"),
    ],
)
def test_what_is_no_evidence_is_refused_in_a_few_words(content: bytes, said: str) -> None:
    with pytest.raises(ContractError) as raised:
        evidence_from_bytes(content)
    assert said in str(raised.value)
    assert len(str(raised.value)) < 200


def test_more_packets_than_a_diagnosis_sends_are_refused() -> None:
    content = evidence_to_json(healthy())
    content["batches"] = [{**content["batches"][0], "sent": 1000, "answered": 1000, "answers": None}] * 5
    with pytest.raises(ContractError, match="more than 4000 packets"):
        evidence_from_json(content)


@st.composite
def mutilated(draw: st.DrawFn) -> Any:
    """Evidence in JSON with something put in the place of any of its values."""
    content = copy.deepcopy(evidence_to_json(draw(st.sampled_from(CATALOGUE))))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = content
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(at[key], dict | list) or draw(st.booleans()):
                at[key] = draw(json_values | st.integers(-1, 2000) | st.sampled_from(["0", "1", "10.0.0.1"]))
                break
            at = at[key]
    return content


@given(mutilated())
def test_whatever_is_accepted_can_be_judged_and_printed(content: Any) -> None:
    with suppress(ContractError):
        judge(evidence_from_json(content))


def judge(evidence: Evidence) -> None:
    diagnosis = diagnose(evidence)
    text = report(evidence, diagnosis, width=80, long=True)
    assert all(line.isprintable() for line in text.splitlines())
    assert summary(evidence, diagnosis).isprintable()
    json.dumps(diagnosis_to_json(evidence, diagnosis), allow_nan=False)
