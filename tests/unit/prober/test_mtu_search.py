"""The search for the path MTU against simulated paths: exact whatever is lost, said or forged on the way."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import PathMtu
from ipsecping.measure.mtu_evidence import weigh
from ipsecping.measure.mtu_search import MtuSearch, Step, mss_of, tries_needed

LOW, HIGH, FLOOR = 576, 1500, 72
MOST_PACKETS = 5000


@dataclass
class Path:
    """A path and its reflector. Losses by `chance`, which draws a number in 0..1 for each crossing."""

    forward: int
    reverse: int
    loss: float = 0.0
    stateful: bool = True
    told: bool = False
    link: int = 65_535
    forged: list[int] = field(default_factory=list)
    chance: Callable[[], float] = lambda: 1.0
    copies: float = 0.0
    fragments: bool = False
    replies: int = 0
    at_once: int = 1
    turns: int = 0

    def search(self, *, low: int = LOW, high: int = HIGH) -> tuple[PathMtu, int]:
        """What is found and with how many packets."""
        search = MtuSearch(low=low, high=high, floor=FLOOR)
        while isinstance(step := search.next(at_once=self.at_once), Step):
            self.turns += 1
            for size in step.tries * step.sizes:
                self.carry(search, size)
                self.carry(search, None)
            assert len(search.probes) < MOST_PACKETS
        return step, len(search.probes)

    def carry(self, search: MtuSearch, size: int | None) -> None:
        probe = search.record(size=size)
        if probe.size > self.link:
            search.refused(probe, self.link)
            return
        if self.forged and size is not None:
            search.too_big(probe, self.forged.pop())
        if probe.size > self.forward:
            if self.told:
                search.too_big(probe, self.forward)
            return
        if self.chance() < self.loss:
            return
        for _ in range(2 if self.chance() < self.copies else 1):
            reply = self.replies if self.stateful else probe.sequence
            self.replies += 1
            if probe.size <= self.reverse and self.chance() >= self.loss:
                search.answered(probe, reply=reply, whole=True)
            elif self.fragments and self.chance() >= self.loss:
                search.answered(probe, reply=reply, whole=False)


mtus = st.integers(LOW, HIGH)
by_chance = settings(derandomize=True)
"""The search errs by chance once in some thousand searches of a path with loss: always the same examples."""


@given(forward=mtus, reverse=mtus, told=st.booleans(), fragments=st.booleans())
def test_both_directions_are_found_exactly_on_a_path_without_loss(
    forward: int, reverse: int, told: bool, fragments: bool
) -> None:
    found, packets = Path(forward, reverse, told=told, fragments=fragments).search()
    assert found == PathMtu(forward=forward, reverse=min(forward, reverse), too_big=told and forward < HIGH)
    assert packets <= 160


@given(forward=mtus, reverse=mtus, told=st.booleans(), at_once=st.integers(2, 7))
def test_several_sizes_at_once_find_the_same_in_fewer_turns(
    forward: int, reverse: int, told: bool, at_once: int
) -> None:
    slow = Path(forward, reverse, told=told, at_once=at_once)
    found, packets = slow.search()
    assert found == PathMtu(forward=forward, reverse=min(forward, reverse), too_big=told and forward < HIGH)
    one_way = forward == HIGH or reverse >= forward
    assert slow.turns <= {2: 10, 3: 8, 4: 7, 5: 7, 6: 6, 7: 6}[at_once] * (1 if one_way else 2)
    assert packets <= 124 * (1 if one_way else 2)


@by_chance
@given(
    forward=mtus,
    reverse=mtus,
    loss=st.floats(0, 0.3),
    seed=st.integers(0, 2**32),
    at_once=st.integers(2, 7),
)
def test_nor_does_random_loss_change_what_several_sizes_at_once_find(
    forward: int, reverse: int, loss: float, seed: int, at_once: int
) -> None:
    path = Path(forward, reverse, loss, chance=random.Random(seed).random, at_once=at_once)
    found, _ = path.search()
    assert (found.forward, found.reverse) == (forward, min(forward, reverse))


@by_chance
@given(
    forward=mtus,
    reverse=mtus,
    loss=st.floats(0, 0.3),
    told=st.booleans(),
    forged=st.lists(st.integers(0, 70_000), max_size=20),
    seed=st.integers(0, 2**32),
)
def test_random_loss_both_ways_and_forged_messages_do_not_change_what_is_found(
    forward: int, reverse: int, loss: float, told: bool, forged: list[int], seed: int
) -> None:
    path = Path(forward, reverse, loss, told=told, forged=forged, chance=random.Random(seed).random)
    found, _ = path.search()
    assert (found.forward, found.reverse) == (forward, min(forward, reverse))


@by_chance
@given(forward=mtus, reverse=mtus, loss=st.floats(0, 0.3), seed=st.integers(0, 2**32))
def test_a_stateless_reflector_shows_what_passes_both_ways_and_no_direction(
    forward: int, reverse: int, loss: float, seed: int
) -> None:
    path = Path(forward, reverse, loss, stateful=False, chance=random.Random(seed).random)
    found, _ = path.search()
    both = min(forward, reverse)
    assert (found.forward, found.reverse) == (both, HIGH if both == HIGH else None)


@by_chance
@given(forward=mtus, reverse=mtus, seed=st.integers(0, 2**32))
def test_copies_made_on_the_way_never_make_a_size_pass_that_did_not_arrive(
    forward: int, reverse: int, seed: int
) -> None:
    path = Path(forward, reverse, 0.1, copies=0.2, chance=random.Random(seed).random)
    found, _ = path.search()
    assert found.forward is not None
    assert min(forward, reverse) <= found.forward <= forward


def test_a_believable_but_wrong_message_costs_packets_not_truth() -> None:
    found, _ = Path(1438, 1438, forged=[600, 1437, 1439, 1280]).search()
    assert (found.forward, found.reverse) == (1438, 1438)


def test_an_honest_message_spares_packets() -> None:
    _, told = Path(1438, 1500, told=True).search()
    _, silent = Path(1438, 1500).search()
    assert told < silent / 2


def test_a_black_hole_is_told_from_a_path_that_says_why() -> None:
    assert Path(1400, 1500, told=True).search()[0].too_big
    assert not Path(1400, 1500).search()[0].too_big


def test_a_message_that_states_more_than_what_passes_leaves_a_black_hole() -> None:
    found, _ = Path(1246, 1500, forged=[1346] * 3).search()
    assert found == PathMtu(forward=1246, reverse=1246, too_big=False)


def test_the_own_link_is_a_limit_that_needs_no_second_try() -> None:
    found, packets = Path(9000, 9000, link=1500).search(high=9000)
    assert found == PathMtu(forward=1500, reverse=1500, too_big=True)
    assert packets <= 16


def test_a_link_of_ours_far_above_the_limit_does_not_hide_a_black_hole() -> None:
    found, _ = Path(1400, 1400, link=1500).search(high=9000)
    assert found == PathMtu(forward=1400, reverse=1400, too_big=False)


def test_a_path_below_the_least_size_has_no_mtu_in_the_bounds() -> None:
    assert Path(1000, 1500).search(low=1280)[0] == PathMtu(forward=None, reverse=None, too_big=False)


def test_answers_that_are_small_only_come_back_as_far_as_the_companion_does() -> None:
    assert Path(1500, 1000).search(low=1280)[0] == PathMtu(forward=1500, reverse=FLOOR, too_big=False)


@pytest.mark.parametrize(
    ("mtu", "ipv6", "mss"), [(1438, False, 1398), (1438, True, 1378), (1500, False, 1460)]
)
def test_the_mss_leaves_room_for_the_headers_of_ip_and_tcp(mtu: int, ipv6: bool, mss: int) -> None:
    assert mss_of(mtu, ipv6=ipv6) == mss


def test_more_loss_on_the_path_demands_more_tries() -> None:
    assert tries_needed(100, 0) == 3
    assert tries_needed(10, 0) == 5
    assert tries_needed(40, 4) > tries_needed(40, 1)
    assert tries_needed(4, 4) == 20


def test_what_a_limit_on_the_rate_of_answers_silences_together_with_its_companion_says_nothing() -> None:
    search = MtuSearch(low=LOW, high=HIGH, floor=FLOOR)
    sent = [search.record(size=size) for size in (None, HIGH, None, HIGH, None)]
    for probe in (sent[0], sent[4]):
        search.answered(probe, reply=None, whole=True)
    assert weigh(sent, counted=False)[HIGH].lost == 1
    assert weigh(sent, counted=True)[HIGH].lost == 0
