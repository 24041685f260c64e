"""A histogram at rest holds what the living one holds."""

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import Histogram
from ipsecping_operator.verdict.packed_histogram import pack, unpack


@given(st.lists(st.integers(0, 60 * 10**9), max_size=50), st.integers(2, 10))
def test_unpacked_it_is_as_it_was(times: list[int], precision: int) -> None:
    rtt = Histogram.of(times, precision=precision)
    assert unpack(pack(rtt)) == rtt


def test_numbers_take_as_few_octets_as_they_need() -> None:
    few, many = Histogram.of([10**7]), Histogram.of([10**7])
    many.counts[next(iter(many.counts))] = many.count = 70_000
    assert (len(pack(many)) - len(pack(few)), unpack(pack(many))) == (4, many)


@given(st.integers(0, 2**72 - 1))
def test_a_sum_has_room_for_what_made_up_rounds_add_up_to(total: int) -> None:
    rtt = Histogram.of([10**7])
    rtt.sum = total
    assert unpack(pack(rtt)) == rtt
