"""The histogram against a brute-force oracle, and its merge laws."""

import json
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import ContractError, Histogram
from ipsecping.contract.histogram import bucket_bounds, bucket_index

durations = st.integers(min_value=0, max_value=10**11)
precisions = st.integers(min_value=2, max_value=10)


@given(value=durations, precision=precisions)
def test_a_value_lies_in_its_bucket_and_the_next_bucket_begins_where_it_ends(
    value: int, precision: int
) -> None:
    index = bucket_index(value, precision)
    low, high = bucket_bounds(index, precision)
    assert low <= value <= high
    assert bucket_bounds(index + 1, precision)[0] == high + 1


@given(values=st.lists(durations, min_size=1), percent=st.floats(0, 100), precision=precisions)
def test_a_percentile_errs_by_at_most_the_stated_error(
    values: list[int], percent: float, precision: int
) -> None:
    histogram = Histogram.of(values, precision=precision)
    rank = max(ceil(len(values) * percent / 100), 1)
    true = sorted(values)[rank - 1]
    reported = histogram.percentile(percent)
    assert reported is not None
    assert abs(reported - true) <= histogram.relative_error * true


def test_the_default_error_is_below_one_percent() -> None:
    assert Histogram().relative_error <= 0.01


@given(a=st.lists(durations), b=st.lists(durations))
def test_merging_equals_counting_everything_in_one(a: list[int], b: list[int]) -> None:
    merged = Histogram.of(a)
    merged.merge(Histogram.of(b))
    assert merged == Histogram.of(a + b)


@given(a=st.lists(durations), b=st.lists(durations), c=st.lists(durations), precision=precisions)
def test_merging_is_associative_across_precisions(
    a: list[int], b: list[int], c: list[int], precision: int
) -> None:
    left = Histogram.of(a)
    left.merge(Histogram.of(b, precision=precision))
    left.merge(Histogram.of(c))
    right_tail = Histogram.of(b, precision=precision)
    right_tail.merge(Histogram.of(c))
    right = Histogram.of(a)
    right.merge(right_tail)
    assert left == right


@given(values=st.lists(durations), fine=precisions, coarse=precisions)
def test_coarsening_equals_counting_coarsely(values: list[int], fine: int, coarse: int) -> None:
    coarse = min(fine, coarse)
    assert Histogram.of(values, precision=fine).coarsened(coarse) == Histogram.of(values, precision=coarse)


@given(values=st.lists(durations), precision=precisions)
def test_json_keeps_everything(values: list[int], precision: int) -> None:
    histogram = Histogram.of(values, precision=precision)
    again = Histogram.from_json(json.loads(json.dumps(histogram.to_json())))
    assert again == (histogram if values else Histogram())


def test_an_empty_histogram_has_no_percentiles() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().to_json() == {}


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Histogram().add(-1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"precision": 99}, "rtt.precision"),
        ({"max": 1}, "rtt.max"),
        ({"sum": 10**15}, "rtt.sum"),
        ({"buckets": [1]}, "rtt.buckets"),
        ({"buckets": [1, -4]}, "rtt.buckets"),
        ({"buckets": [1, True]}, "rtt.buckets"),
        ({"buckets": [10**30, 1]}, "rtt.buckets"),
        ({"buckets": "x"}, "rtt.buckets"),
    ],
)
def test_a_damaged_histogram_is_refused_with_the_name_of_the_field(
    change: dict[str, object], field: str
) -> None:
    with pytest.raises(ContractError, match=field.replace(".", r"\.")):
        Histogram.from_json(Histogram.of([5_000_000, 7_000_000]).to_json() | change)
