"""Runs of silent and of invalid rounds against a look at all that the window holds, merged or not."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from ipsecping.contract import Invalidity
from ipsecping_operator.verdict.tally import total
from ipsecping_operator.verdict.window import MOST, Window

from .builders import NOON, SECOND
from .windows import filled, tally, told


@pytest.mark.parametrize("seed", range(8))
def test_a_run_is_of_the_rounds_after_the_last_answer(seed: int) -> None:
    random = Random(seed)
    window, now = Window(length=200 * SECOND), NOON
    answers = random.choice([0.0, 0.02, 0.5])
    for number in range(3 * MOST):
        received = 10 if random.random() < answers else 0
        start = NOON + number * SECOND // 2 + random.randrange(5 * SECOND)
        added = tally(start, received=received, invalid=random.random() < 0.2)
        added = replace(added, end=start + random.choice([1, 61]) * SECOND)
        now = max(now, added.end)
        window.add(added, now=now)
        if number % 50 == 0:
            window.shift(7 * SECOND)
            now += 7 * SECOND
        if number % 7 == 0:
            held = window.tallies
            answered = max((at for at, each in enumerate(held) if each.answered), default=-1)
            silent = [each for each in held[answered + 1 :] if each.silent]
            run, expected = window.silent_run(), total(silent)
            assert (run is None) == (expected is None)
            if run is not None and expected is not None:
                assert (run.rounds, run.sent, run.start) == (expected.rounds, expected.sent, expected.start)
                assert run.losses == expected.losses
            assert told(window.total()) == told(total(held))
            assert len(held) <= MOST


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        ((10, 0), False),
        ((10, 4, 0, 0), False),
        ((0, 10, 4, 0), False),
        ((10, 4, 1, 0), True),
        ((10, 0, 1), True),
        ((10, 0, 10), True),
        ((0, 0), False),
        ((5,), False),
        ((10, 0, {"received": 10, "invalid": Invalidity.LATE_TICKS}), False),
        ((), False),
    ],
)
def test_the_beginning_of_silence_is_told_from_loss_by_what_was_answered_after_it(
    answered: tuple[Any, ...], expected: bool
) -> None:
    assert filled(*answered).answered_since_loss() is expected
