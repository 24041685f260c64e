"""A text that many ask for takes a bounded share of the time."""

import pytest

from ipsecping.serving.cached import REST, CachedText


class Maker:
    """Takes two seconds for each text."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made = 0

    def __call__(self) -> bytes:
        self.now += 2.0
        self.made += 1
        return b"%d" % self.made


def test_however_often_it_is_asked_for_it_is_made_a_twentieth_of_the_time() -> None:
    maker = Maker()
    cached = CachedText(maker, clock=lambda: maker.now)
    busy = 0.0
    while maker.now < 10_000:
        before = maker.now
        text = cached.text()
        busy += maker.now - before
        assert int(text) == maker.made
        maker.now += 0.5
    assert 1 / (REST + 2) < busy / maker.now < 1 / REST


def test_a_fault_leaves_nothing_old_to_hand_out() -> None:
    maker = Maker()
    cached = CachedText(maker, clock=lambda: maker.now)
    assert cached.text() == b"1"
    maker.now += 2 * REST
    assert cached.text() == b"2"

    def broken() -> bytes:
        raise RuntimeError("out of luck")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            CachedText(broken).text()
