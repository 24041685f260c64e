"""The book of a session against a network that loses, doubles, delays, reorders, refuses and lies.

An oracle that sees both ends says what the truth is. Two things no sender can see, and so are not held
against the book: a copy made on the way there, whose reply is lost, takes a number of the reflector's as any
packet does (copies are made on the way back only); and a packet that reaches the reflector behind one sent
after it, whose reply is lost, leaves no trace until the reflector's next reply.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ipsecping.contract import LossReason, RoundResult, check_result
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.measure.packet import Packet
from ipsecping.measure.summary import summarise

from .ledgers import CHECK, MS, PROBE, TIMEOUT


@dataclass
class Sent:
    """What the oracle knows of one packet."""

    packet: Packet
    reached: bool = False
    arrivals: list[int] = field(default_factory=list)
    """When copies of its answer came."""
    place: int | None = None
    """Of its first answer among all that came."""
    refused: bool = False

    @property
    def rtt(self) -> int | None:
        """Of its first answer, when that came in time."""
        if not self.arrivals or self.arrivals[0] - self.packet.sent_at > TIMEOUT:
            return None
        return self.arrivals[0] - self.packet.sent_at


class HostileNetwork(RuleBasedStateMachine):
    """One session with a stateful reflector; rounds are closed when nothing is under way any more."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(timeout=TIMEOUT)
        self.now = 0
        self.round: list[Sent] = []
        self.closed: list[Sent] = []
        self.there: list[Sent] = []
        self.back: list[tuple[Sent, Answer]] = []
        self.replies = 0
        self.places = 0
        self.foreign = 0
        self.reached: list[Sent] = []
        """Packets of this round in the order of arrival at the reflector."""
        self.in_doubt = False
        """What an earlier round left unseen may stand at the head of this one."""

    @rule(wait=st.integers(0, 30))
    def time_passes(self, wait: int) -> None:
        self.now += wait * MS

    @rule(token=st.integers(0, 2))
    def a_packet_is_sent(self, token: int) -> None:
        self.now += MS
        sent = Sent(self.ledger.record(at=self.now, token=token))
        self.round.append(sent)
        self.there.append(sent)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def a_packet_reaches_the_reflector(self, data: Any) -> None:
        sent = self.there.pop(data.draw(st.integers(0, len(self.there) - 1)))
        sent.reached = True
        self.reached.append(sent)
        self.back.append((sent, Answer(sent.packet.sequence, sent.packet.token, self.replies)))
        self.replies += 1

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def a_packet_is_lost(self, data: Any) -> None:
        self.there.pop(data.draw(st.integers(0, len(self.there) - 1)))

    @precondition(lambda self: self.back)
    @rule(data=st.data(), copies=st.integers(1, 3), apart=st.integers(0, 15), one_more=st.booleans())
    def an_answer_comes(self, data: Any, copies: int, apart: int, one_more: bool) -> None:
        place = data.draw(st.integers(0, len(self.back) - 1))
        sent, answer = self.back[place] if one_more else self.back.pop(place)
        for _ in range(copies):
            stamp = data.draw(st.sampled_from([self.now, None]))
            self.ledger.answered(answer, arrived_at=stamp, read_at=self.now)
            self._note_arrival(sent)
            self.now += apart * MS

    def _note_arrival(self, sent: Sent) -> None:
        if sent in self.closed:
            self.foreign += 1
            return
        sent.arrivals.append(self.now)
        if sent.rtt is not None and len(sent.arrivals) == 1:
            sent.place = self.places
            self.places += 1

    @precondition(lambda self: self.back)
    @rule(data=st.data())
    def an_answer_is_lost(self, data: Any) -> None:
        self.back.pop(data.draw(st.integers(0, len(self.back) - 1)))

    @precondition(lambda self: self.round)
    @rule(data=st.data())
    def a_router_refuses_a_packet(self, data: Any) -> None:
        sent = data.draw(st.sampled_from(self.round))
        self.ledger.refused(sent.packet.sequence, LossReason.REFUSED)
        sent.refused = True

    @rule(sequence=st.integers(0, 2**32), token=st.integers(3, 9), reply=st.integers(0, 2**32))
    def somebody_forges_an_answer(self, sequence: int, token: int, reply: int) -> None:
        self.ledger.answered(Answer(sequence, token, reply), arrived_at=None, read_at=self.now)
        self.foreign += 1

    @precondition(lambda self: self.round)
    @rule()
    def the_round_is_closed(self) -> None:
        self.there.clear()
        late, self.back = self.back, []
        had, self.round = self.round, []
        made = self.ledger.attribute([sent.packet for sent in had])
        self.closed += had
        self.back = late[:3]  # these come after their round is over
        result = summarise(
            check=CHECK,
            probe=PROBE,
            packets=[sent.packet for sent in had],
            started_at=0,
            duration=0,
            directions=made,
        )
        self._compare(result, had)

    def _compare(self, result: RoundResult, had: list[Sent]) -> None:
        check_result(result)
        answered = [sent for sent in had if sent.rtt is not None]
        rtts = [sent.rtt for sent in answered]
        assert (result.sent, result.received) == (len(had), len(answered))
        assert result.duplicates == sum(len(sent.arrivals) - 1 for sent in answered)
        refused = sum(sent.refused and sent.rtt is None for sent in had)
        assert result.losses.get(LossReason.REFUSED, 0) == refused
        assert sum(result.losses.values()) == len(had) - len(answered)
        assert (result.rtt.count, result.rtt.sum) == (len(rtts), sum(filter(None, rtts)))
        in_order = sorted(answered, key=lambda sent: sent.place or 0)
        assert result.reordered == sum(
            any(before.packet.sequence > sent.packet.sequence for before in in_order[:i])
            for i, sent in enumerate(in_order)
        )
        variations = [
            abs(there.rtt - here.rtt)
            for there, here in pairwise(had)
            if there.rtt is not None and here.rtt is not None
        ]
        assert (result.jitter_sum, result.jitter_count) == (sum(variations), len(variations))
        if self._all_can_be_seen() and result.forward_lost is not None:
            vanished = [sent for sent in had if not sent.arrivals]
            assert result.forward_lost == sum(not sent.reached for sent in vanished)
            assert result.reverse_lost == sum(sent.reached for sent in vanished)

    def _all_can_be_seen(self) -> bool:
        """Unless the last packet that the reflector saw had been overtaken, and its reply was lost."""
        numbers = [sent.packet.sequence for sent in self.reached]
        told = bool(self.reached and self.reached[-1].arrivals)
        seen = told or numbers == sorted(numbers)
        before, self.in_doubt = self.in_doubt, not told and (self.in_doubt or not seen)
        self.reached.clear()
        return seen and not before

    @invariant()
    def what_is_not_ours_is_counted_and_nothing_else(self) -> None:
        assert self.ledger.foreign == self.foreign


HostileNetwork.TestCase.settings = settings(stateful_step_count=60)
test_no_network_makes_the_book_lie = HostileNetwork.TestCase
