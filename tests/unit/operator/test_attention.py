"""A process that was held up reads what waits first, and one that always is reports all the same."""

import pytest

from ipsecping_operator.attention import LATE, READING, Attention


@pytest.mark.parametrize("frozen", [1, 4, 9, 3600])
def test_nothing_is_reported_until_what_waits_is_read(frozen: float) -> None:
    attention = Attention()
    attention.tick(0, every=1)
    assert attention.pause(0.9) == 0
    woken = 2 + LATE + frozen
    assert attention.pause(woken) == READING
    attention.tick(woken, every=1)
    attention.tick(woken + 1, every=1)
    assert attention.pause(woken + READING) == 0


def test_an_alarm_that_is_late_says_so_between_two_ticks() -> None:
    attention = Attention()
    attention.tick(10, every=1)
    assert attention.pause(10.9) == 0
    assert attention.pause(10.9, due=10.1) == READING


def test_a_process_that_is_starved_all_the_time_reports_all_the_same() -> None:
    attention, reports = Attention(), 0
    for now in range(0, 600, 3):
        attention.tick(now, every=1)
        reports += attention.pause(now + 0.5) == 0
    assert reports >= 90


def test_the_clock_of_its_work_leaves_out_what_it_stood_still() -> None:
    attention = Attention()
    assert attention.awake(7) == 7
    attention.tick(10, every=1)
    assert attention.awake(11.5) == 11.5, "a tick that is a little late"
    assert attention.awake(510) == attention.awake(310) == 12, "before the next tick"
    attention.tick(510, every=1)
    assert attention.awake(511) == 13
    attention.tick(611, every=1)
    assert attention.awake(611) == 14, "each time"
