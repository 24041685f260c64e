"""Deadlines are served slot by slot, each once, cancelled ones never; in virtual time and in a real loop."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.net.timers import (
    LEISURE,
    MAX_BURST,
    MAX_CANCELLED,
    SLACK,
    SLOT,
    Action,
    Agenda,
    Deadline,
    running_timers,
)

from ...peers.processes import PATIENCE

SECOND = 1_000_000_000


def deadline(agenda: Agenda, at: int, action: Action) -> Deadline:
    made = Deadline(action, agenda)
    agenda.add(at, made)
    return made


@given(
    st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=60),
    st.lists(st.integers(0, 30), max_size=20),
)
def test_each_deadline_is_due_once_in_order_and_never_early(
    planned: list[tuple[int, bool]], steps: list[int]
) -> None:
    agenda, served, now = Agenda(), list[int](), 0
    planned = [(at * SLOT // 8, cancelled) for at, cancelled in planned]
    deadlines = [
        deadline(agenda, at, lambda i=i: served.append(i))  # type: ignore[misc]
        for i, (at, _) in enumerate(planned)
    ]
    for each, (_, cancelled) in zip(deadlines, planned, strict=True):
        if cancelled:
            each.cancel()
    assert len(agenda) == sum(not cancelled for _, cancelled in planned)
    for step in [*steps, 1000]:
        now += step * SLOT // 8
        before = len(served)
        for action in agenda.due(now):
            action()
        assert all(planned[i][0] <= now for i in served[before:])
        assert agenda.next is None or agenda.next > now
    kept = [i for i, (_, cancelled) in enumerate(planned) if not cancelled]
    assert served == sorted(kept, key=lambda i: -(-planned[i][0] // SLOT))


def test_cancelled_deadlines_do_not_pile_up() -> None:
    agenda = Agenda()
    agenda.add(1, lambda: None)
    for _ in range(20 * MAX_CANCELLED):
        deadline(agenda, SECOND, lambda: None).cancel()
    assert len(agenda) == 1
    assert sum(map(len, agenda._slots.values())) <= MAX_CANCELLED + 2


def test_a_deadline_cancelled_twice_or_after_it_was_due_counts_once() -> None:
    agenda = Agenda()
    first, second = deadline(agenda, 1, lambda: None), deadline(agenda, 2 * SLOT, lambda: None)
    for action in agenda.due(SLOT):
        action()
    first.cancel()
    second.cancel()
    second.cancel()
    assert len(agenda) == 0
    for action in agenda.due(2 * SLOT):
        action()
    assert len(agenda) == 0


async def test_an_earlier_deadline_set_later_comes_first_and_a_failing_action_stops_no_other() -> None:
    timers, order, done = running_timers(), list[str](), asyncio.Event()
    now = time.monotonic_ns()

    def fail() -> None:
        order.append("fails")
        raise ValueError

    def last() -> None:
        order.append("last")
        done.set()

    timers.at(now + SECOND // 20, last)
    timers.at(now + SECOND // 50, fail)
    async with asyncio.timeout(PATIENCE):
        await done.wait()
    assert order == ["fails", "last"]


async def test_an_action_may_cancel_another_that_is_due_at_the_same_time() -> None:
    timers, order, done = running_timers(), list[str](), asyncio.Event()
    now = time.monotonic_ns()
    deadlines: list[Deadline] = []
    timers.at(now, lambda: deadlines[0].cancel())
    deadlines.append(timers.at(now, lambda: order.append("cancelled")))
    timers.at(now + SECOND // 50, done.set)
    await asyncio.wait_for(done.wait(), PATIENCE)
    assert order == []


deadlines = st.tuples(st.integers(0, 10**9), st.integers(0, 60 * SLOT), st.booleans())


@given(st.lists(deadlines, min_size=1, max_size=200))
def test_a_deadline_is_late_by_less_than_its_slack_and_never_early(
    planned: list[tuple[int, int, bool]],
) -> None:
    agenda = Agenda()
    for at, slack, packet in planned:
        assert at <= agenda.add(at, lambda: None, slack, packet=packet) < at + max(slack, SLOT)


@dataclass
class Packets:
    """So many targets in virtual time, a packet a second to each."""

    targets: int
    wake_ups: int = 0
    largest: int = 0
    latest: int = 0

    def run(self, *, seconds: int, settle: int = 3) -> "Packets":
        agenda, late, random = Agenda(), list[int](), Random(1)

        def send(at: int) -> None:
            late.append(now - at)
            agenda.add(at + SECOND, partial(send, at + SECOND), LEISURE, packet=True)

        for at in sorted(random.randrange(SECOND) for _ in range(self.targets)):
            agenda.add(at, partial(send, at), LEISURE, packet=True)
        while (now := agenda.next or 0) < seconds * SECOND:
            due = agenda.due(now)
            late.clear()
            for action in due:
                action()
            if now >= settle * SECOND:
                self.wake_ups += 1
                self.largest, self.latest = max(self.largest, len(due)), max(self.latest, *late)
        self.wake_ups //= seconds - settle
        return self


@pytest.mark.parametrize(("targets", "wake_ups"), [(10, 11), (500, 21), (1000, 33), (2000, 65), (2500, 80)])
def test_packets_far_apart_leave_in_few_bursts_of_a_bounded_size(targets: int, wake_ups: int) -> None:
    packets = Packets(targets).run(seconds=10)
    assert packets.wake_ups <= wake_ups
    assert packets.largest <= MAX_BURST
    assert packets.latest < LEISURE


def test_where_all_slots_are_full_anyway_no_packet_waits_for_another_slot() -> None:
    packets = Packets(8000).run(seconds=10)
    assert packets.wake_ups <= 101
    assert packets.latest < SLACK
    assert packets.largest < 3 * 8000 * SLACK // SECOND // 2


def test_what_can_wait_is_done_when_packets_are_sent_anyway() -> None:
    agenda = Agenda()
    sent = agenda.add(3 * SLACK, lambda: None, LEISURE, packet=True)
    for at in range(sent - LEISURE + 1, sent + 1, 3 * SLOT):
        assert agenda.add(at, lambda: None, LEISURE) in (sent, -(-at // LEISURE) * LEISURE)
    assert agenda.add(sent - SLACK // 2, lambda: None, LEISURE) == sent


def test_what_can_wait_meets_where_no_packet_is_sent() -> None:
    agenda = Agenda()
    assert {agenda.add(at, lambda: None, LEISURE) for at in range(1, LEISURE, SLOT)} == {LEISURE}


def test_deadlines_with_slack_fall_together() -> None:
    agenda = Agenda()
    due = {agenda.add(at * SLOT // 4, lambda: None, 5 * SLOT) for at in range(1, 21)}
    assert due == {5 * SLOT}
