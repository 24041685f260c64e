"""Rounds start on a stable phase, and nothing bunches them."""

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.agent.ticks import CATCH_UP, IN_PHASE, Ticks, phase

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
        ticks.advance(wall=now, monotonic=now)
        taken += 1
        assert ticks.next > now
        assert ticks.next - now <= interval
        assert (ticks.next - first) % interval == 0
    assert (ticks.next - first) // interval == taken + ticks.skipped


@given(interval=intervals, uid=st.uuids().map(str))
def test_the_phase_is_stable_and_within_the_interval(interval: int, uid: str) -> None:
    found = phase(uid=uid, interval=interval)
    assert 0 <= found < interval
    assert found == phase(uid=uid, interval=interval)


def test_many_checks_spread_over_the_interval() -> None:
    tenths = [phase(uid=f"uid-{i}", interval=10 * SECOND) // SECOND for i in range(1000)]
    assert all(50 < tenths.count(tenth) < 150 for tenth in range(10))


def test_paths_of_one_uid_that_are_too_many_to_begin_together_spread() -> None:
    tenths = [phase(uid="uid", interval=10 * SECOND, path=f"path-{i}") // SECOND for i in range(1000)]
    assert all(50 < tenths.count(tenth) < 150 for tenth in range(10))


@given(
    interval=intervals,
    offset=st.integers(0, SECOND - 1),
    set_by=st.integers(0, 2 * 10**18),
    booted=st.lists(instants, min_size=2, max_size=2),
    started=st.lists(st.integers(0, 3600 * SECOND), min_size=2, max_size=2),
)
def test_two_pods_start_their_rounds_in_the_same_instant_whenever_they_began(
    interval: int, offset: int, set_by: int, booted: list[int], started: list[int]
) -> None:
    """One that began before its clock was set comes into phase, and never early."""
    ends = []
    for number, (boot, wait) in enumerate(zip(booted, started, strict=True)):
        wall = 10**18 + wait
        wrong = wall + set_by if number else wall
        ticks = Ticks(interval=interval, phase=offset, wall=wrong, monotonic=wall - boot)
        for _ in range(CATCH_UP + 1):
            due = ticks.next
            ticks.advance(wall=due + boot, monotonic=due)
            assert interval <= ticks.next - due <= interval + interval // CATCH_UP
        ends.append((ticks.next + boot - offset) % interval)
    assert all(min(end, interval - end) <= IN_PHASE for end in ends)
