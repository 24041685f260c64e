"""What a round must do, each as a check of whatever machine it is given: the real one, or a broken one."""

from collections.abc import Callable

from ipsecping.contract import Invalidity
from ipsecping.measure.packet import Packet
from ipsecping.rounds.round_machine import (
    LATE_LIMIT,
    MAX_RETRIES,
    PATIENCE,
    RETRY_INTERVAL,
    WAIT_SLACK,
    RoundMachine,
)

from .virtual_round import ANSWERED, LOST_BACK, LOST_THERE, MS, SECOND, Fate, VirtualRound

Make = Callable[..., RoundMachine]
TIMEOUT = 2 * SECOND
SPACING = 100 * MS


def outcome(packets: list[Packet]) -> str:
    """A letter for each packet: answered, refused or lost."""
    return "".join("a" if each.answered else "r" if each.reason else "." for each in packets)


def packets_leave_at_their_deadlines(make: Make) -> None:
    for spacing in (SPACING, SECOND, 60 * SECOND):
        for late in (0, 3 * MS, SECOND):
            run = VirtualRound([ANSWERED] * 5, make=make, wake_late=late, spacing=spacing).run()
            lateness = [at - SECOND - place * spacing for place, at in enumerate(run.sent_at)]
            assert all(0 <= each <= min(spacing // 20, 50 * MS) for each in lateness), lateness


def a_late_packet_delays_no_other(make: Make) -> None:
    run = VirtualRound([ANSWERED] * 5, make=make, stalls={1: 250 * MS}).run()
    due = [(at - SECOND) // MS for at in run.sent_at]
    assert due == [0, 350, 350, 350, 400]
    assert run.machine.invalid is None


def a_host_that_stands_still_makes_the_round_invalid(make: Make) -> None:
    run = VirtualRound([ANSWERED] * 3, make=make, stalls={0: LATE_LIMIT + 2 * SPACING}).run()
    assert run.machine.invalid is Invalidity.LATE_TICKS


def a_late_packet_with_none_behind_it_spoils_nothing(make: Make) -> None:
    run = VirtualRound([ANSWERED] * 3, make=make, stalls={1: LATE_LIMIT + 2 * SPACING}).run()
    assert run.machine.on_time
    assert run.machine.invalid is None


def an_answered_round_ends_without_waiting_for_the_timeout(make: Make) -> None:
    run = VirtualRound([ANSWERED] * 3, make=make).run()
    assert outcome(run.packets) == "aaa"
    assert run.over_at - run.sent_at[-1] <= MS + PATIENCE + WAIT_SLACK


def an_answer_is_awaited_for_the_whole_timeout(make: Make) -> None:
    run = VirtualRound([ANSWERED, Fate(rtt=TIMEOUT - MS)], closing=False, make=make).run()
    assert outcome(run.packets) == "aa"


def an_answer_after_the_timeout_is_not_awaited(make: Make) -> None:
    run = VirtualRound([Fate(rtt=TIMEOUT + SECOND), LOST_THERE], make=make).run()
    assert outcome(run.packets) == ".."
    assert run.sent_at[-1] + TIMEOUT <= run.over_at <= run.sent_at[-1] + TIMEOUT + WAIT_SLACK


def one_more_packet_tells_the_direction_of_a_lost_tail(make: Make) -> None:
    run = VirtualRound([ANSWERED, LOST_THERE, LOST_BACK, ANSWERED], planned=3, make=make).run()
    assert outcome(run.packets) == "a..a"
    assert run.ledger.attribute(run.packets)[:2] == (1, 1)


def a_dead_path_gets_no_further_packets(make: Make) -> None:
    run = VirtualRound([LOST_THERE] * 4, make=make).run()
    assert outcome(run.packets) == "...."


def no_further_packets_are_sent_where_they_are_not_wanted(make: Make) -> None:
    run = VirtualRound([ANSWERED, LOST_THERE, LOST_BACK], closing=False, make=make).run()
    assert outcome(run.packets) == "a.."


def duplicates_are_awaited_for_their_usual_time(make: Make) -> None:
    run = VirtualRound([Fate(rtt=50 * MS, copies=(10 * MS, 60 * MS))], make=make).run()
    assert [packet.arrivals for packet in run.packets] == [3]


def what_nobody_has_read_is_read_before_a_packet_is_lost(make: Make) -> None:
    run = VirtualRound([ANSWERED, Fate(rtt=80 * MS)], make=make, read_every=10**15).run()
    assert outcome(run.packets) == "aa"  # and no further packet asks which way one was lost


def a_flood_that_passes_costs_only_time(make: Make) -> None:
    run = VirtualRound([ANSWERED], make=make, drains=[(False, False)] * 3).run()
    assert run.machine.invalid is None
    assert outcome(run.packets) == "a"


def a_flood_that_does_not_pass_ends_the_round_as_invalid(make: Make) -> None:
    run = VirtualRound([ANSWERED, LOST_THERE], make=make, drains=[(False, False)] * 1000).run()
    assert run.machine.invalid is Invalidity.RECEIVE_QUEUE_DROPS
    assert run.over_at - run.sent_at[-1] <= TIMEOUT + SECOND + MAX_RETRIES * RETRY_INTERVAL


def dropped_answers_make_the_round_invalid(make: Make) -> None:
    run = VirtualRound([ANSWERED, LOST_THERE, ANSWERED], make=make, drains=[(True, True)]).run()
    assert run.machine.invalid is Invalidity.RECEIVE_QUEUE_DROPS


def dropped_answers_spoil_nothing_where_all_is_answered_or_refused(make: Make) -> None:
    for fates in ([ANSWERED] * 3, [ANSWERED, Fate(refused=5 * MS)], [Fate(refused=5 * MS)] * 3):
        for drain in ((True, True), (False, False)):
            run = VirtualRound(fates, make=make, drains=[drain] * 1000).run()
            assert run.machine.invalid is None, fates


def dropped_answers_are_what_spoilt_a_round_that_was_late_too(make: Make) -> None:
    stalls = {0: LATE_LIMIT + 2 * SPACING}
    run = VirtualRound([ANSWERED, LOST_THERE] * 2, make=make, stalls=stalls, drains=[(True, True)]).run()
    assert run.machine.invalid is Invalidity.RECEIVE_QUEUE_DROPS


def a_packet_that_could_not_be_sent_is_what_spoilt_a_round_that_was_late_too(make: Make) -> None:
    stalls = {1: LATE_LIMIT + 2 * SPACING}
    run = VirtualRound([Fate(not_sent=True), *[ANSWERED] * 3], make=make, stalls=stalls).run()
    assert run.machine.invalid is Invalidity.LOCAL_SEND_FAILED


def a_packet_that_this_host_cannot_send_makes_the_round_invalid(make: Make) -> None:
    run = VirtualRound([ANSWERED, Fate(not_sent=True)], make=make).run()
    assert run.machine.invalid is Invalidity.LOCAL_SEND_FAILED
    assert run.over_at - run.sent_at[-1] <= PATIENCE + WAIT_SLACK + MS


def a_refused_packet_is_not_awaited(make: Make) -> None:
    run = VirtualRound([Fate(refused=5 * MS)] * 2, make=make).run()
    assert outcome(run.packets) == "rr"
    assert run.over_at - run.sent_at[-1] <= PATIENCE + WAIT_SLACK
    assert run.machine.invalid is None


def a_round_that_is_broken_off_knows_what_it_lost_and_forgets_the_rest(make: Make) -> None:
    begun, off = SECOND, SECOND + TIMEOUT + 350 * MS
    fates = [LOST_THERE, *[ANSWERED] * 22, Fate(rtt=90 * MS), LOST_THERE, *[ANSWERED] * 50]
    run = VirtualRound(fates, make=make, break_off_at=off).run()
    assert len(run.sent_at) == 24
    assert run.sent_at[-1] <= off
    assert run.over_at - off <= 2 * PATIENCE
    assert outcome(run.machine.decided(run.over_at)) == "." + "a" * 23
    assert run.sent_at[0] == begun
    early = VirtualRound([ANSWERED, LOST_THERE, ANSWERED], make=make, break_off_at=begun + 150 * MS).run()
    assert outcome(early.packets) == "a."
    assert outcome(early.machine.decided(early.over_at)) == "a"


SCENARIOS: dict[str, Callable[[Make], None]] = {
    each.__name__: each
    for each in (
        packets_leave_at_their_deadlines,
        a_late_packet_delays_no_other,
        a_host_that_stands_still_makes_the_round_invalid,
        a_late_packet_with_none_behind_it_spoils_nothing,
        an_answered_round_ends_without_waiting_for_the_timeout,
        an_answer_is_awaited_for_the_whole_timeout,
        an_answer_after_the_timeout_is_not_awaited,
        one_more_packet_tells_the_direction_of_a_lost_tail,
        a_dead_path_gets_no_further_packets,
        no_further_packets_are_sent_where_they_are_not_wanted,
        duplicates_are_awaited_for_their_usual_time,
        what_nobody_has_read_is_read_before_a_packet_is_lost,
        a_flood_that_passes_costs_only_time,
        a_flood_that_does_not_pass_ends_the_round_as_invalid,
        dropped_answers_make_the_round_invalid,
        dropped_answers_spoil_nothing_where_all_is_answered_or_refused,
        dropped_answers_are_what_spoilt_a_round_that_was_late_too,
        a_packet_that_could_not_be_sent_is_what_spoilt_a_round_that_was_late_too,
        a_packet_that_this_host_cannot_send_makes_the_round_invalid,
        a_refused_packet_is_not_awaited,
        a_round_that_is_broken_off_knows_what_it_lost_and_forgets_the_rest,
    )
}
