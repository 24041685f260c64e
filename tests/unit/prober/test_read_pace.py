"""A socket is read late only where that changes no figure and its queue has room for what comes."""

from ipsecping.net.read_pace import HOLD_OFF, LITTLE, LONG_HOLD_OFF, WARY, ReadPace


def pace(*, stamped: bool = True) -> ReadPace:
    made = ReadPace()
    made.stamped = stamped
    return made


def test_little_that_is_stamped_waits_for_the_next_wake_up() -> None:
    assert pace().hold_off(LITTLE, now=1) == LONG_HOLD_OFF


def test_much_is_read_sooner() -> None:
    assert pace().hold_off(LITTLE + 1, now=1) == HOLD_OFF


def test_what_the_kernel_does_not_stamp_is_not_read_late() -> None:
    assert pace(stamped=False).hold_off(1, now=1) == HOLD_OFF


def test_floods_that_come_again_find_a_socket_that_is_read_often() -> None:
    flooded = pace()
    for again in range(5):
        now = 1 + again * WARY // 2
        flooded.flooded(now)
        assert flooded.hold_off(1, now=now + WARY // 2) == HOLD_OFF
    assert flooded.hold_off(1, now=now + WARY) == LONG_HOLD_OFF
