"""How many packets each direction lost at the least, held against simulated networks whose truth is known."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.cli import summary
from ipsecping.contract import CheckRef, PlannedProbe, ProbeType, check_result
from ipsecping.measure.direction import Attribution
from ipsecping.measure.flows import side_by_side
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.measure.packet import Packet
from ipsecping.measure.summary import summarise
from ipsecping.measure.totals import Totals

MS = 1_000_000
PROBE = PlannedProbe(
    name="datapath", type=ProbeType.STAMP, count=10, spacing_ms=1, timeout_ms=100, size=44, port=862
)
CHECK = CheckRef(uid="u", namespace="network", name="hq", generation=1, nonce="n", path="default")


class Copy(NamedTuple):
    """One that arrives at the reflector, and whether its reply comes back."""

    delay: int
    """Places that it falls behind."""
    returns: bool


copies = st.builds(Copy, st.integers(0, 5), st.booleans())
packets_with_copies = st.lists(st.lists(copies, max_size=3), min_size=1, max_size=12)
packets_without = st.lists(st.lists(copies, max_size=1), min_size=1, max_size=12)
TRACE = [Copy(0, returns=True)] * 2
"""A round that has copies shows one: without that nobody can know."""


class Network:
    """A path that loses, copies and reorders in both directions, to a reflector that counts its replies.

    `begins`: the number of its first reply, to a session that is new; None: it has answered some before.
    """

    def __init__(self, begins: int | None = None) -> None:
        self.ledger = Ledger(timeout=100 * MS)
        self.now, self.counter = 0, begins or 0
        if begins is None:
            self.round([[Copy(0, returns=True)]], seed=0)

    def round(self, plan: list[list[Copy]], seed: int) -> tuple[list[Packet], Attribution]:
        """Send these packets, and one more when all have come or gone."""
        packets = [self.send() for _ in plan]
        arriving = sorted(
            (place + copy.delay, place, number)
            for place, arrived in enumerate(plan)
            for number, copy in enumerate(arrived)
        )
        replies = [
            (place, self.reflect())
            for _, place, number in arriving
            if plan[place][number].returns or self.lose()
        ]
        for place, reply in sorted(replies, key=lambda each: hash((seed, each))):
            self.answer(packets[place], reply)
        last = self.send()
        self.answer(last, self.reflect())
        packets.append(last)
        return packets, self.ledger.attribute(packets)

    def send(self) -> Packet:
        self.now += MS
        return self.ledger.record(at=self.now)

    def reflect(self) -> int:
        self.counter += 1
        return self.counter - 1

    def lose(self) -> bool:
        """A reply takes its number, and is lost."""
        self.counter += 1
        return False

    def answer(self, packet: Packet, reply: int) -> None:
        self.ledger.answered(Answer(packet.sequence, 0, reply), arrived_at=self.now, read_at=self.now)


def truth(plan: list[list[Copy]]) -> tuple[int, int]:
    lost = [arrived for arrived in plan if not any(copy.returns for copy in arrived)]
    return lost.count([]), len(lost) - lost.count([])


def holds(found: Attribution, plan: list[list[Copy]]) -> None:
    forward, reverse = truth(plan)
    if found.forward is None:
        assert found.min_forward <= forward
        assert found.min_reverse <= reverse
        assert found.reverse is None
    else:
        assert (found.forward, found.reverse) == (forward, reverse)
        assert found.min_forward == found.min_reverse == 0


@given(st.sampled_from([None, 0, 1, 7]), st.lists(st.tuples(packets_with_copies, st.integers()), max_size=4))
def test_the_bounds_contain_the_truth_whatever_is_lost_copied_and_reordered(
    begins: int | None, plan: list[tuple[list[list[Copy]], int]]
) -> None:
    network = Network(begins)
    for packets, seed in plan:
        shown = [TRACE, *packets]
        holds(network.round(shown, seed)[1], shown)


@given(st.sampled_from([None, 0, 1, 7]), st.lists(st.tuples(packets_without, st.integers()), max_size=4))
def test_without_copies_the_bounds_contain_the_truth_in_any_order(
    begins: int | None, plan: list[tuple[list[list[Copy]], int]]
) -> None:
    network = Network(begins)
    for packets, seed in plan:
        holds(network.round(packets, seed)[1], packets)


@given(st.lists(st.tuples(packets_with_copies, packets_without), max_size=3), packets_without, st.integers())
def test_copies_in_some_stretches_of_a_long_round_leave_the_truth_within_the_bounds(
    stretches: list[tuple[list[list[Copy]], list[list[Copy]]]], start: list[list[Copy]], seed: int
) -> None:
    plan = list(start)
    for copied, others in stretches:
        plan += [TRACE, *copied[:5], *others]
    holds(Network().round(plan, seed)[1], plan)


@given(packets_with_copies, st.integers())
def test_forward_losses_beside_copies_are_at_least_what_exceeds_the_missing_numbers(
    packets: list[list[Copy]], seed: int
) -> None:
    shown = [TRACE, *packets]
    found = Network().round(shown, seed)[1]
    lost = sum(truth(shown))
    missing = sum(not copy.returns for arrived in shown for copy in arrived)
    known = found.min_forward if found.forward is None else found.forward
    assert known >= lost - missing


def test_three_losses_beside_a_copy_and_one_missing_number_are_two_on_the_way_there_at_least() -> None:
    arrives, there, back = [Copy(0, returns=True)], list[Copy](), [Copy(0, returns=False)]
    found = Network().round([TRACE, there, arrives, there, back, arrives], 0)[1]
    assert (found.forward, found.reverse) == (None, None)
    assert (found.min_forward, found.min_reverse) == (2, 0)


def test_a_number_that_is_missing_far_from_every_copy_was_a_lost_packets() -> None:
    arrives, back = [Copy(0, returns=True)], [Copy(0, returns=False)]
    hidden = [Copy(0, returns=True), Copy(0, returns=False)]
    far = [arrives] * 12
    plan = [TRACE, back, hidden, *far, back, *far, TRACE, arrives, back, *far, back, back, arrives]
    found = Network().round(plan, 0)[1]
    assert (found.forward, found.reverse) == (None, None)
    assert (found.min_forward, found.min_reverse) == (0, 3)


def test_a_session_whose_first_packets_are_lost_knows_all_but_those() -> None:
    """The first reply has the number 1: one was lost on the way back, or numbers begin there."""
    arrives, there, back = [Copy(0, returns=True)], list[Copy](), [Copy(0, returns=False)]
    rest = [arrives, *[back] * 4, arrives, there]
    for begins, first in ((0, [there, back]), (1, [there, there])):
        network = Network(begins)
        found = network.round([*first, *rest], 0)[1]
        assert (found.forward, found.reverse) == (None, None)
        assert (found.min_forward, found.min_reverse) == (1 + 1, 4)
        again = network.round(rest, 0)[1]
        assert (again.forward, again.reverse) == (1, 4)


def test_a_session_whose_first_packets_overtook_each_other_knows_all_but_the_first_numbers() -> None:
    arrives, back = [Copy(0, returns=True)], [Copy(0, returns=False)]
    found = Network(0).round([back, [Copy(2, returns=True)], *[arrives] * 2, back, arrives], 0)[1]
    assert (found.forward, found.reverse) == (None, None)
    assert (found.min_forward, found.min_reverse) == (0, 1)


def test_rounds_with_copies_leave_what_the_others_know_of_the_way_back_as_a_bound() -> None:
    """A copy in one round of three: of the losses at least those of the others are known."""
    network, totals = Network(), Totals()
    arrives, back = [Copy(0, returns=True)], [Copy(0, returns=False)]
    for plan in ([arrives, back, back], [TRACE, back, arrives], [back, arrives]):
        packets, found = network.round(plan, 0)
        result = summarise(
            check=CHECK, probe=PROBE, packets=packets, started_at=0, duration=0, directions=found
        )
        check_result(result)
        totals.add(result)
    assert (totals.forward_lost, totals.reverse_lost) == (None, None)
    assert (totals.min_forward_lost, totals.min_reverse_lost) == (0, 3)
    outcome = summary.Outcome("h", "10.0.0.1", PROBE, totals)
    assert "direction: at least 3 of 4 on the way back" in summary.text(outcome)


def test_flows_of_which_not_all_know_their_directions_keep_what_each_of_them_knows() -> None:
    arrives, back = [Copy(0, returns=True)], [Copy(0, returns=False)]
    flows = []
    for plan in ([arrives, back, back], [TRACE, back, arrives], [back, arrives]):
        packets, found = Network().round(plan, 0)
        flows.append(
            summarise(check=CHECK, probe=PROBE, packets=packets, started_at=0, duration=0, directions=found)
        )
    together = side_by_side(flows, first_port=40_000, invalid=None)
    check_result(together)
    assert (together.forward_lost, together.reverse_lost) == (None, None)
    assert (together.min_forward_lost, together.min_reverse_lost) == (0, 3)
