"""When something that does not work is worth a warning."""

import logging

from ipsecping_operator.trouble import Trouble

REFUSED = "connection refused"


def test_it_is_said_quietly_once_and_as_a_warning_once_it_lasts() -> None:
    trouble = Trouble(grace=30)
    told = [trouble.met(REFUSED, now=now) for now in (100, 101, 129, 130, 131)]
    assert told == [logging.DEBUG, None, None, logging.WARNING, None]


def test_another_trouble_on_the_way_does_not_begin_the_time_anew() -> None:
    trouble = Trouble(grace=30)
    trouble.met(REFUSED, now=0)
    assert trouble.met("says nothing", now=29) == logging.DEBUG
    assert trouble.met("says nothing", now=31) == logging.WARNING


def test_what_will_not_pass_by_itself_is_a_warning_at_once() -> None:
    assert Trouble(grace=30).met("not an agent", now=0, passing=False) == logging.WARNING


def test_once_it_works_the_next_trouble_is_a_new_one() -> None:
    trouble = Trouble(grace=30)
    trouble.met(REFUSED, now=0)
    trouble.over()
    assert trouble.met(REFUSED, now=100) == logging.DEBUG
