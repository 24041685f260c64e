"""The window against a brute-force oracle, and in bounded memory."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import EDGES, LEAST_ROUNDS, MOST, Window

from .builders import NOON, SECOND
from .windows import tally

LENGTH = 300 * SECOND


rounds = st.lists(
    st.tuples(st.integers(0, 2000), st.sampled_from([0, 7, 10]), st.booleans()), min_size=1, max_size=60
)


def expected(held: list[Tally], now: int) -> list[Tally]:
    """What a window must hold: recent rounds, and older ones back to the third newest valid one."""
    ordered = sorted(held, key=lambda each: each.start)
    valid = [each for each in ordered if each.rounds]
    third = valid[-LEAST_ROUNDS] if len(valid) >= LEAST_ROUNDS else None
    if third is None:
        return ordered
    index = next(i for i, each in enumerate(ordered) if each is third)
    return [each for i, each in enumerate(ordered) if i >= index or each.end > now - LENGTH]


@given(rounds)
def test_it_holds_the_last_minutes_and_never_fewer_than_three_rounds(
    made: list[tuple[int, int, bool]],
) -> None:
    window, held = Window(length=LENGTH), []
    now = NOON
    # Times are unique: rounds of one probe do not start at the same instant.
    for order, (offset, received, invalid) in enumerate(made):
        added = tally(NOON + offset * SECOND + order, received=received, invalid=invalid)
        now = max(now, added.end)
        held.append(added)
        window.add(added, now=now)
        held = expected(held, now)
        assert window.tallies == held
    total = window.total()
    assert total is not None
    assert total.sent == sum(each.sent for each in held)
    assert total.received == sum(each.received for each in held)
    assert total.rtt.count == total.received


@given(rounds)
def test_runs_of_silent_and_of_invalid_rounds_are_counted_from_the_newest(
    made: list[tuple[int, int, bool]],
) -> None:
    window, held = Window(length=10**9 * SECOND), []
    for order, (offset, received, invalid) in enumerate(made):
        added = tally(NOON + offset * SECOND + order, received=received, invalid=invalid)
        held.append(added)
        window.add(added, now=added.end)
    ordered = sorted(held, key=lambda each: each.start, reverse=True)
    answered = next((i for i, each in enumerate(ordered) if each.received), len(ordered))
    silent = sum(each.rounds for each in ordered[:answered])
    run = window.silent_run()
    assert (run.rounds if run else 0) == silent
    valid = next((i for i, each in enumerate(ordered) if each.rounds), len(ordered))
    assert window.invalid_run() == valid


@given(st.lists(st.sampled_from([0, 0, 0, 10, None]), min_size=1, max_size=40), st.integers(-5, 5))
def test_a_silence_began_with_its_first_round_though_that_has_left_the_window(
    made: list[int | None], step: int
) -> None:
    window = Window(length=LENGTH)
    began: int | None = None
    for index, received in enumerate(made):
        added = tally(NOON + index * 30 * SECOND, received=received or 0, invalid=received is None)
        window.add(added, now=added.end)
        if received == 0 and began is None:
            began = added.start
        elif received:
            began = None
    window.shift(step)
    run = window.silent_run()
    assert (run is None) == (began is None)
    if run is not None and began is not None:
        assert window.silent_since(run) == began + step


def test_time_alone_empties_it_down_to_three_rounds() -> None:
    window = Window(length=LENGTH)
    for index in range(5):
        window.add(tally(NOON + index * 30 * SECOND), now=NOON + index * 30 * SECOND)
    first_out = NOON + SECOND + LENGTH
    assert window.expires() == first_out
    window.forget(now=first_out - 1)
    assert len(window.tallies) == 5
    window.forget(now=first_out)
    assert len(window.tallies) == 4
    window.forget(now=NOON + 10**6 * SECOND)
    assert len(window.tallies) == 3
    assert window.expires() is None


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from([0, 7, 10, None]), min_size=4, max_size=40), st.integers(0, 200))
def test_a_day_of_rounds_every_second_stays_small_and_exact(
    pattern: list[int | None], silent_end: int
) -> None:
    window = Window(length=3600 * SECOND)
    count = 3000
    sent = received = 0
    for index in range(count):
        got = 0 if index >= count - silent_end else pattern[index % len(pattern)]
        added = tally(NOON + index * SECOND, received=got or 0, invalid=got is None)
        sent, received = sent + added.sent, received + added.received
        window.add(added, now=added.end)
    total = window.total()
    assert total is not None
    assert (total.sent, total.received) == (sent, received)
    assert len(window.tallies) <= MOST
    run = window.silent_run()
    assert (run.rounds if run else 0) >= silent_end
    assert all(each.end - each.start <= 3600 * SECOND // EDGES + SECOND for each in window.tallies)
