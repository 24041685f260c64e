"""A machine that is wrong in one place fails at least the checks that are named here."""

import pytest

from ipsecping.contract import Invalidity
from ipsecping.measure.packet import Packet
from ipsecping.rounds.round_machine import DRAIN, OVER, PATIENCE, SEND, WAIT, RoundMachine, Step

from .round_scenarios import SCENARIOS
from .virtual_round import MS, SECOND

pytestmark = pytest.mark.one_python


class SendsNoClosingPackets(RoundMachine):
    def _may_close(self) -> bool:
        return False


class SendsClosingPacketsOnADeadPath(RoundMachine):
    def _may_close(self) -> bool:
        return self._closing < self._most_closing


class ForgetsLateAnswers(RoundMachine):
    def sent(self, packet: Packet) -> None:
        super().sent(packet)
        self._patience = min(self._patience, PATIENCE)


class NeverEnds(RoundMachine):
    def next(self, now: int) -> Step:
        step = super().next(now)
        if step is OVER:
            self.due = now + SECOND
            return WAIT
        return step


class AlwaysWaitsForTheTimeout(RoundMachine):
    @property
    def _usual(self) -> int:
        return self._timeout


class DoesNotReadBeforeItDecides(RoundMachine):
    def next(self, now: int) -> Step:
        step = super().next(now)
        while step is DRAIN:
            self.drained(now, complete=True, dropped=False)
            step = super().next(now)
        return step


class ReadsOnce(RoundMachine):
    """Takes the first attempt for enough, and for good, under a flood."""

    def drained(self, now: int, *, complete: bool, dropped: bool) -> None:
        super().drained(now, complete=True, dropped=dropped)


class DoesNotNoticeDrops(RoundMachine):
    def drained(self, now: int, *, complete: bool, dropped: bool) -> None:
        super().drained(now, complete=complete, dropped=False)


class BlamesDropsThatSpoiltNothing(RoundMachine):
    @property
    def invalid(self) -> Invalidity | None:
        return Invalidity.RECEIVE_QUEUE_DROPS if self._dropped else super().invalid


class CallsTheLastPacketLate(RoundMachine):
    def next(self, now: int) -> Step:
        if self.sending:
            self._latest = max(self._latest, now - self.due)
        return super().next(now)


class WaitsForNoDuplicates(RoundMachine):
    def sent(self, packet: Packet) -> None:
        super().sent(packet)
        self._lingers = False


class DelaysThePacketsAfterALateOne(RoundMachine):
    def sent(self, packet: Packet) -> None:
        super().sent(packet)
        if self._to_send:
            self.due = packet.sent_at + self._spacing


class SendsEarly(RoundMachine):
    def next(self, now: int) -> Step:
        return SEND if self.sending and self.due - now < 5 * MS else super().next(now)

    def sent(self, packet: Packet) -> None:
        super().sent(packet)
        self.slack = 5 * MS
        self.due -= 2 * MS


class DoesNotNoticeThatItIsLate(RoundMachine):
    def next(self, now: int) -> Step:
        step = super().next(now)
        self._latest = 0
        return step


class WaitsForWhatIsRefused(RoundMachine):
    def updated(self, packet: Packet) -> None:
        if packet.reason is None:
            super().updated(packet)


class GoesOnAfterItIsBrokenOff(RoundMachine):
    def break_off(self) -> None:
        self._most_closing = 0


class ForgetsWhatItLostWhenBrokenOff(RoundMachine):
    def decided(self, now: int) -> list[Packet]:
        return [packet for packet in self.packets if not packet.awaited]


CAUGHT: dict[type[RoundMachine], set[str]] = {
    SendsNoClosingPackets: {"one_more_packet_tells_the_direction_of_a_lost_tail"},
    SendsClosingPacketsOnADeadPath: {"a_dead_path_gets_no_further_packets"},
    ForgetsLateAnswers: {"an_answer_is_awaited_for_the_whole_timeout"},
    NeverEnds: set(SCENARIOS),
    AlwaysWaitsForTheTimeout: {"an_answered_round_ends_without_waiting_for_the_timeout"},
    DoesNotReadBeforeItDecides: {"what_nobody_has_read_is_read_before_a_packet_is_lost"},
    ReadsOnce: {"a_flood_that_does_not_pass_ends_the_round_as_invalid"},
    DoesNotNoticeDrops: {"dropped_answers_make_the_round_invalid"},
    BlamesDropsThatSpoiltNothing: {"dropped_answers_spoil_nothing_where_all_is_answered_or_refused"},
    CallsTheLastPacketLate: {"a_late_packet_with_none_behind_it_spoils_nothing"},
    WaitsForNoDuplicates: {"duplicates_are_awaited_for_their_usual_time"},
    DelaysThePacketsAfterALateOne: {"a_late_packet_delays_no_other"},
    SendsEarly: {"packets_leave_at_their_deadlines"},
    DoesNotNoticeThatItIsLate: {"a_host_that_stands_still_makes_the_round_invalid"},
    WaitsForWhatIsRefused: {"a_refused_packet_is_not_awaited"},
    GoesOnAfterItIsBrokenOff: {"a_round_that_is_broken_off_knows_what_it_lost_and_forgets_the_rest"},
    ForgetsWhatItLostWhenBrokenOff: {"a_round_that_is_broken_off_knows_what_it_lost_and_forgets_the_rest"},
}


@pytest.mark.parametrize("mutant", CAUGHT, ids=lambda mutant: mutant.__name__)
def test_the_named_checks_catch(mutant: type[RoundMachine]) -> None:
    for name in CAUGHT[mutant]:
        with pytest.raises(AssertionError):
            SCENARIOS[name](mutant)
