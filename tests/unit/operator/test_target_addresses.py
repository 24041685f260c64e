"""What a target's name stands for: told in the status, its change by an event, and so when it is not sure."""

from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract import Addresses, RoundResult
from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping_operator.report.assessment import Assessment
from ipsecping_operator.report.events import of_address_change
from ipsecping_operator.status.addresses import TELL_AGAIN, TargetAddresses, Told, follow_addresses, told_by

from .assessments import assessed, healthy, seen
from .builders import NOON, SECOND, check, plan
from .instances import DEAD, GOOD, MANY, NAME, take, to

ONE = replace(MANY, addresses=Addresses.FIRST)


def first(address: str, *, round_: int = 0, **values: Any) -> RoundResult:
    return to(address, of=ONE, round_=round_, addresses=None, **values)


def said(made: Assessment) -> list[str]:
    return [of_address_change(change).note for change in made.address_changes]


def addresses(made: Assessment) -> Any:
    return made.status["paths"][0].get("addresses")


def test_the_first_address_of_a_name_is_told_and_an_event_says_when_it_is_another_one() -> None:
    state = seen(of=check(ONE))
    take(state, first(DEAD))
    made = assessed(state, at=3)
    assert (addresses(made), said(made)) == ([DEAD], [])
    take(state, first(GOOD, round_=1))
    made = assessed(state, at=33)
    assert (addresses(made), said(made)) == ([GOOD], ["many.example on path default: 10.0.0.1 -> 10.0.0.2"])
    assert made.urgent
    assert said(assessed(state, at=34)) == []


def test_a_change_of_several_is_told_once_it_is_whole() -> None:
    state = seen(of=check(MANY))
    take(state, to(DEAD, addresses=1))
    assert said(assessed(state, at=3)) == []
    for round_ in range(1, 5):
        take(state, to(GOOD, round_=round_, addresses=1))
        told = said(assessed(state, at=round_ * 30 + 3))
        # Whether the old one is only late is known after two intervals.
        assert told == (["many.example on path default: 10.0.0.1 -> 10.0.0.2"] if round_ == 3 else [])


def test_a_name_that_changes_all_the_time_is_told_of_every_five_minutes_only() -> None:
    state = seen(of=check(ONE))
    told = list[str]()
    for round_ in range(24):
        take(state, first(f"10.0.0.{round_}", round_=round_))
        told += said(assessed(state, at=round_ * 30 + 3))
    assert [each.partition("-> ")[2] for each in told] == ["10.0.0.1", "10.0.0.11", "10.0.0.21"]


def test_what_could_not_be_told_yet_is_told_when_its_time_has_come() -> None:
    known = {"p": Told(("10.0.0.1",), "n", at=NOON)}
    now = {"p": TargetAddresses(target="n", ips=("10.0.0.2",))}
    told, changes, again = follow_addresses(known, now, now=NOON + SECOND)
    assert (told, changes, again) == (known, [], NOON + TELL_AGAIN)
    told, changes, again = follow_addresses(told, now, now=NOON + TELL_AGAIN)
    assert [each.message for each in changes] == ["n on path p: 10.0.0.1 -> 10.0.0.2"]
    assert again is None


def test_a_restart_neither_forgets_a_change_nor_invents_one() -> None:
    state = seen(of=check(ONE))
    take(state, first(DEAD))
    status = assessed(state, at=3).status
    for address, expected in ((DEAD, 0), (GOOD, 1)):
        again = seen(dict(status), of=check(ONE), now=NOON + 20 * SECOND)
        take(again, first(address, round_=1))
        assert len(said(assessed(again, at=33))) == expected


def test_another_target_is_no_change_of_addresses() -> None:
    state = seen(of=check(ONE))
    take(state, first(DEAD))
    assessed(state, at=3)
    other = replace(ONE, target="other.example")
    state.take_up(check(other), generation=2, refused=None, now=NOON)
    take(state, to(GOOD, of=other, round_=1, addresses=None))
    made = assessed(state, at=33)
    assert (addresses(made), said(made)) == ([GOOD], [])


def test_an_address_that_is_the_target_has_nothing_to_tell() -> None:
    state = seen(of=check(plan()))
    take(state, to("203.0.113.10", of=plan(), addresses=None))
    made = assessed(state, at=3)
    assert (addresses(made), said(made)) == (None, [])


@pytest.mark.parametrize("planned", [ONE, MANY])
def test_an_address_that_the_resolver_does_not_confirm_is_flagged_and_said(planned: Any) -> None:
    state = seen(of=check(planned))
    stale = to(GOOD, of=planned, addresses=1, address_age=45 * SECOND, round_=2)
    take(state, replace(stale, addresses=None) if planned is ONE else stale)
    made = assessed(state, at=63)
    assert made.status["paths"][0]["addressesStaleSince"] == "2026-11-23T12:00:15Z"
    told = healthy(made.status)
    assert told["status"] == "True"
    assert told["message"].endswith(
        "; the resolver fails: 10.0.0.2 is used for many.example, as resolved at 2026-11-23T12:00:15Z"
    )
    fresh = to(GOOD, of=planned, addresses=1, round_=3)
    take(state, replace(fresh, addresses=None) if planned is ONE else fresh)
    made = assessed(state, at=93)
    assert "addressesStaleSince" not in made.status["paths"][0]
    assert "resolver" not in healthy(made.status)["message"]


def test_addresses_beyond_those_that_are_measured_are_counted_and_said() -> None:
    state = seen(of=check(MANY))
    take(state, *(to(f"10.0.1.{number}", addresses=40) for number in range(MAX_ADDRESSES)))
    made = assessed(state, at=3)
    assert "many.example has 40 addresses, of which 32 are measured" in healthy(made.status)["message"]
    assert len(addresses(made)) == MAX_ADDRESSES
    assert len(made.status["probes"][0]["instances"]) == 16


def test_a_note_names_a_few_addresses_and_how_many_there_are() -> None:
    many = tuple(f"10.0.0.{number:02}" for number in range(12))
    known = {"p": Told(("10.0.0.99",), NAME)}
    _, (change,), _ = follow_addresses(known, {"p": TargetAddresses(target=NAME, ips=many)}, now=NOON)
    assert change.message.endswith("10.0.0.06, 10.0.0.07 and 4 more")


@pytest.mark.parametrize("paths", [None, "x", [1], [{"name": "p"}], [{"name": "p", "addresses": "10.0.0.1"}]])
def test_whatever_somebody_has_written_into_the_status_is_no_trouble(paths: Any) -> None:
    assert told_by(paths) == {}
    assert told_by([{"name": "p", "addresses": ["x", 7, GOOD]}]) == {"p": Told((GOOD,))}
