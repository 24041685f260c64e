"""Several nodes, several addresses: each is judged by itself, and the worst is named."""

from dataclasses import replace

from ipsecping.contract import Addresses, Invalidity
from ipsecping_operator.api.status import CheckStatus
from ipsecping_operator.verdict.instance import Instance

from . import states
from .assessments import assessed, healthy, seen
from .builders import NOON, check
from .instances import (
    DEAD,
    GOOD,
    MANY,
    NODES,
    every_node,
    pod_on,
    states_of,
    states_shown,
    take,
    the_probe,
    to,
)


def test_a_dead_address_is_named_and_the_other_is_healthy() -> None:
    state = seen(of=check(MANY))
    for round_ in range(3):
        take(state, to(DEAD, round_=round_, received=0), to(GOOD, round_=round_))
    made = assessed(state, at=63)
    told = healthy(made.status)
    assert (told["status"], told["reason"]) == ("False", "Down")
    assert "on default/ping to 10.0.0.1, since" in told["message"]
    assert told["message"].endswith("; 1 of 2 addresses not healthy")
    (line,) = made.status["probes"]
    assert (line["sent"], line["received"], line["lossPercent"]) == (60, 30, "50.00")
    assert (line["instanceCount"], line["unhealthyInstances"], line["missingInstances"]) == (2, 1, 0)
    assert line["instances"] == [
        {"address": DEAD, "state": "Unhealthy", "reason": "Down", "lossPercent": "100.00"},
        {
            "address": GOOD, "state": "Healthy", "reason": "WithinThresholds", "lossPercent": "0.00",
            "rttP50": "12.00ms", "rttP99": "12.00ms",
        },
    ]  # fmt: skip
    assert made.status["paths"][0]["addresses"] == [DEAD, GOOD]


def test_a_probe_is_silent_where_one_of_its_addresses_is_and_none_is_down() -> None:
    for own, silent in ((9, True), (3, False)):
        state = seen(of=check(MANY, own={"ping": {"down_after": own}}))
        for round_ in range(3):
            take(state, to(DEAD, round_=round_, received=0), to(GOOD, round_=round_))
        assessed(state, at=63)
        verdict = state.reported.last.verdict
        assert verdict is not None
        assert [each.silent for each in verdict.probes] == [silent]


def test_all_healthy_says_how_many_and_what_they_measured_together() -> None:
    state = seen(of=check(MANY))
    take(state, to(DEAD), to(GOOD, rtt_ms=20))
    told = healthy(assessed(state, at=3).status)
    assert told["status"] == "True"
    assert told["message"] == (
        "0.00 % of 20 packets lost, RTT p50 12.03ms in 5m on default/ping; all 2 addresses healthy"
    )


def test_nodes_are_told_apart_and_the_worst_is_named() -> None:
    state = seen(of=every_node())
    states_shown(state, *(pod_on(f"w{number}") for number in range(3)))
    for round_ in range(3):
        for number in range(3):
            lost = {"received": 9} if number == 2 else {}
            take(state, to(None, round_=round_, of=NODES, **lost), node=f"w{number}")
    told = healthy(assessed(state, at=63).status)
    assert told["reason"] == "LossHigh"
    assert told["message"].startswith(
        "10.00 % of 30 packets lost in 5m (limit 1 %) on default/ping from node w2"
    )
    assert told["message"].endswith("; 1 of 3 nodes not healthy")


def test_a_node_may_have_as_long_a_name_as_kubernetes_lets_it() -> None:
    state, node = seen(of=every_node()), ".".join(["n" * 63] * 4)[:253]
    take(state, *(to(None, round_=round_, of=NODES, received=0) for round_ in range(5)), node=node)
    take(state, *(to(None, round_=round_, of=NODES) for round_ in range(5)), node="w2")
    status = assessed(state, at=150).status
    assert status["probes"][0]["instances"][0]["node"] == node
    CheckStatus.model_validate(
        {
            "heldReasons": [{"path": "default", "probe": "ping", "node": node, "reason": "Down"}],
            "pathChanges": [
                {
                    "time": "2026-11-23T12:00:00Z",
                    "path": "default",
                    "probe": "ping",
                    "node": node,
                    "sign": "Hops",
                    "from": "3",
                    "to": "4",
                }
            ],
        }
    )


def test_a_node_that_should_measure_and_does_not_is_said_and_not_before_it_had_the_time() -> None:
    state = seen(of=every_node())
    states_shown(state, pod_on("w1"), pod_on("w2", created="2026-11-23T12:01:00Z"))
    take(state, *(to(None, round_=round_, of=NODES) for round_ in range(5)), node="w1")
    assert healthy(assessed(state, at=121).status)["status"] == "True"
    # From its pod's start two intervals of 30 s and the round's 2 s.
    made = assessed(state, at=123)
    told = healthy(made.status)
    assert (told["status"], told["reason"]) == ("Unknown", "StaleResults")
    assert "no result from default/ping from node w2" in told["message"]
    assert told["message"].endswith("; 1 of 2 nodes not healthy")
    assert made.status["probes"][0]["missingInstances"] == 1


def test_a_node_that_falls_silent_is_said_and_one_that_is_deleted_is_forgotten_after_its_window() -> None:
    state = seen(of=every_node())
    states_shown(state, pod_on("w1"), pod_on("w2"))
    for node in ("w1", "w2"):
        take(state, to(None, of=NODES), node=node)
    for round_ in range(1, 4):
        take(state, to(None, round_=round_, of=NODES), node="w1")
    assessed(state, at=93)
    w1, w2 = Instance("w1"), Instance("w2")
    assert states_of(the_probe(state)) == {w2: "StaleResults", w1: "WithinThresholds"}
    state.observed.pod_gone("p-w2")
    made = assessed(state, at=94)
    assert healthy(made.status)["status"] == "True"
    assert states_of(the_probe(state)) == {w1: "WithinThresholds", w2: "Gone"}
    assert made.status["probes"][0]["instances"][-1]["state"] == "Gone"
    for round_ in range(4, 12):
        take(state, to(None, round_=round_, of=NODES), node="w1")
    assessed(state, at=340)
    assert states_of(the_probe(state)) == {w1: "WithinThresholds"}


def test_a_node_whose_pod_is_being_deleted_for_ever_is_gone_once_it_is_silent() -> None:
    """The node is lost, or the check wants it no more; another one has taken its place."""
    state = seen(of=every_node())
    states_shown(state, pod_on("w1"), pod_on("w2"))
    for node in ("w1", "w2"):
        take(state, to(None, of=NODES), node=node)
    lost = pod_on("w2")
    states_shown(state, replace(lost, meta=replace(lost.meta, deleting=True)), pod_on("w3"))
    for round_ in range(1, 5):
        take(state, to(None, round_=round_, of=NODES), node="w1")
        take(state, to(None, round_=round_, of=NODES), node="w3")
    assert healthy(assessed(state, at=123).status)["status"] == "True"
    assert states_of(the_probe(state))[Instance("w2")] == "Gone"


def test_a_node_that_is_down_stays_so_while_its_pod_is_replaced() -> None:
    state = seen(of=every_node())
    states_shown(state, pod_on("w1"), pod_on("w2"))
    for round_ in range(3):
        take(state, to(None, round_=round_, of=NODES), node="w1")
        take(state, to(None, round_=round_, of=NODES, received=0), node="w2")
    assert healthy(assessed(state, at=63).status)["reason"] == "Down"
    state.observed.pod_gone("p-w2")
    assert healthy(assessed(state, at=64).status)["reason"] == "Down"
    take(state, to(None, round_=3, of=NODES), to(None, round_=4, of=NODES), node="w1")
    # Two intervals and the round's time after its last result, it is there no more.
    assert healthy(assessed(state, at=125).status)["status"] == "True"
    assert states_of(the_probe(state))[Instance("w2")] == "Gone"


def test_an_address_that_the_name_has_no_more_ends_to_count_and_then_is_forgotten() -> None:
    state = seen(of=check(MANY))
    for round_ in range(3):
        take(state, to(DEAD, round_=round_, received=0), to(GOOD, round_=round_))
    for round_ in range(3, 6):
        take(state, to(GOOD, round_=round_, addresses=1))
    made = assessed(state, at=153)
    assert healthy(made.status)["status"] == "True"
    assert states_of(the_probe(state))[Instance(address=DEAD)] == "Gone"
    assert made.status["probes"][0]["sent"] == 90
    for round_ in range(6, 14):
        take(state, to(GOOD, round_=round_, addresses=1))
    assessed(state, at=393)
    assert set(states_of(the_probe(state))) == {Instance(address=GOOD)}


def test_where_the_agent_falls_silent_no_address_is_taken_for_gone() -> None:
    state = seen(of=check(MANY))
    take(state, to(DEAD), to(GOOD))
    for at in (100, 1000):
        told = healthy(assessed(state, at=at).status)
        assert told["reason"] == "StaleResults"
    assert "since 2026-11-23T12:00:02Z" in told["message"]


def test_a_name_that_goes_makes_the_check_unknown_and_one_that_comes_back_is_measured_again() -> None:
    state = seen(of=check(MANY, down_after=2))
    take(state, to(DEAD), to(GOOD))
    for round_ in range(1, 5):
        take(state, to(None, round_=round_, sent=0, received=0, invalid=Invalidity.NO_SUCH_NAME))
    told = healthy(assessed(state, at=123).status)
    assert (told["status"], told["reason"]) == ("Unknown", "TargetUnresolved")
    take(state, to(GOOD, round_=5))
    assert healthy(assessed(state, at=153).status)["status"] == "True"
    assert states_of(the_probe(state)) == {
        Instance(address=GOOD): "WithinThresholds",
        Instance(address=DEAD): "Gone",
    }


def test_addresses_of_the_plan_s_own_list_go_at_once() -> None:
    listed = replace(MANY, addresses=Addresses.FIRST, targets=(DEAD, GOOD))
    state = seen(of=check(listed))
    take(state, *(to(each, of=listed, received=0 if each == DEAD else 10) for each in (DEAD, GOOD)))
    state.take_up(check(replace(listed, targets=(GOOD,))), generation=1, refused=None, now=NOON)
    assessed(state, at=3)
    assert states_of(the_probe(state)) == {
        Instance(address=GOOD): "WithinThresholds",
        Instance(address=DEAD): "Gone",
    }


def test_where_all_addresses_of_the_list_are_others_the_last_verdict_stands_until_it_is_stale() -> None:
    listed = replace(MANY, addresses=Addresses.FIRST, targets=(DEAD,))
    state = seen(of=check(listed))
    take(state, to(DEAD, of=listed))
    state.take_up(check(replace(listed, targets=(GOOD,))), generation=1, refused=None, now=NOON)
    assert healthy(assessed(state, at=3).status)["status"] == "True"
    assert healthy(assessed(state, at=64).status)["reason"] == "StaleResults"
    take(state, to(GOOD, round_=2, of=listed))
    assessed(state, at=65)
    assert states_of(the_probe(state)) == {
        Instance(address=GOOD): "WithinThresholds",
        Instance(address=DEAD): "Gone",
    }


def test_an_empty_list_of_addresses_is_nobody_s_outage() -> None:
    listed = replace(MANY, addresses=Addresses.FIRST, targets=(DEAD,))
    state = seen(of=check(listed))
    take(state, to(DEAD, of=listed))
    state.take_up(check(replace(listed, targets=())), generation=1, refused=None, now=NOON)
    told = healthy(assessed(state, at=3).status)
    assert (told["status"], told["reason"]) == ("Unknown", "TargetUnresolved")
    assert told["message"] == "there is no address to be measured on default/ping"
    take(state, to(None, round_=1, of=listed, sent=0, received=0, invalid=Invalidity.NO_SUCH_NAME))
    assert healthy(assessed(state, at=33).status)["reason"] == "TargetUnresolved"


def test_a_suspended_check_says_so_once() -> None:
    state = seen(of=check(MANY))
    take(state, to(DEAD), to(GOOD))
    states.take_up(state, check(MANY, suspend=True))
    assert healthy(assessed(state, at=3).status)["message"] == "the check is suspended: nothing is measured"
