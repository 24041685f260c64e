"""Durations: read exactly, or not at all."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.api.durations import milliseconds, nanoseconds

UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
NUMBERS = st.tuples(
    st.integers(0, 999_999), st.one_of(st.none(), st.text("0123456789", min_size=1, max_size=6))
)
PARTS = st.lists(st.tuples(NUMBERS, st.sampled_from(sorted(UNITS))), min_size=1, max_size=4)


@given(PARTS)
def test_a_duration_is_the_sum_of_its_parts_without_rounding(
    parts: list[tuple[tuple[int, str | None], str]],
) -> None:
    text, total = "", Fraction(0)
    for (whole, decimals), unit in parts:
        number = str(whole) if decimals is None else f"{whole}.{decimals}"
        text += number + unit
        total += Fraction(number) * UNITS[unit]
    assert nanoseconds(text) == total


@pytest.mark.parametrize(
    ("text", "expected"), [("1m30s", 90_000), ("0.5ms", 0), ("1.5s", 1500), ("24h", 86_400_000), ("0ms", 0)]
)
def test_milliseconds_are_rounded_down(text: str, expected: int) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "30", "s", "3 days", "-1s", "+1s", "1S", "1e3s", "1.s", ".5s", "1us", "1s\n", "1234567ms", "²s"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        nanoseconds(text)
