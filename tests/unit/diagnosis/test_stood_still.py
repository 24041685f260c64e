"""A host or guest that stands still for a moment loses or delays all at once: the tunnel is not to blame."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import ContractError
from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping.diagnosis import Evidence, Part, diagnose, evidence_from_json, evidence_to_json
from ipsecping.diagnosis.stood_still import moments, without_moments

from .worlds import ICMP, MS, NOW, batch, healthy, losing, lossy, silent, with_batches

STALL = range(20, 26)
"""Of packets 50 ms apart: 0.3 s, a second after the first."""


def near(*, lost: Any = (), late: Any = ()) -> Any:
    """Our own gateway asked beside the target, with packets lost and late."""
    made = losing(batch(Part.NEAR_INSIDE, ICMP, sent=40), forward=lost)
    return replace(made, late="".join("1" if n in set(late) else "0" for n in range(40)) if late else None)


def world(ours: Any, *, lost: Any = STALL, at: int = NOW, kind: Part = Part.METHODS) -> Evidence:
    """A look at a path that loses these packets, in each of two windows."""
    kept = [
        each for each in healthy().batches if each.part not in (Part.METHODS, Part.NEAR_INSIDE, Part.RATES)
    ]
    there = losing(batch(kind), forward=lost)
    looks = [replace(each, window=window) for each in (there, ours) for window in (1, 2)]
    moved = [replace(each, at=at) if each.part is kind else each for each in looks]
    return replace(healthy(), batches=(*kept, *moved))


@pytest.mark.parametrize(
    "ours", [near(late=STALL), near(lost=STALL), near(lost=range(20, 23), late=range(23, 26))]
)
def test_what_is_lost_while_our_own_gateway_is_late_or_silent_is_no_fault_of_the_path(ours: Any) -> None:
    found = diagnose(world(ours))
    assert (found.outcome, found.findings) == (Outcome.NO_FAULT, ())
    assert any(
        "12 packets to the target were lost while our gateway's inside address" in n for n in found.notes
    )


@pytest.mark.parametrize(
    "evidence",
    [
        world(near()),
        world(near(late=STALL), at=NOW + 1000 * MS),
        world(near(late=range(20, 22))),
        world(near(late=[*range(4, 8), *range(14, 18), *range(30, 34)])),
        world(near(late=range(18, 29))),
    ],
    ids=["it was well", "at another moment", "two may be chance", "time and again", "for long"],
)
def test_all_else_that_is_lost_counts(evidence: Evidence) -> None:
    assert diagnose(evidence).lost == 12
    assert diagnose(evidence).findings


def test_so_is_what_a_high_rate_loses_then() -> None:
    """Few packets are sent to our own gateway beside it, and a moment takes half of them."""
    ours = replace(batch(Part.NEAR_INSIDE, ICMP, sent=8, spacing=80 * MS), late="00111100")
    fast = losing(batch(Part.RATES, sent=96, spacing=10 * MS), forward=range(16, 46))
    slow = batch(Part.RATES, sent=24)
    kept = [each for each in healthy().batches if each.part not in (Part.RATES, Part.NEAR_INSIDE)]
    evidence = replace(healthy(), batches=(*kept, slow, fast, ours))
    assert diagnose(evidence).findings == ()
    assert diagnose(evidence).notes[0].startswith("30 packets to the target were lost while our gateway's")
    without = replace(evidence, batches=(*kept, slow, fast, replace(ours, late=None)))
    assert [each.reason for each in diagnose(without).findings] == ["RateDependentLoss"]


def test_a_fault_beside_such_a_moment_is_told_by_what_is_left() -> None:
    steady = [*range(0, 40, 5), *STALL]
    found = diagnose(world(near(late=STALL), lost=steady))
    assert found.findings
    assert found.lost == 2 * len(set(steady) - set(STALL))
    assert found.sent == 2 * (40 - len(STALL))


def test_a_path_that_is_silent_stays_so_whatever_our_gateway_did() -> None:
    dark = replace(silent(healthy()), batches=(*silent(healthy()).batches, near(late=STALL)))
    plain = silent(healthy())
    assert [each.reason for each in diagnose(dark).findings] == [
        each.reason for each in diagnose(plain).findings
    ]


def test_what_our_own_network_loses_by_chance_stays_its_fault() -> None:
    parts = (Part.METHODS, Part.NEAR_INSIDE, Part.FLOWS, Part.CLASSES, Part.RATES, Part.FAR_INSIDE)
    evidence = lossy(healthy(), forward=0.2, parts=parts, packets=200)
    assert diagnose(evidence).findings[0].reason == "NearNetworkLoss"


@settings(max_examples=50, deadline=None)
@given(
    st.text("01", min_size=40, max_size=40), st.text("01", min_size=40, max_size=40), st.integers(-3000, 3000)
)
def test_what_is_left_is_evidence_of_its_kind(target: str, ours: str, shift: int) -> None:
    lost = [place for place, each in enumerate(ours) if each == "0"]
    evidence = world(
        near(lost=lost), lost=[n for n, each in enumerate(target) if each == "0"], at=NOW + shift * MS
    )
    left = without_moments(evidence)
    assert not moments(evidence) or without_moments(left) is not None
    for before, after in zip(evidence.batches, left.batches, strict=True):
        assert after.answers is None or len(after.answers) == after.sent
        assert 0 <= after.lost <= before.lost
        assert bool(after.answered) == bool(before.answered)


@pytest.mark.parametrize(
    ("late", "said"),
    [("1" * 39, "for each of the 40"), ("x" * 40, "for each of the 40"), ("1" * 40, "not answered")],
)
def test_which_were_late_is_read_strictly(late: str, said: str) -> None:
    content = evidence_to_json(with_batches(healthy(), lambda b: losing(b, forward=[0])))
    content["batches"][0]["late"] = late
    with pytest.raises(ContractError, match=said):
        evidence_from_json(content)
