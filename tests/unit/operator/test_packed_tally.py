"""Tallies at rest: nothing is lost, and most take little."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import Histogram, LossReason, Nat
from ipsecping.contract.check import LOSS_REASONS
from ipsecping.contract.figure import figures_by_name
from ipsecping_operator.verdict.packed_histogram import pack
from ipsecping_operator.verdict.packed_tally import end_of, pack_tally, rounds_of, start_of, unpack_tally
from ipsecping_operator.verdict.tally import Tally

from .builders import NOON, result

COUNTS = st.one_of(st.integers(0, 1000), st.integers(65_530, 65_540), st.integers(0, 2**40))


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    start = draw(st.integers(-(2**40), 2**62))
    rtt = Histogram()
    for value in draw(st.lists(st.integers(1, 10**10), max_size=5)):
        rtt.add(value)
    fields: dict[str, Any] = {
        name: draw(COUNTS) for name in ("rounds", "sent", "received", "duplicates", "undirected", "reached")
    }
    losses = draw(
        st.dictionaries(st.sampled_from(list(LOSS_REASONS.values())), st.integers(1, 10), max_size=2)
    )
    return Tally(
        start=start,
        end=start + draw(st.integers(0, 2**40)),
        directed=draw(st.booleans()),
        jitter_sum=draw(st.integers(0, 2**50)),
        packed_rtt=pack(rtt),
        losses=losses,
        figures=draw(st.sampled_from([{}, figures_by_name(Nat(True)), figures_by_name(Nat(False))])),
        **fields,
    )


@given(tallies())
def test_a_held_tally_tells_all_that_it_told(tally: Tally) -> None:
    packed = pack_tally(tally)
    assert unpack_tally(packed) == tally
    assert (start_of(packed), end_of(packed), rounds_of(packed)) == (tally.start, tally.end, tally.rounds)


def test_a_round_without_losses_is_held_in_few_octets() -> None:
    tally = Tally.of(result(at=NOON, rtt_ms=[12 + 0.1 * each for each in range(10)]), start=NOON)
    packed = pack_tally(tally)
    assert isinstance(packed, bytes)
    assert len(packed) < 200
    assert isinstance(pack_tally(replace(tally, losses={LossReason.TIMEOUT: 1})), Tally)
