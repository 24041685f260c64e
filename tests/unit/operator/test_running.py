"""A total kept by adding and subtracting against one that is added up anew."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import Histogram, Invalidity, LossReason, PathMtu
from ipsecping_operator.verdict.packed_histogram import EMPTY, pack
from ipsecping_operator.verdict.running import MOST_CHANGES
from ipsecping_operator.verdict.tally import MAX_SOURCES, Tally, total
from ipsecping_operator.verdict.window import MOST, Window

from .builders import NOON, SECOND
from .windows import told

LENGTH = 20 * SECOND


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    """One round, of any kind and any length."""
    start = NOON + draw(st.integers(0, 60)) * SECOND + draw(st.integers(0, 10**9 - 1))
    end = start + draw(st.integers(0, 30)) * SECOND
    sources = draw(
        st.dictionaries(st.integers(0, 30).map(lambda n: f"10.0.0.{n}"), st.integers(1, 5), max_size=4)
    )
    if draw(st.integers(0, 3)) == 0:
        return Tally(
            start=start, end=end, invalid=1, invalidity=draw(st.sampled_from(Invalidity)), sources=sources
        )
    times = draw(st.lists(st.integers(0, 10**8), max_size=4))
    precision = draw(st.sampled_from([7, 7, 7, 3, 5, 9]))
    lost = draw(st.dictionaries(st.sampled_from([*LossReason][:3]), st.integers(1, 3)))
    facts: dict[str, Any] = {
        "certificate_expiry": draw(st.sampled_from([None, None, 1, 2])),
        "path_mtu": draw(st.sampled_from([None, None, PathMtu(forward=1400, reverse=None, too_big=True)])),
    }
    return Tally(
        start=start,
        end=end,
        rounds=1,
        sent=len(times) + sum(lost.values()),
        received=len(times),
        directed=draw(st.booleans()),
        losses=lost,
        packed_rtt=pack(Histogram.of(times, precision=precision)) if times else EMPTY,
        jitter_sum=draw(st.integers(0, 100)),
        unanswered=draw(st.dictionaries(st.sampled_from([500, 4500]), st.just(1))),
        sources=sources,
        **facts,
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(tallies(), st.integers(0, 100), st.booleans()), max_size=40))
def test_it_is_always_what_the_window_holds_added_up(
    steps: list[tuple[Tally, int, bool]],
) -> None:
    window, now = Window(length=LENGTH), NOON
    for tally, later, looked in steps:
        now = max(now, tally.end, NOON + later * SECOND)
        window.add(tally, now=now)
        if looked:
            assert told(window.total()) == told(total(window.tallies))
            named = window.total()
            assert named is not None
            assert len(named.sources) <= MAX_SOURCES
    assert told(window.total()) == told(total(window.tallies))


@settings(max_examples=5, deadline=None)
@given(st.lists(tallies(), min_size=5, max_size=30), st.integers(1, 100))
def test_so_it_is_of_merged_rounds_and_when_it_is_seldom_asked_for(made: list[Tally], pause: int) -> None:
    window = Window(length=1000 * SECOND)
    for number in range(MOST + 2 * MOST_CHANGES):
        tally = made[number % len(made)]
        by = 5 * number * SECOND
        moved = replace(tally, start=tally.start + by, end=tally.end + by)
        window.add(moved, now=moved.end)
        if number % pause == 0:
            assert told(window.total()) == told(total(window.tallies))
    assert told(window.total()) == told(total(window.tallies))
    assert len(window.packed) <= MOST
