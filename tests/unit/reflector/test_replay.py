"""Signed packets are taken once: reordering and restarts of a sender are not mistaken for replay."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.reflector.replay import WINDOW, ReplayWindow


def test_a_packet_is_taken_once_also_out_of_order() -> None:
    window = ReplayWindow()
    order = [2, 3, 7, 5, 4, 6]
    assert all(window.admit(number, 1000 + number) for number in order)
    assert not any(window.admit(number, 1000 + number) for number in order)


def test_a_packet_too_old_to_tell_is_not_taken() -> None:
    window = ReplayWindow()
    assert window.admit(WINDOW, 1000)
    assert window.admit(1, 1)
    assert not window.admit(0, 0)


def test_a_sender_that_begins_anew_is_taken_and_nothing_recorded_before() -> None:
    window = ReplayWindow()
    recorded = [(number, 1000 + number) for number in range(10)]
    assert all(window.admit(*packet) for packet in recorded)
    again = [(number, 2000 + number) for number in range(20)]
    assert all(window.admit(*packet) for packet in again[:5])
    assert not any(window.admit(*packet) for packet in recorded)
    assert all(window.admit(*packet) for packet in again[5:])


def test_a_sender_whose_clock_was_set_back_goes_on() -> None:
    window = ReplayWindow()
    assert window.admit(1, 5000)
    assert window.admit(2, 3000)
    assert window.admit(3, 3001)
    assert not window.admit(3, 3001)
    assert not window.admit(1, 5000)


@settings(deadline=None)
@given(st.data())
def test_whatever_the_order_nothing_is_taken_twice_and_nothing_new_within_the_window_is_refused(
    data: st.DataObject,
) -> None:
    """Each life of a sender counts from 0 with rising timestamps; recorded packets are mixed in."""
    window, clock = ReplayWindow(), 0
    taken: list[tuple[int, int]] = []
    for _ in range(data.draw(st.integers(1, 4), label="lives")):
        life = [(number, clock + number) for number in range(data.draw(st.integers(1, 12)))]
        clock += 1000
        for packet in data.draw(st.permutations(life)) if not taken else life:
            for old in data.draw(st.lists(st.sampled_from(taken), max_size=2) if taken else st.just([])):
                assert not window.admit(*old)
            assert window.admit(*packet)
            taken.append(packet)
