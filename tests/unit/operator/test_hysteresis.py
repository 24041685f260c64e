"""A value at its limit does not flap, and none is held for ever."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.verdict.hysteresis import Latch, exceeded, reported_as, too_small

LIMIT, WINDOW = 100, 10


def watched(values: Iterable[int], *, limit: int = LIMIT) -> list[bool]:
    """Whether the limit counts as exceeded after each value; one a second, in a window of ten."""
    latch: Latch | None = None
    seen = []
    for now, value in enumerate(values):
        latch = exceeded(value, limit, latch, oldest=now - WINDOW, now=now)
        seen.append(latch is not None)
    return seen


def test_above_the_limit_is_above_at_once_and_at_the_limit_is_not() -> None:
    assert watched([100, 101]) == [False, True]


def test_a_value_that_swings_around_its_limit_stays_above_it() -> None:
    assert watched([101, 99] * 50) == [True] * 100


def test_four_fifths_of_the_limit_are_healthy_at_once() -> None:
    assert watched([101, 81, 80]) == [True, True, False]


def test_a_value_just_below_its_limit_is_healthy_when_the_window_holds_nothing_else() -> None:
    assert watched([101] + [99] * 11) == [True] * 11 + [False]


def test_no_loss_at_all_is_within_a_limit_of_nothing() -> None:
    assert watched([1, 0], limit=0) == [True, False]


def test_a_new_limit_begins_anew() -> None:
    latch = Latch(limit=Decimal(1))
    assert exceeded(Decimal("1.9"), Decimal(2), latch, oldest=0, now=5) is None
    assert exceeded(Decimal("0.9"), Decimal(1), latch, oldest=0, now=5) is not None


def test_after_a_restart_any_limit_may_be_the_one_that_was_held() -> None:
    assert exceeded(Decimal("0.9"), Decimal(1), reported_as("LossHigh")["loss"], oldest=0, now=5) is not None


@given(st.lists(st.integers(0, 200), max_size=200))
def test_what_is_above_its_limit_always_counts_and_what_is_far_below_never_does(values: list[int]) -> None:
    for value, bad in zip(values, watched(values), strict=True):
        assert bad if value > LIMIT else value > LIMIT * 4 / 5 or not bad


@given(st.lists(st.integers(81, 119), min_size=30, max_size=200))
def test_near_the_limit_there_is_at_most_one_change_back_in_a_window(values: list[int]) -> None:
    seen = watched(values)
    ends = [i for i, (before, after) in enumerate(pairwise(seen)) if before and not after]
    assert all(later - earlier > WINDOW for earlier, later in pairwise(ends))


@pytest.mark.parametrize(
    ("sizes", "latched", "low"),
    [
        ([1500], False, False),
        ([1300], False, True),
        ([1300, 1500], False, False),
        ([1300, 1300], False, True),
        ([1500, 1300], True, True),
        ([1500, 1500, 1300], True, False),
        ([1400], False, False),
    ],
)
def test_two_searches_in_succession_decide_about_the_path_mtu(
    sizes: list[int], latched: bool, low: bool
) -> None:
    latch = Latch(limit=1400) if latched else None
    assert (too_small(sizes, 1400, latch) is not None) is low


@pytest.mark.parametrize("reason", HealthyReason)
def test_any_reason_can_be_taken_up_after_a_restart(reason: HealthyReason) -> None:
    assert all(latch.limit is None for latch in reported_as(reason.value).values())
