"""Who makes room for whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.serving.places import Place, Places, Stage, origin


def place(name: str, *, moved: float = 0, stage: Stage = Stage.HALF_OPEN) -> Place:
    return Place(origin=name, moved=moved, stage=stage)


def test_nobody_goes_while_there_is_room() -> None:
    places = Places(strangers=2, trusted=1)
    assert places.take(place("a")) is None
    assert places.take(place("b")) is None
    assert len(places) == 2


@pytest.mark.parametrize(
    ("others", "goes"),
    [
        ([place("a"), place("b"), place("b")], 1),
        ([place("b", moved=2), place("b", moved=1), place("a")], 1),
        ([place("a", stage=Stage.ANSWERING), place("b"), place("c")], 1),
        ([place("a"), place("b", stage=Stage.ANSWERED), place("c")], 1),
        ([place("a", moved=3), place("b", moved=1), place("c", moved=2)], 1),
        ([place("a"), place("b", stage=Stage.ANSWERING), place("b", stage=Stage.ANSWERING)], 1),
    ],
    ids=[
        "most of an origin",
        "its oldest",
        "half-open",
        "answered",
        "oldest",
        "the crowd, though it is answered",
    ],
)
def test_the_one_of_least_use_goes(others: list[Place], goes: int) -> None:
    places = Places(strangers=3, trusted=1)
    for each in others:
        assert places.take(each) is None
    assert places.take(place("newcomer")) is others[goes]


def test_the_newest_of_those_who_have_proved_who_they_are_takes_the_place_of_the_oldest() -> None:
    places = Places(strangers=3, trusted=2)
    made = [place("operator", moved=n, stage=Stage.ANSWERING) for n in range(3)]
    for each in made:
        places.take(each)
    assert [places.trust(each) for each in made] == [None, None, made[0]]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=40))
def test_whoever_comes_and_goes_the_limits_hold_and_strangers_displace_no_trusted(
    story: list[tuple[str, bool, bool]],
) -> None:
    places, there = Places(strangers=3, trusted=2), list[Place]()
    for moved, (name, proves, leaves) in enumerate(story):
        newcomer = place(name, moved=moved)
        gone = places.take(newcomer)
        assert gone is not newcomer
        assert gone is None or not gone.trusted
        there = [each for each in (*there, newcomer) if each is not gone]
        if proves:
            gone = places.trust(newcomer)
            assert gone is None or gone.trusted
            there = [each for each in there if each is not gone]
        if leaves:
            places.leave(there.pop(0))
        assert len(places) == len(there)
        assert sum(not each.trusted for each in there) <= 3
        assert sum(each.trusted for each in there) <= 2


def test_the_addresses_of_a_host_count_as_one_origin() -> None:
    assert origin("2001:db8::1") == origin("2001:db8::ffff:2%eth0") != origin("2001:db8:0:1::1")
    assert origin("192.0.2.1") == origin("::ffff:192.0.2.1") != origin("192.0.2.2")
    assert origin("") == ""
