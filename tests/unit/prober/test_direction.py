"""The direction of loss, held against simulated networks whose truth is known."""

from dataclasses import dataclass, field
from enum import Enum
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.measure.direction import Attribution
from ipsecping.measure.ledger import FIRST_SEQUENCE, Answer, Ledger
from ipsecping.measure.packet import Observer, Packet
from ipsecping.rounds.round_machine import RoundMachine, Step

MS = 1_000_000
TIMEOUT = 100 * MS


class Fate(Enum):
    ANSWERED = "answered"
    LOST_THERE = "lost on the way there"
    LOST_BACK = "lost on the way back"


@dataclass
class Network:
    """A path and its reflector. `counter` is the reflector's; None makes it stateless."""

    counter: int | None = 0
    ledger: Ledger = field(default_factory=lambda: Ledger(timeout=TIMEOUT))
    now: int = 0

    def send(self, observer: Observer | None = None) -> Packet:
        self.now += MS
        return self.ledger.record(at=self.now, observer=observer)

    def reflect(self, packet: Packet) -> int:
        """The packet arrives at the reflector; the number of its reply."""
        if self.counter is None:
            return packet.sequence
        self.counter += 1
        return self.counter - 1

    def answer(self, packet: Packet, reply: int, *, after: int = MS) -> None:
        at = packet.sent_at + after
        self.ledger.answered(Answer(packet.sequence, 0, reply), arrived_at=at, read_at=at)

    def packet(self, fate: Fate, observer: Observer | None = None) -> Packet:
        packet = self.send(observer)
        if fate is not Fate.LOST_THERE:
            reply = self.reflect(packet)
            if fate is Fate.ANSWERED:
                self.answer(packet, reply)
        return packet

    def round(self, fates: list[Fate], closing: list[Fate]) -> tuple[list[Fate], Attribution]:
        """A round of the real machine; the fates of all its packets and what the ledger makes of it."""
        coming, had = [*fates, *closing], list[Fate]()
        machine = RoundMachine(
            self.ledger, count=len(fates), spacing=MS, start=self.now + MS, timeout=TIMEOUT
        )
        while (step := machine.next(self.now)) is not Step.OVER:
            if step is Step.SEND:
                had.append(coming[len(had)])
                machine.sent(self.packet(had[-1], machine))
            elif step is Step.DRAIN:
                machine.drained(self.now, complete=True, dropped=False)
            else:
                self.now = machine.due
        return had, self.ledger.attribute(machine.packets)


class Wrapping(Network):
    """Its reflector's numbers have 32 bits, as on the wire."""

    def reflect(self, packet: Packet) -> int:
        return super().reflect(packet) % 2**32


fates = st.lists(st.sampled_from(Fate), min_size=1, max_size=12)
closings = st.lists(st.sampled_from(Fate), min_size=3, max_size=3)
rounds = st.lists(st.tuples(fates, closings), min_size=1, max_size=6)


def only_back(fates: list[Fate]) -> list[Fate]:
    return [Fate.LOST_BACK if fate is Fate.LOST_THERE else fate for fate in fates]


def truth(had: list[Fate]) -> tuple[int, int]:
    return had.count(Fate.LOST_THERE), had.count(Fate.LOST_BACK)


@given(rounds)
def test_each_round_that_ends_with_an_answer_knows_exactly_what_each_direction_lost(
    plan: list[tuple[list[Fate], list[Fate]]],
) -> None:
    network = Network()
    network.round([Fate.ANSWERED], [])
    blind = False
    for regular, closing in plan:
        had, found = network.round(regular, closing)
        if found.forward is None or found.reverse is None:
            # Unknown only where no answer ends the losses, or where they hang together with such ones.
            assert Fate.ANSWERED not in had or had[-1] is not Fate.ANSWERED or blind
        else:
            assert (found.forward, found.reverse) == truth(had)
        ends = had[-1] is Fate.ANSWERED
        blind = not ends and (blind or any(fate is not Fate.ANSWERED for fate in had))


@given(st.sampled_from([0, 1, 7, 2**31]), fates, fates)
def test_of_a_new_session_that_is_answered_only_losses_before_its_first_answer_are_unknown(
    begins: int, before: list[Fate], behind: list[Fate]
) -> None:
    network = Network(counter=begins)
    had, found = network.round([*before, Fate.ANSWERED, *behind, Fate.ANSWERED], [])
    first = had.index(Fate.ANSWERED)
    if found.forward is None:
        there, back = truth(had[first:])
        assert there <= found.min_forward <= there + had[:first].count(Fate.LOST_THERE)
        assert found.min_reverse == back
    else:
        assert (found.forward, found.reverse) == truth(had)
    _, again = network.round([*behind, Fate.ANSWERED], [])
    assert (again.forward, again.reverse) == truth([*behind, Fate.ANSWERED])


@given(rounds)
def test_losses_that_all_go_one_way_are_known_even_across_rounds_without_an_answer_at_the_end(
    plan: list[tuple[list[Fate], list[Fate]]],
) -> None:
    network = Network()
    network.round([Fate.ANSWERED], [])
    for regular, closing in plan:
        had, found = network.round(only_back(regular), only_back(closing))
        if had[-1] is Fate.ANSWERED:
            assert (found.forward, found.reverse) == truth(had)


@given(rounds)
def test_a_stateless_reflector_never_names_a_direction(
    plan: list[tuple[list[Fate], list[Fate]]],
) -> None:
    network = Network(counter=None)
    for regular, closing in plan:
        had, found = network.round(regular, closing)
        assert len(had) == len(regular)
        nothing_lost = all(fate is Fate.ANSWERED for fate in had)
        assert (found.forward, found.reverse) == ((0, 0) if nothing_lost else (None, None))


def test_a_first_round_that_loses_replies_only_is_told_from_a_stateless_reflector() -> None:
    network = Network()
    _, found = network.round([Fate.ANSWERED, Fate.LOST_BACK, Fate.ANSWERED], [])
    assert (found.forward, found.reverse) == (0, 1)
    assert FIRST_SEQUENCE > 1  # or a reflector that starts at 0 or 1 would look stateless


def test_a_round_without_one_answer_sends_no_closing_packets_and_knows_nothing() -> None:
    network = Network()
    network.round([Fate.ANSWERED], [])
    had, found = network.round([Fate.LOST_BACK] * 4, [Fate.ANSWERED] * 3)
    assert len(had) == 4
    assert (found.forward, found.reverse) == (None, None)


def test_a_lost_tail_is_told_by_one_more_packet() -> None:
    network = Network()
    had, found = network.round(
        [Fate.ANSWERED, Fate.LOST_THERE, Fate.LOST_BACK], [Fate.LOST_BACK, Fate.ANSWERED, Fate.ANSWERED]
    )
    assert len(had) == 5
    assert (found.forward, found.reverse) == (1, 2)


def test_a_later_round_that_has_begun_tells_of_a_lost_tail_without_closing_packets() -> None:
    network = Network()
    first = [network.packet(fate) for fate in (Fate.ANSWERED, Fate.LOST_THERE)]
    second = [network.packet(Fate.ANSWERED)]
    assert not network.ledger.would_closing_tell(first, closing=0)
    found = network.ledger.attribute(first)
    assert (found.forward, found.reverse) == (1, 0)
    assert network.ledger.attribute(second)[:2] == (0, 0)


@given(fates, fates)
def test_rounds_that_overlap_never_contradict_the_truth(first: list[Fate], second: list[Fate]) -> None:
    network = Network()
    packets = [[network.packet(fate) for fate in some] for some in (first, second)]
    for some, had in zip(packets, (first, second), strict=True):
        found = network.ledger.attribute(some)
        if found.forward is not None:
            assert (found.forward, found.reverse) == truth(had)


@given(
    st.lists(st.tuples(st.sampled_from(Fate), st.integers(0, 5)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_overtaking_on_the_way_there_and_back_does_not_mislead(
    plan: list[tuple[Fate, int]], random: object
) -> None:
    network = Network()
    packets = [network.send() for _ in plan]
    # Packets overtake each other by up to five places; what is sent after the others arrives after them.
    order = sorted(range(len(plan)), key=lambda i: (i + plan[i][1], i))
    replies = {i: network.reflect(packets[i]) for i in order if plan[i][0] is not Fate.LOST_THERE}
    answered = [i for i in replies if plan[i][0] is Fate.ANSWERED]
    random.shuffle(answered)  # type: ignore[attr-defined]
    for i in answered:
        network.answer(packets[i], replies[i])
    last = network.packet(Fate.ANSWERED)
    found = network.ledger.attribute([*packets, last])
    if found.forward is not None:
        assert (found.forward, found.reverse) == truth([fate for fate, _ in plan])


@given(st.lists(st.tuples(st.sampled_from([Fate.ANSWERED, Fate.LOST_THERE]), st.integers(1, 3)), min_size=1))
def test_copies_made_on_the_way_there_do_not_hide_forward_loss(plan: list[tuple[Fate, int]]) -> None:
    network = Network()
    packets = []
    for fate, copies in [*plan, (Fate.ANSWERED, 1)]:
        packet = network.send()
        packets.append(packet)
        for _ in range(copies if fate is Fate.ANSWERED else 0):
            network.answer(packet, network.reflect(packet))
    found = network.ledger.attribute(packets)
    assert (found.forward, found.reverse) == truth([fate for fate, _ in plan])


def test_copies_and_missing_replies_together_prove_nothing() -> None:
    network = Network()
    first, lost, last = (network.send() for _ in range(3))
    for _ in range(2):
        network.answer(first, network.reflect(first))
    network.reflect(lost)
    network.answer(last, network.reflect(last))
    assert network.ledger.attribute([first, lost, last])[:2] == (None, None)


def test_a_reflector_that_restarts_or_counts_for_several_senders_is_not_believed() -> None:
    restarted = Network()
    packets = [restarted.packet(Fate.ANSWERED) for _ in range(3)]
    lost = restarted.packet(Fate.LOST_THERE)
    restarted.counter = 0
    packets += [lost, restarted.packet(Fate.ANSWERED)]
    assert restarted.ledger.attribute(packets)[:2] == (None, None)

    shared = Network()
    packets = []
    for fate in (Fate.ANSWERED, Fate.ANSWERED, Fate.LOST_THERE, Fate.ANSWERED):
        packets.append(shared.packet(fate))
        assert shared.counter is not None
        shared.counter += 5
    assert shared.ledger.attribute(packets)[:2] == (None, None)


def test_the_rounds_after_a_restart_of_the_reflector_are_judged_again() -> None:
    network = Network()
    network.round([Fate.ANSWERED] * 5, [])
    network.counter = 0
    network.round([Fate.ANSWERED] * 5, [])
    _, found = network.round([Fate.LOST_BACK, Fate.ANSWERED], [])
    assert (found.forward, found.reverse) == (0, 1)


class Balanced(Network):
    """Two reflectors behind one address, which take turns at the packets."""

    other: int | None = 0

    def reflect(self, packet: Packet) -> int:
        self.counter, self.other = self.other, self.counter
        return super().reflect(packet)


@pytest.mark.parametrize("answered_after", [MS // 2, MS])
@pytest.mark.parametrize("count", [3, 5, 10])
def test_several_reflectors_that_share_the_packets_are_not_believed(count: int, answered_after: int) -> None:
    """Of a number that is missing here, the other one may have had the packet."""
    network = Balanced()
    network.answer = partial(network.answer, after=answered_after)  # type: ignore[method-assign]
    network.round([Fate.ANSWERED] * count, [])
    network.round([Fate.ANSWERED] * count, [])
    for lost in range(count):
        fates = [Fate.LOST_BACK if place == lost else Fate.ANSWERED for place in range(count)]
        _, found = network.round(fates, [Fate.ANSWERED] * 3)
        assert (found.forward, found.reverse, found.min_forward) == (None, None, 0)


def test_an_answer_that_comes_late_is_lost_in_no_direction() -> None:
    network = Network()
    late, last = network.send(), network.send()
    reply = network.reflect(late)
    network.answer(last, network.reflect(last))
    network.answer(late, reply, after=TIMEOUT + 1)
    assert not late.answered
    assert network.ledger.attribute([late, last])[:2] == (0, 0)


def test_packets_that_never_left_are_lost_in_no_direction() -> None:
    network = Network()
    first = network.packet(Fate.ANSWERED)
    kept = network.send()
    network.ledger.not_sent(kept, None)
    last = network.packet(Fate.ANSWERED)
    assert network.ledger.attribute([first, kept, last])[:2] == (0, 0)


@given(
    st.sampled_from([0, 1, 7, 2**31]),
    st.lists(st.tuples(st.sampled_from([0, 1, 3 * 2**30]), fates), min_size=1, max_size=5),
)
def test_a_reflector_that_counts_anew_after_each_pause_tells_of_all_that_is_lost_inside_a_round(
    first: int, plan: list[tuple[int, list[Fate]]]
) -> None:
    network = Wrapping(counter=first)
    for restart, inner in plan:
        had, found = network.round([Fate.ANSWERED, *inner, Fate.ANSWERED], [])
        assert (found.forward, found.reverse) == truth(had)
        network.now += 1000 * MS
        network.counter = restart


def test_a_count_that_goes_on_where_32_bits_end_tells_the_direction() -> None:
    network = Wrapping(counter=2**32 - 2)
    had, found = network.round([Fate.ANSWERED, *[Fate.LOST_BACK] * 3, Fate.LOST_THERE, Fate.ANSWERED], [])
    assert (found.forward, found.reverse) == truth(had) == (1, 3)


def test_what_is_lost_before_the_first_reply_of_a_new_count_is_not_guessed() -> None:
    """Numbers that begin at 1 look like those that begin at 0 of which the first was lost on the way back."""
    network = Network(counter=1)
    _, found = network.round([Fate.LOST_THERE, Fate.ANSWERED], [])
    assert (found.forward, found.reverse) == (None, None)
    network.now += 1000 * MS
    network.counter = 1
    _, found = network.round([Fate.LOST_THERE, Fate.ANSWERED], [])
    assert (found.forward, found.reverse) == (None, None)
    network.now += 1000 * MS
    network.counter = 0
    _, found = network.round([Fate.LOST_THERE, Fate.ANSWERED], [])
    assert (found.forward, found.reverse) == (1, 0)


def test_a_count_that_begins_anew_within_a_round_leaves_the_other_gaps_as_they_are() -> None:
    network = Network()
    packets = [network.packet(Fate.ANSWERED), network.packet(Fate.LOST_BACK), network.packet(Fate.ANSWERED)]
    network.now += 1000 * MS
    network.counter = 0
    packets += [network.packet(fate) for fate in (Fate.ANSWERED, Fate.LOST_THERE, Fate.ANSWERED)]
    assert network.ledger.attribute(packets)[:2] == (1, 1)


def test_a_lower_number_that_may_be_due_to_overtaking_is_no_new_count() -> None:
    """The second round's first packet arrived before the first round's last one, and both before its next."""
    network = Network()
    first, last, overtaking = network.send(), network.send(), network.send()
    lost, end = network.send(), network.send()
    network.answer(first, network.reflect(first))
    early, late = network.reflect(overtaking), network.reflect(last)
    network.answer(last, late, after=10 * MS)
    network.answer(overtaking, early, after=10 * MS)
    network.answer(end, network.reflect(end), after=10 * MS)
    network.ledger.attribute([first, last])
    assert network.ledger.attribute([overtaking, lost, end])[:2] == (None, None)
