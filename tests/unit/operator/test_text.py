"""How figures read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.verdict import text

from .builders import MS, NOON, SECOND


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 500, "0.00"),
        (16, 500, "3.20"),
        (500, 500, "100.00"),
        (1, 10**6, "0.01"),
        (10**6 - 1, 10**6, "99.99"),
    ],
)
def test_only_nothing_is_0_and_only_all_is_100_percent(part: int, whole: int, shown: str) -> None:
    assert text.percent(part, whole) == shown


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (12_100_000, "12.10ms"),
        (210_000, "0.21ms"),
        (43_000, "0.043ms"),
        (1_204_330_000, "1204.33ms"),
        (0, "0.000ms"),
    ],
)
def test_measured_times_are_milliseconds(nanoseconds: int, shown: str) -> None:
    assert text.milliseconds(nanoseconds) == shown


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [(300 * SECOND, "5m"), (90 * SECOND, "1m30s"), (250 * MS, "250ms"), (500_000, "0.5ms"), (0, "0s")],
)
def test_spans_read_as_they_are_configured(nanoseconds: int, shown: str) -> None:
    assert text.span(nanoseconds) == shown


def test_limits_read_as_they_were_written() -> None:
    assert [text.limit(Decimal(value)) for value in ("1", "0.5", "100", "2.50")] == ["1", "0.5", "100", "2.5"]


@given(st.integers(-(2**70), 2**70) | st.sampled_from([-1, 0, 253_402_300_800 * 10**9, -(10**30), 10**30]))
def test_any_instant_can_be_written_and_read_again(nanoseconds: int) -> None:
    shown = text.moment(nanoseconds)
    assert text.moment(text.from_moment(shown)) == shown
    assert "1970-01-01T00:00:00Z" <= shown <= "9999-12-31T23:59:59Z"


def test_moments_come_back_from_what_kubernetes_stores() -> None:
    assert text.moment(NOON) == "2026-11-23T12:00:00Z"
    assert text.from_moment(text.moment(NOON + 999_999_999)) == NOON
