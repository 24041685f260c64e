"""Rounds start on a stable phase, and nothing bunches them."""

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.agent.ticks import Ticks, phase

SECOND = 1_000_000_000
intervals = st.integers(SECOND, 3600 * SECOND)
instants = st.integers(0, 2 * 10**18)


@given(interval=intervals, wall=instants, monotonic=instants, offset=st.integers(0, SECOND - 1))
def test_the_first_round_starts_within_one_interval_and_in_phase_with_the_wall_clock(
    interval: int, wall: int, monotonic: int, offset: int
) -> None:
    ticks = Ticks(interval=interval, phase=offset, wall=wall, monotonic=monotonic)
    wait = ticks.next - monotonic
    assert 0 < wait <= interval
    assert (wall + wait) % interval == offset % interval


@given(interval=intervals, delays=st.lists(st.integers(0, 5 * 3600 * SECOND), max_size=20))
def test_late_rounds_are_left_out_and_the_next_ones_keep_their_times(
    interval: int, delays: list[int]
) -> None:
    ticks = Ticks(interval=interval, phase=0, wall=0, monotonic=0)
    first, taken = ticks.next, 0
    now = first
    for delay in delays:
        now = max(now, ticks.next) + delay
        ticks.advance(monotonic=now)
        taken += 1
        assert ticks.next > now
        assert ticks.next - now <= interval
        assert (ticks.next - first) % interval == 0
    assert (ticks.next - first) // interval == taken + ticks.skipped


@given(interval=intervals, uid=st.uuids().map(str))
def test_the_phase_is_stable_and_within_the_interval(interval: int, uid: str) -> None:
    found = phase(uid=uid, path="default", interval=interval)
    assert 0 <= found < interval
    assert found == phase(uid=uid, path="default", interval=interval)


def test_many_checks_spread_over_the_interval() -> None:
    tenths = [phase(uid=f"uid-{i}", path="default", interval=10 * SECOND) // SECOND for i in range(1000)]
    assert all(50 < tenths.count(tenth) < 150 for tenth in range(10))
