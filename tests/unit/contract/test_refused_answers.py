"""Answers that were refused, as they cross from prober to operator."""

import json
from typing import Any

import pytest

from ipsecping.contract import ContractError, Refusal, RefusedAnswers, RefusedKind

SHORT, FOREIGN = RefusedKind(Refusal.TOO_SHORT, 20), RefusedKind(Refusal.WRONG_TIMESTAMP, 0)


def test_they_are_the_same_after_a_way_through_json() -> None:
    figure = RefusedAnswers.of({SHORT: 12, FOREIGN: 1})
    assert RefusedAnswers.from_json(json.loads(json.dumps(figure.to_json())), "here") == figure
    figure.check("here", sent=10, received=0)


def test_a_window_adds_them_up_and_the_commonest_is_named() -> None:
    total = RefusedAnswers.total([RefusedAnswers.of({SHORT: 12}), RefusedAnswers.of({FOREIGN: 1, SHORT: 1})])
    assert total is not None
    assert total.remark() == "14 answers were refused: 20 bytes, too short"
    assert dict(total.counts) == {SHORT: 13, FOREIGN: 1}


def test_a_round_names_no_more_than_four_kinds() -> None:
    figure = RefusedAnswers.of({RefusedKind(Refusal.TOO_SHORT, size): size for size in range(1, 30)})
    assert [kind.octets for kind in figure.counts] == [29, 28, 27, 26]


@pytest.mark.parametrize(
    "value",
    [
        {},
        "TooShort",
        [{"reason": "Sulking", "count": 1}],
        [{"reason": "TooShort", "count": 0}],
        [{"reason": "TooShort", "count": 10**10}],
        [{"reason": "TooShort", "count": True}],
        [{"reason": "TooShort", "octets": 70_000, "count": 1}],
        [{"reason": "TooShort", "octets": -1, "count": 1}],
        [{"reason": "TooShort", "count": 1}] * 2,
        [{"reason": "TooShort", "octets": size, "count": 1} for size in range(1, 6)],
        [{"reason": "OtherSource", "source": "far.example", "count": 1}],
        [{"reason": "OtherSource", "source": "10.0.0.9", "port": 65_536, "count": 1}],
    ],
)
def test_what_breaks_the_rules_is_refused(value: Any) -> None:
    with pytest.raises(ContractError, match=r"^here"):
        RefusedAnswers.from_json(value, "here")


@pytest.mark.parametrize(
    "kind",
    [
        RefusedKind(Refusal.OTHER_SOURCE),
        RefusedKind(Refusal.OTHER_SOURCE, port=862),
        RefusedKind(Refusal.TOO_SHORT, source="10.0.0.9"),
        RefusedKind(Refusal.TOO_SHORT, port=862),
        RefusedKind(Refusal.OTHER_SOURCE, source="fe80::1%eth0"),
        RefusedKind(Refusal.OTHER_SOURCE, source="2001:DB8::1"),
        RefusedKind(Refusal.OTHER_SOURCE, source="10.0.0.9", port=65_536),
    ],
)
def test_a_source_belongs_to_answers_from_elsewhere_and_is_an_address(kind: RefusedKind) -> None:
    with pytest.raises(ContractError, match=r"^here"):
        RefusedAnswers.of({kind: 1}).check("here", sent=1, received=0)


def test_answers_from_elsewhere_are_told_from_one_another_and_added_up_by_reason() -> None:
    there, port = (RefusedKind(Refusal.OTHER_SOURCE, source="10.0.0.9", port=each) for each in (862, 0))
    figure = RefusedAnswers.of({there: 12, port: 1, SHORT: 2})
    assert RefusedAnswers.from_json(json.loads(json.dumps(figure.to_json())), "here") == figure
    figure.check("here", sent=10, received=0)
    assert figure.by_reason == {Refusal.OTHER_SOURCE: 13, Refusal.TOO_SHORT: 2}
    assert figure.remark() == (
        "15 answers were refused: from 10.0.0.9 port 862, not from the address and port that were asked"
    )
