"""Instances across edits of the check, steps of the clock and restarts of the operator."""

from dataclasses import replace

import pytest

from ipsecping.contract import Addresses
from ipsecping_operator.verdict.instance import Instance

from .assessments import assessed, healthy, seen
from .builders import NOON, SECOND, check, plan
from .instances import (
    DEAD,
    GOOD,
    MANY,
    NAME,
    NODES,
    every_node,
    pod_on,
    states_of,
    states_shown,
    take,
    the_probe,
    to,
)


def test_an_edit_of_which_addresses_are_measured_begins_anew() -> None:
    state = seen(of=check(replace(MANY, addresses=Addresses.FIRST)))
    first = replace(MANY, addresses=Addresses.FIRST)
    take(state, to(GOOD, of=first, addresses=None))
    state.take_up(check(MANY), generation=2, refused=None, now=NOON)
    assert take(state, to(DEAD, round_=1), to(GOOD, round_=1)) == [None, None]
    assessed(state, at=33)
    assert set(states_of(the_probe(state))) == {Instance(address=DEAD), Instance(address=GOOD)}
    state.take_up(check(first), generation=3, refused=None, now=NOON)
    assert take(state, to(GOOD, round_=2, of=first, addresses=None)) == [None]
    assessed(state, at=63)
    assert the_probe(state).instances is None


def test_setting_the_clock_moves_instances_as_well() -> None:
    state = seen(of=check(MANY))
    for round_ in range(3):
        take(state, to(DEAD, round_=round_, received=0), to(GOOD, round_=round_))
    assessed(state, at=63)
    state.shift(3600 * SECOND)
    told = healthy(assessed(state, at=3664).status)
    assert told["reason"] == "Down"
    assert "since 2026-11-23T13:00:00Z" in told["message"]


def test_limits_that_an_earlier_run_held_are_held_for_the_instances_that_its_status_lists() -> None:
    state = seen(of=check(MANY, loss_percent="10"))
    take(state, to(DEAD, received=8), to(GOOD))
    status = assessed(state, at=3).status
    again = seen(dict(status), of=check(MANY, loss_percent="10"), now=NOON + 20 * SECOND)
    take(again, to(DEAD, round_=1, received=9), to(GOOD, round_=1, received=9))
    assessed(again, at=33)
    assert states_of(the_probe(again)) == {
        Instance(address=DEAD): "LossHigh",
        Instance(address=GOOD): "WithinThresholds",
    }


@pytest.mark.parametrize("odd", [5, True, [None], [{"instances": [{"node": ["a"]}, {"address": {}}]}]])
def test_whatever_stands_for_probes_in_a_status_that_somebody_has_edited(odd: object) -> None:
    state = seen(of=check(MANY))
    take(state, to(GOOD))
    status = {**assessed(state, at=3).status, "probes": odd}
    again = seen(status, of=check(MANY), now=NOON + 20 * SECOND)
    take(again, to(GOOD, round_=1))
    assert healthy(assessed(again, at=33).status)["reason"] == "WithinThresholds"


def test_an_edit_of_a_list_of_addresses_releases_no_limit_that_another_address_exceeds() -> None:
    listed = replace(MANY, addresses=Addresses.FIRST, targets=(DEAD, GOOD))
    state = seen(of=check(listed, loss_percent="10"))
    take(state, to(DEAD, of=listed, received=8), to(GOOD, of=listed))
    assessed(state, at=3)
    edited = check(replace(listed, targets=(DEAD,)), loss_percent="10")
    take(state, to(DEAD, of=listed, round_=1))  # now exactly at the limit
    state.take_up(edited, generation=1, refused=None, now=NOON)
    assessed(state, at=33)
    assert states_of(the_probe(state))[Instance(address=DEAD)] == "LossHigh"


def test_after_a_restart_the_nodes_read_first_do_not_speak_for_those_still_to_be_read() -> None:
    def resolved(node: str, round_: int) -> None:
        address, lost = {"w1": (GOOD, {}), "w2": (DEAD, {"received": 0})}[node]
        assert take(again, to(address, round_=round_, of=named, **lost), node=node) == [None]

    named = plan(target=NAME)
    of = check(named, every_node=True)
    again = seen(of=of)
    states_shown(again, pod_on("w1"), pod_on("w2"))
    for round_ in range(4):
        resolved("w1", round_)
        resolved("w2", round_)
    before = dict(assessed(again, at=93).status)
    assert healthy(before)["reason"] == "Down"
    again = seen(before, now=NOON + 100 * SECOND, of=of)
    states_shown(again, pod_on("w1"), pod_on("w2"), pod_on("w3", created="2026-11-23T12:01:40Z"))
    for round_ in range(4):
        resolved("w1", round_)
    for rounds in ((), (0, 1)):
        for round_ in rounds:
            resolved("w2", round_)
        made = assessed(again, at=101)
        assert (made.changed, made.address_changes, made.status) == ((), (), before)
    for round_ in (2, 3):
        resolved("w2", round_)
    made = assessed(again, at=102)
    assert (made.changed, made.address_changes) == ((), ())
    assert made.status["outages"] == before["outages"]
    assert again.reported.last.restored is None, "a node that is new is not waited for"


def test_after_a_restart_a_node_that_stays_silent_is_said_when_it_is_due() -> None:
    state = seen(of=every_node())
    states_shown(state, pod_on("w1"), pod_on("w2"))
    for node in ("w1", "w2"):
        take(state, to(None, of=NODES), node=node)
    before = dict(assessed(state, at=3).status)
    again = seen(before, now=NOON + 10 * SECOND, of=every_node())
    states_shown(again, pod_on("w1"), pod_on("w2"))
    for round_ in range(3):
        take(again, to(None, round_=round_, of=NODES), node="w1")
    assert assessed(again, at=71).changed == ()
    made = assessed(again, at=72)
    assert healthy(made.status)["reason"] == "StaleResults"
    assert made.status["probes"][0]["sent"] == 30, "the other node's"
