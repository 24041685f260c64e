"""Deadlines are served slot by slot, each once, cancelled ones never; in virtual time and in a real loop."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.net.timers import MAX_CANCELLED, SLOT, Action, Agenda, Deadline, running_timers

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
    async with asyncio.timeout(10):
        await done.wait()
    assert order == ["fails", "last"]


async def test_an_action_may_cancel_another_that_is_due_at_the_same_time() -> None:
    timers, order, done = running_timers(), list[str](), asyncio.Event()
    now = time.monotonic_ns()
    deadlines: list[Deadline] = []
    timers.at(now, lambda: deadlines[0].cancel())
    deadlines.append(timers.at(now, lambda: order.append("cancelled")))
    timers.at(now + SECOND // 50, done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert order == []


@given(st.integers(0, 10**12), st.integers(0, 20 * SLOT))
def test_a_deadline_is_late_by_less_than_its_slack_and_never_early(at: int, slack: int) -> None:
    due = Agenda().add(at, lambda: None, slack)
    assert at <= due < at + max(slack, SLOT)


def test_deadlines_with_slack_fall_together() -> None:
    agenda = Agenda()
    due = {agenda.add(at * SLOT // 4, lambda: None, 5 * SLOT) for at in range(1, 21)}
    assert due == {5 * SLOT}
