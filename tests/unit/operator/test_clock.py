"""A clock that somebody sets, here or there, changes nothing about what was measured and when."""

from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.clock import BRACKET, WallClock
from ipsecping_operator.collect.placing import ClockOffset
from ipsecping_operator.report.assessment import assess

from .assessments import at, seen, take
from .builders import NOON, SECOND

HOUR = 3600 * SECOND


class Hands:
    """Two clocks to read."""

    def __init__(self) -> None:
        self.wall, self.steady, self.reads_take = NOON, 5 * SECOND, 0

    def pass_by(self, time: int) -> None:
        self.wall += time
        self.steady += time

    def read_steady(self) -> int:
        self.pass_by(self.reads_take)
        return self.steady


def clock_of(hands: Hands) -> tuple[WallClock, list[int]]:
    steps: list[int] = []
    clock = WallClock(wall=lambda: hands.wall, steady=hands.read_steady)
    clock.stepped.append(steps.append)
    return clock, steps


def test_time_that_passes_is_no_step_and_a_step_is_told_once_and_first() -> None:
    hands = Hands()
    clock, steps = clock_of(hands)
    hands.pass_by(HOUR)
    assert (clock(), steps) == (NOON + HOUR, [])
    hands.wall -= 2 * HOUR
    assert (clock(), steps) == (NOON - HOUR, [-2 * HOUR])
    hands.pass_by(HOUR)
    assert (clock(), steps) == (NOON, [-2 * HOUR])
    hands.wall += 5 * SECOND
    assert (clock(), steps) == (NOON + 5 * SECOND, [-2 * HOUR, 5 * SECOND])


def test_a_clock_that_is_slewed_is_not_stepped() -> None:
    hands = Hands()
    clock, steps = clock_of(hands)
    for _ in range(10_000):
        hands.pass_by(SECOND)
        hands.wall += SECOND // 2000
        clock()
    assert steps == []


def test_a_process_that_stood_still_between_two_reads_takes_that_for_nothing() -> None:
    hands = Hands()
    clock, steps = clock_of(hands)
    hands.reads_take = 60 * SECOND
    clock()
    hands.reads_take = BRACKET // 4
    clock()
    assert steps == []


def test_the_offset_of_two_clocks_is_that_of_the_line_that_came_fastest() -> None:
    offset = ClockOffset(sent=100 * SECOND, now=NOON)
    assert offset.place(90 * SECOND, now=NOON) == NOON - 10 * SECOND
    # Held up for a minute on the way: the next ones are where they belong nevertheless.
    offset.learn(sent=110 * SECOND, now=NOON + 70 * SECOND)
    found = offset.place(110 * SECOND, now=NOON + 70 * SECOND)
    assert 0 <= found - (NOON + 10 * SECOND) <= SECOND // 50
    # The first line had been held up.
    offset.learn(sent=120 * SECOND, now=NOON + 15 * SECOND)
    assert offset.place(120 * SECOND, now=NOON + 15 * SECOND) == NOON + 15 * SECOND


def test_two_clocks_that_drift_apart_are_followed() -> None:
    offset = ClockOffset(sent=0, now=NOON)
    for beat in range(1, 8641):  # a day of heartbeats; the agent's clock is slow by 100 ppm
        sent = 10 * beat * (SECOND - SECOND // 10_000)
        offset.learn(sent=sent, now=NOON + 10 * beat * SECOND)
    end = NOON + 86_400 * SECOND
    assert abs(offset.place(sent, now=end) - end) < SECOND // 50


def test_nothing_is_placed_in_the_future() -> None:
    offset = ClockOffset(sent=0, now=NOON)
    assert offset.place(5 * SECOND, now=NOON + SECOND) == NOON + SECOND


def said(state: CheckState, *, now: int, by: int) -> tuple[object, ...]:
    """Condition, and outages as times past."""
    assessment = assess(state, now=now + by)
    assert assessment is not None
    told = assessment.report
    state.reported.judged(told)
    healthy = next(each for kind, each in told.conditions.items() if kind.value == "Healthy")
    past = tuple((now + by - outage.start, outage.end and now + by - outage.end) for outage in told.outages)
    due = assessment.next_change and assessment.next_change - now - by
    return healthy.status, healthy.reason, past, due, told.verdict and told.verdict.latches.keys()


rounds = st.lists(
    st.tuples(st.sampled_from((0, 7, 9, 10, 10, 10)), st.sampled_from((30, 30, 30, 60, 200))), max_size=25
)
steps = st.dictionaries(st.integers(0, 25), st.sampled_from((-HOUR, HOUR, 40 * SECOND, -40 * SECOND)))


@given(rounds=rounds, steps=steps)
def test_a_check_is_judged_as_if_nobody_had_set_the_clock(
    rounds: list[tuple[int, int]], steps: dict[int, int]
) -> None:
    set_clock, left_alone = seen(), seen()
    by = after = 0
    for number, (received, pause) in enumerate(rounds):
        take(left_alone, at(after, received=received))
        take(set_clock, at(after + by // SECOND, received=received))
        after += pause
        now = NOON + after * SECOND
        step = steps.get(number, 0)
        by += step
        set_clock.shift(step)
        assert said(set_clock, now=now, by=by) == said(left_alone, now=now, by=0)
