"""Bars of round-trip times: every packet is in one of them, and the width is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.cli.histogram import ROWS, histogram_lines
from ipsecping.contract import Histogram

MS = 1_000_000


def count_of(line: str) -> int:
    return int(line.split()[4])


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=300), st.integers(60, 200), st.booleans())
def test_every_round_trip_is_in_one_bar(times: list[int], width: int, unicode: bool) -> None:
    lines = histogram_lines(Histogram.of(times), width=width, unicode=unicode)
    assert 1 <= len(lines) <= ROWS
    assert sum(map(count_of, lines)) == len(times)
    assert all(len(line) < width for line in lines)
    assert unicode or all(line.isascii() for line in lines)


def test_the_longest_bar_fills_the_line_and_the_shortest_is_seen() -> None:
    times = Histogram.of([1 * MS] * 1000 + [2 * MS])
    lines = histogram_lines(times, width=60, unicode=True)
    assert lines[0] == "1.000 - 1.083 ms 1000 ▕" + "█" * 36
    assert lines[-1] == "1.917 - 2.000 ms    1 ▕▏"


def test_equal_times_are_one_bar() -> None:
    assert histogram_lines(Histogram.of([5 * MS] * 3), width=40, unicode=False) == [
        "5.000 - 5.000 ms 3 |" + "#" * 19
    ]


def test_a_wide_range_is_cut_by_a_factor() -> None:
    lines = histogram_lines(Histogram.of([MS, 4096 * MS]), width=80, unicode=True)
    edges = [float(line.split()[0]) for line in lines]
    assert edges == pytest.approx([2.0**power for power in range(ROWS)], rel=0.001)


def test_without_times_there_is_nothing_to_show() -> None:
    assert histogram_lines(Histogram(), width=80, unicode=True) == []
