"""Tests that take long are begun with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...long_first import dealt

SHARES = [
    (["a", "A", "b", "c"], ["A", "a", "b", "c"]),
    (["a", "b", "c", "A", "B", "d"], ["A", "a", "b", "B", "c", "d"]),
]


@pytest.mark.parametrize(("items", "order"), SHARES)
def test_each_share_begins_with_its_part_of_the_long_ones(items: list[str], order: list[str]) -> None:
    assert dealt(items, workers=2, long=str.isupper) == order


@given(marked=st.lists(st.booleans(), max_size=40), workers=st.integers(1, 8))
def test_none_is_lost_none_comes_twice_and_the_others_keep_their_order(
    marked: list[bool], workers: int
) -> None:
    items = list(enumerate(marked))
    order = dealt(items, workers=workers, long=lambda item: item[1])
    assert sorted(order) == items
    assert [item for item in order if not item[1]] == [item for item in items if not item[1]]
