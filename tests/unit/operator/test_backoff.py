"""The one back-off: pauses grow to a limit, a random part is taken off, a success begins anew."""

from itertools import islice

import pytest

from ipsecping_operator.backoff import Attempts, Backoff

RULE = Backoff(first=0.5, longest=8.0)


def never() -> float:
    return 0.0


def always() -> float:
    return 0.999_999


def test_pauses_double_from_the_first_to_the_longest() -> None:
    assert [RULE.pause(failures, chance=never) for failures in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]


def test_another_limit_takes_the_place_of_the_rules_own() -> None:
    assert [RULE.pause(n, longest=3.0, chance=never) for n in (1, 2, 3, 4, 9)] == [0.5, 1, 2, 3, 3]
    assert RULE.pause(9, longest=60.0, chance=never) == 60.0


@pytest.mark.parametrize("failures", [1, 3, 100, 10**9])
def test_chance_takes_off_no_more_than_the_spread_however_often_it_failed(failures: int) -> None:
    whole = RULE.pause(failures, chance=never)
    assert 0.7 * whole < RULE.pause(failures, chance=always) < 0.71 * whole
    assert Backoff(1.0, 4.0, spread=0.0).pause(failures, chance=always) == min(2.0 ** min(failures - 1, 9), 4)


def test_pauses_given_to_others_never_end_and_begin_anew_for_each() -> None:
    for _ in range(2):
        pauses = list(islice(RULE, 2000))
        assert 0.35 < pauses[0] <= 0.5
        assert all(5.6 < pause <= 8 for pause in pauses[4:])
        assert len(set(pauses[4:])) > 1, "not all wait for as long"


def test_a_success_begins_with_the_first_pause_again() -> None:
    attempts = Attempts(Backoff(first=1.0, longest=60.0, spread=0.0))
    assert [attempts.failed() for _ in range(4)] == [1, 2, 4, 8]
    attempts.succeeded()
    assert [attempts.failed() for _ in range(2)] == [1, 2]
