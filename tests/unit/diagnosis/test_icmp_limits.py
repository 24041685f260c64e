"""A path that is asked by ICMP alone, which hosts and routers on the way may limit to so much a second."""

from dataclasses import replace

import pytest

from ipsecping.diagnosis import Evidence, Outcome, Part, diagnose
from ipsecping.diagnosis.evidence import PastRound

from .worlds import CONTROLS, ICMP, MS, NOW, batch, healthy, losing, without

SENT = 200
ROUND = PastRound(at=NOW, sent=10, answers="1" * 10, spacing=200 * MS)


def limited(*rounds: PastRound, spacing: int = 50) -> Evidence:
    """Half of the packets are lost at the rate of the diagnosis."""
    plain = without(healthy(), Part.HISTORY, Part.BULK, Part.FRAGMENTS, Part.RATES, *CONTROLS)
    one = replace(batch(kind=ICMP, sent=SENT), spacing=spacing * MS)
    lossy = losing(one, reverse=range(20, SENT, 2))
    return replace(plain, batches=(lossy,), rounds=rounds or None)


def test_what_rounds_do_not_lose_at_their_rate_is_a_limit_on_icmp_and_no_fault() -> None:
    found = diagnose(limited(*[ROUND] * 10))
    assert found.outcome is Outcome.NO_FAULT
    assert any("lost 0 of 100. Something limits the rate of ICMP" in note for note in found.notes)


@pytest.mark.parametrize(
    ("rounds", "spacing"),
    [
        ([], 50),
        ([ROUND], 50),
        ([*[ROUND] * 9, replace(ROUND, answers="1110111111")], 50),
        ([ROUND] * 10, 200),
    ],
    ids=["nothing is known", "too few", "they lose as well", "as slow as they"],
)
def test_otherwise_it_is_loss_as_any_other(rounds: list[PastRound], spacing: int) -> None:
    assert diagnose(limited(*rounds, spacing=spacing)).outcome is Outcome.FAULT
