"""The delay of the healthy path that a diagnosis compares with: that of late, and no single low answer's."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.agent.usual_delay import TOGETHER, usual_delay

MS, MINUTE = 1_000_000, 60_000_000_000
START = 1_796_000_000_000_000_000


def rounds(*parts: tuple[int, int], every: int = 10 * MINUTE) -> list[tuple[int, int]]:
    """So many rounds each with so many milliseconds, one after the other."""
    times = [rtt * MS for count, rtt in parts for _ in range(count)]
    return [(START + number * every, rtt) for number, rtt in enumerate(times)]


def test_a_way_that_has_been_longer_for_a_day_is_the_usual_one() -> None:
    day = 24 * 6
    assert usual_delay(rounds((50, 12), (day + 1, 40))) == 40 * MS


def test_a_way_that_became_longer_today_is_not_yet() -> None:
    assert usual_delay(rounds((50, 12), (70, 40))) == 12 * MS


def test_a_single_low_answer_does_not_count() -> None:
    assert usual_delay(rounds((40, 12), (1, 1), (40, 12))) == 12 * MS
    assert usual_delay(rounds((2, 12), (1, 1))) == 12 * MS
    assert usual_delay(rounds((TOGETHER, 12), (1, 1))) == 12 * MS
    assert usual_delay(rounds((1, 12), (1, 1))) == 12 * MS


def test_high_rounds_do_not_either() -> None:
    assert usual_delay(rounds((10, 12), (5, 90), (10, 12))) == 12 * MS


def test_a_way_that_became_shorter_is_the_usual_one_after_some_rounds() -> None:
    assert usual_delay(rounds((40, 40), (10, 12))) == 12 * MS


def test_however_long_ago_it_was_well_that_is_what_is_known() -> None:
    assert usual_delay([(1, 12 * MS)]) == 12 * MS
    assert usual_delay([]) is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 10**12)), min_size=1, max_size=60))
def test_it_is_a_delay_that_was_measured_in_whatever_order(found: list[tuple[int, int]]) -> None:
    assert usual_delay(found) in {rtt for _, rtt in found}
    assert usual_delay(found[::-1]) == usual_delay(found)
