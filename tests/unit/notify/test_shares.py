"""What each namespace may have of a receiver."""

from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.notify.shares import share


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(0, 200))
def test_shares_are_fair_and_leave_no_more_than_the_rest_unused(asked: list[int], most: int) -> None:
    limit = share(asked, most=most)
    had = [min(count, limit) for count in asked]
    assert sum(had) <= most
    short = [count for count in asked if count > limit]
    assert not short or most - sum(had) < len(short), "what is left is not enough for one more of each"
