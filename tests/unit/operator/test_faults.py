"""How faults of the operator are counted, logged and kept."""

import logging

import pytest

from ipsecping_operator.fault_types import REMEMBERED, Where
from ipsecping_operator.faults import Faults

from .assessments import seen


def test_a_fault_is_logged_once_an_hour_for_each_check(caplog: pytest.LogCaptureFixture) -> None:
    now, counted = [0.0], list[Where]()
    faults = Faults(count=counted.append, steady=lambda: now[0])

    def fail() -> None:
        with faults.guard(Where.JUDGE, state):
            raise ValueError("year 10000 is out of range")

    state = seen()
    with caplog.at_level(logging.ERROR):
        for now[0] in (0.0, 1.0, 2.0, REMEMBERED + 1):
            fail()
        state = seen(uid="other")
        fail()
    assert len(caplog.records) == 3
    assert all("year 10000" in str(record.exc_info) for record in caplog.records)
    assert len(counted) == 5


def test_more_faults_than_can_be_kept_are_counted_all_the_same() -> None:
    counted, state = list[Where](), seen()
    faults = Faults(count=counted.append, steady=lambda: 0.0)
    for number in range(1000):
        faults.note(Where.WATCH, ValueError(), state, key=str(number))
    assert len(state.faults) < 100
    assert len(counted) == 1000
