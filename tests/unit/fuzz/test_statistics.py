"""Figures against sorting and counting everything: what rounds say, alone and merged."""

from itertools import permutations
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import Histogram
from ipsecping.measure.ledger import Answer, Ledger

durations = st.integers(min_value=0, max_value=10**11)
precisions = st.integers(min_value=2, max_value=10)


def reordered(order: list[int]) -> int:
    """What the book of a session says of packets whose answers come in that order of their numbers."""
    ledger = Ledger(timeout=1)
    packets = [ledger.record(at=0) for _ in range(max(order, default=0) + 1)]
    for number in order:
        ledger.answered(Answer(packets[number].sequence), arrived_at=1, read_at=1)
    return sum(packet.reordered for packet in packets)


def rfc_4737(order: list[int]) -> int:
    """Section 3.3 word for word: s is NextExp; a packet is reordered if its number is below it."""
    next_expected, count = 0, 0
    for sequence in order:
        if sequence >= next_expected:
            next_expected = sequence + 1
        else:
            count += 1
    return count


@given(st.permutations(list(range(12))), st.integers(0, 12))
def test_reordering_is_counted_as_rfc_4737_defines_it_also_with_losses(order: list[int], lost: int) -> None:
    left = order[lost:]
    assert reordered(left) == rfc_4737(left)


def test_all_orders_of_four_packets_are_counted_right() -> None:
    for order in permutations(range(4)):
        assert reordered(list(order)) == rfc_4737(list(order))


@given(st.lists(st.lists(durations, max_size=20), min_size=1, max_size=5), st.floats(0, 100), st.data())
def test_percentiles_of_merged_rounds_err_no_more_than_stated_whatever_their_precision(
    rounds: list[list[int]], percent: float, data: st.DataObject
) -> None:
    total = Histogram()
    for values in rounds:
        total.merge(Histogram.of(values, precision=data.draw(precisions)))
    everything = sorted(value for values in rounds for value in values)
    said = total.percentile(percent)
    if not everything:
        assert said is None
        return
    true = everything[max(ceil(len(everything) * percent / 100), 1) - 1]
    assert said is not None
    assert abs(said - true) <= total.relative_error * true
    assert (total.count, total.sum, total.min, total.max) == (
        len(everything),
        sum(everything),
        everything[0],
        everything[-1],
    )


@given(a=st.lists(durations), b=st.lists(durations), first=precisions, second=precisions)
def test_merging_is_commutative_across_precisions(
    a: list[int], b: list[int], first: int, second: int
) -> None:
    one, other = Histogram.of(a, precision=first), Histogram.of(b, precision=second)
    one.merge(Histogram.of(b, precision=second))
    other.merge(Histogram.of(a, precision=first))
    assert one == other


@given(st.lists(durations, min_size=1, max_size=30))
def test_percentiles_never_decrease_and_stay_between_least_and_greatest(values: list[int]) -> None:
    histogram = Histogram.of(values)
    said = [histogram.percentile(percent) for percent in range(101)]
    assert [value for value in said if value is not None] == sorted(
        value for value in said if value is not None
    )
    assert (said[0], said[100]) == (min(values), max(values))
