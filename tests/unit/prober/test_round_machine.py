"""The round as a state machine, in virtual time: what it must do, and what holds whatever happens to it."""

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import Invalidity
from ipsecping.contract.bounds import MAX_CLOSING
from ipsecping.measure.ledger import Ledger
from ipsecping.measure.packet import Packet
from ipsecping.rounds.round_machine import (
    GRAVEST_FIRST,
    MAX_RETRIES,
    OVER,
    RETRY_INTERVAL,
    SEND,
    WAIT,
    WAIT_SLACK,
    RoundMachine,
    Step,
    gravest,
)

from .round_scenarios import SCENARIOS
from .virtual_round import ANSWERED, LOST_THERE, MS, SECOND, Fate, VirtualRound

TIMEOUT = 500 * MS

times = st.integers(0, 700).map(lambda value: value * MS)
fates = st.one_of(
    st.builds(Fate, rtt=times, copies=st.lists(times, max_size=2).map(tuple)),
    st.builds(Fate, rtt=st.none(), lost_back=st.booleans()),
    st.builds(Fate, rtt=st.none(), refused=times),
    st.just(Fate(rtt=None, not_sent=True)),
)
rounds = st.builds(
    VirtualRound,
    st.lists(fates, min_size=1, max_size=8),
    spacing=st.integers(10, 400).map(lambda value: value * MS),
    timeout=st.just(TIMEOUT),
    closing=st.booleans(),
    wake_late=st.sampled_from([0, 5 * MS, SECOND]),
    stalls=st.dictionaries(st.integers(0, 8), times, max_size=2),
    read_every=st.sampled_from([MS, 10 * MS, 50 * MS, 10**15]),
    drains=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8),
)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_round(name: str) -> None:
    SCENARIOS[name](RoundMachine)


@pytest.mark.parametrize(
    ("begins_late", "second_late", "looks_late", "stood_still"),
    [(0, 0, 0, False), (400, 0, 0, False), (0, 400, 0, True), (0, 0, 400, True), (0, 0, 200, False)],
)
def test_a_host_stands_still_only_while_an_answer_is_awaited(
    begins_late: int, second_late: int, looks_late: int, stood_still: bool
) -> None:
    """A round that begins late, as on a busy host, has missed no answer: its outage is one."""
    ledger = Ledger(timeout=TIMEOUT)
    machine = RoundMachine(ledger, count=2, spacing=SECOND, start=0, timeout=TIMEOUT, closing=False)
    for late in (begins_late, second_late):
        now = machine.due + late * MS
        assert machine.next(now) is SEND
        machine.sent(ledger.record(at=now))
    while (step := machine.next(now)) is not OVER:
        if step is WAIT:
            now = machine.due + machine.slack + looks_late * MS
        else:
            machine.drained(now, complete=True, dropped=False)
    assert machine.stood_still is stood_still


@given(rounds)
def test_every_round_ends_in_time_with_each_packet_decided_rightly(run: VirtualRound) -> None:
    planned = len(run.fates)
    run.run()
    assert planned <= len(run.packets) <= planned + (MAX_CLOSING if run.closing else 0)
    for packet, fate in zip(run.packets, run.fates, strict=False):
        assert packet.answered == (fate.rtt is not None and fate.rtt <= TIMEOUT)
        assert packet.left != fate.not_sent
        assert packet.settled or run.over_at >= packet.sent_at + TIMEOUT
    longest = TIMEOUT + WAIT_SLACK + max(fate.rtt or 0 for fate in run.fates)
    assert run.over_at - run.sent_at[-1] <= longest + MAX_RETRIES * (RETRY_INTERVAL + WAIT_SLACK)


@given(rounds)
def test_no_packet_leaves_early_and_none_is_delayed_by_another(run: VirtualRound) -> None:
    stalls = dict(run.stalls)
    planned = len(run.fates)
    run.run()
    stalled = 0
    for place, at in enumerate(run.sent_at[:planned]):
        due = SECOND + place * run.spacing
        stalled = max(due + min(run.wake_late, run.spacing // 20), stalled) + stalls.get(place, 0)
        assert due <= at <= stalled


@given(rounds)
def test_the_machine_never_blames_the_path_for_a_packet_that_is_not_lost(run: VirtualRound) -> None:
    fates = run.fates
    run.run()
    found = run.ledger.attribute(run.packets)
    if found.forward is None or found.reverse is None or not run.ledger.stateful:
        return
    there = back = 0
    for packet, fate in zip_longest(run.packets, fates, fillvalue=LOST_THERE):
        assert isinstance(packet, Packet)
        if packet.vanished:  # also where the answer comes when the round is over
            there += not run.reached(fate)
            back += run.reached(fate)
    assert (found.forward, found.reverse) == (there, back)


@given(rounds)
def test_a_round_that_lost_nothing_is_not_spoilt_by_drops(run: VirtualRound) -> None:
    run.run()
    missing = any(not packet.settled for packet in run.packets)
    assert missing or run.machine.invalid is not Invalidity.RECEIVE_QUEUE_DROPS


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_flows_the_gravest_is_told(order: int) -> None:
    found = [None, *GRAVEST_FIRST]
    while len(found) > 1:
        assert gravest(found[::order]) is found[1]
        del found[1]
    assert gravest(found) is None


@pytest.mark.parametrize(("stall", "on_time"), [(0, True), (99 * MS, True), (250 * MS, False)])
def test_a_round_knows_whether_a_packet_left_when_the_next_one_was_due(stall: int, on_time: bool) -> None:
    run = VirtualRound([ANSWERED] * 5, stalls={2: stall})
    run.run()
    assert run.machine.on_time is on_time


@pytest.mark.parametrize(("before", "after", "stalled"), [(0, 300, True), (0, 200, False), (400, 0, False)])
def test_a_round_knows_whether_this_host_stood_still_while_an_answer_was_awaited(
    before: int, after: int, stalled: bool
) -> None:
    """In milliseconds: that the first packet left late makes no answer late."""
    ledger = Ledger(timeout=2 * SECOND)
    machine = RoundMachine(ledger, count=2, spacing=100 * MS, start=0, timeout=2 * SECOND)
    for now in (before * MS, before * MS if before else (100 + after) * MS):
        assert machine.next(now) is Step.SEND
        machine.sent(ledger.record(at=now, observer=machine))
    assert machine.stalled is stalled
    assert machine.next(now) is Step.WAIT
    machine.next(machine.due + WAIT_SLACK + 300 * MS)
    assert machine.stalled, "it is noticed once all packets are sent as well"
