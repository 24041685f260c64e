"""A total kept by adding and subtracting against one that is added up anew."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import Histogram, Invalidity, LossReason, PathMtu, Sources
from ipsecping.contract.check import LOSS_REASONS
from ipsecping.contract.figure import figures_by_name
from ipsecping_operator.verdict.packed_histogram import EMPTY, pack, unpack
from ipsecping_operator.verdict.running import MOST_CHANGES
from ipsecping_operator.verdict.tally import Tally, total
from ipsecping_operator.verdict.window import MOST, Window

from ...result_figures import keywords
from .builders import NOON, SECOND

LENGTH = 20 * SECOND


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    """One round, of any kind and any length."""
    start = NOON + draw(st.integers(0, 60)) * SECOND + draw(st.integers(0, 10**9 - 1))
    end = start + draw(st.integers(0, 30)) * SECOND
    sources = draw(
        st.dictionaries(st.integers(0, 30).map(lambda n: f"10.0.0.{n}"), st.integers(1, 5), max_size=4)
    )
    figures: dict[str, Any] = {"sources": sources}
    if draw(st.integers(0, 3)) == 0:
        spoilt = [each.spoilt() for each in keywords(figures)["figures"].values()]
        return Tally(
            start=start,
            end=end,
            invalid=1,
            invalidity=draw(st.sampled_from(Invalidity)),
            figures=figures_by_name(*spoilt),
        )
    times = draw(st.lists(st.integers(0, 10**8), max_size=4))
    precision = draw(st.sampled_from([7, 7, 7, 3, 5, 9]))
    lost = draw(st.dictionaries(st.sampled_from([*LOSS_REASONS.values()][:3]), st.integers(1, 3)))
    silent = st.dictionaries(st.sampled_from([500, 4500]), st.just(LossReason.TIMEOUT))
    figures |= {
        "certificate_expiry": draw(st.sampled_from([None, None, 1, 2])),
        "path_mtu": draw(st.sampled_from([None, None, PathMtu(forward=1400, reverse=None, too_big=True)])),
        "unanswered": draw(silent),
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
        **keywords(figures),
    )


def told(tally: Tally | None) -> Any:
    """The order of a packed histogram's buckets means nothing."""
    return None if tally is None else (replace(tally, packed_rtt=EMPTY), unpack(tally.packed_rtt))


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
            sources = named.figure(Sources)
            assert sources is None or len(sources.counts) <= Sources.most
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
