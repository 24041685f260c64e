"""Several nodes, several addresses: each is judged by itself, and the worst is named."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import Addresses, Invalidity
from ipsecping_operator.check.measured import Measured
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import CompiledCheck
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.verdict.instance import MAX_INSTANCES, Instance
from ipsecping_operator.verdict.tally import total

from . import objects, states
from .assessments import assessed, healthy, seen
from .builders import NOON, SECOND, check, plan
from .call_count import calls
from .instances import DEAD, GOOD, MANY, NAME, states_of, take, the_probe, to
from .scraping import scraped, value

NODES = plan()
"""To one address, from each node."""


def every_node() -> CompiledCheck:
    return check(NODES, every_node=True)


def pod_on(node: str, *, created: str = "2026-11-23T12:00:00Z") -> Pod:
    return objects.pod(
        f"hq-{node}", uid=f"p-{node}", spec={"nodeName": node}, created=created, phase="Running"
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


def states_shown(state: CheckState, *pods: Pod) -> None:
    for pod in pods:
        state.observed.show_pod(replace(pod, meta=replace(pod.meta, path="default")))
        state.observed.owner_decided(pod.meta.uid, own=True)


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


def test_a_check_that_measures_one_address_from_one_node_is_as_ever() -> None:
    state = seen()
    take(state, to("203.0.113.10", of=plan(), addresses=None), node="w1")
    made = assessed(state, at=3)
    assert the_probe(state).instances is None
    assert not {"instances", "instanceCount"} & made.status["probes"][0].keys()
    assert "addresses" not in made.status["paths"][0]
    assert not [name for name, _ in scraped(state) if "instance" in name]


def test_series_of_each_instance_have_labels_of_their_own_and_the_others_are_of_all_together() -> None:
    state = seen(of=check(MANY))
    take(state, to(DEAD, received=5), to(GOOD))
    assessed(state, at=3)
    samples = scraped(state)
    labels = {
        "namespace": "network", "check": "hq", "tunnel_name": "hq-dc1", "path": "default", "probe": "ping",
        "type": "ICMP", "target": NAME,
    }  # fmt: skip
    assert value(samples, "ipsecping_packets_received_total", **labels) == 15
    assert value(samples, "ipsecping_loss_ratio", **labels) == 0.25
    dead = labels | {"node": "", "remote_ip": DEAD}
    assert value(samples, "ipsecping_instance_packets_sent_total", **dead) == 10
    assert value(samples, "ipsecping_instance_packets_received_total", **dead) == 5
    assert value(samples, "ipsecping_instance_loss_ratio", **dead) == 0.5
    assert round(value(samples, "ipsecping_instance_rtt_median_seconds", **dead), 3) == 0.012
    info = {name: labels[name] for name in ("namespace", "check", "tunnel_name", "path", "target")}
    assert {dict(key)["remote_ip"] for name, key in samples if name == "ipsecping_path_info"} == {DEAD, GOOD}
    assert value(samples, "ipsecping_path_info", **info, remote_ip=GOOD) == 1


def test_counters_of_all_together_never_fall_when_an_instance_is_forgotten() -> None:
    state = seen(of=check(MANY))
    take(state, to(DEAD))
    for round_ in range(14):
        take(state, to(GOOD, round_=round_, addresses=1))
    assessed(state, at=393)
    assert state.measured.series["default", "ping"].totals.sent == 150


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["w1", "w2", "w3"]),
            st.sampled_from([DEAD, GOOD, "2001:db8::1"]),
            st.integers(0, 10),
            st.integers(1, 40),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_the_merged_figures_are_the_sum_of_the_instances(rounds: list[tuple[str, str, int, int]]) -> None:
    """Whoever measured what, and when: nothing is counted twice, nothing is left out."""
    state = seen(of=check(MANY, every_node=True))
    states_shown(state, *(pod_on(node) for node in ("w1", "w2", "w3")))
    for node, address, received, round_ in sorted(rounds, key=lambda each: each[3]):
        take(state, to(address, round_=round_, received=received, rtt_ms=received + 1), node=node)
    last = max(round_ for *_, round_ in rounds)
    assessed(state, at=last * 30 + 3)
    merged, probe = the_probe(state).figures, the_probe(state)
    assert probe.instances is not None
    tallies = [each.figures for each in probe.instances.verdicts.values() if each.figures is not None]
    added = total(sorted([*tallies, *probe.instances.gone.values()], key=lambda each: each.end))
    assert merged is not None
    assert added is not None
    counts = ("sent", "received", "lost", "rounds", "start", "end")
    assert [getattr(merged, name) for name in counts] == [getattr(added, name) for name in counts]
    windows = state.measured.instances["default", "ping"].values()
    assert merged.sent == sum(tally.sent for window in windows for tally in window.tallies)
    assert merged.rtt.count == merged.received


@pytest.mark.parametrize("instances", [1, MAX_INSTANCES])
def test_what_a_result_costs_does_not_depend_on_the_number_of_instances(instances: int) -> None:
    measured = Measured()
    measured.follow(every_node())
    nodes = [f"w{number}" for number in range(instances)]
    for round_ in range(2):
        for node in nodes:
            given_ = to(None, round_=round_, of=NODES)
            assert measured.accept(given_, start=given_.started_at, now=given_.started_at, node=node) is None
    more = to(None, round_=2, of=NODES)
    cost = calls(lambda: measured.accept(more, start=more.started_at, now=more.started_at, node="w0"))
    assert cost < 250


def test_instances_are_bounded_what_is_beyond_is_refused_and_said() -> None:
    state = seen(of=every_node())
    names = [f"w{number:03}" for number in range(MAX_INSTANCES)]
    for node in names:
        take(state, to(None, of=NODES), node=node)
    assert take(state, to(None, of=NODES), node="one-more") == [Rejection.TOO_MANY_INSTANCES]
    assert take(state, to(None, round_=1, of=NODES), node="w000") == [None]
    states_shown(state, *(pod_on(node) for node in names))
    assert (
        "more than 512 nodes and addresses: no more of them count"
        in healthy(assessed(state, at=33).status)["message"]
    )
    # Whom nobody hears of any more makes room.
    assert take(state, to(None, round_=8, of=NODES), node="one-more") == [None]


def test_a_node_that_makes_addresses_up_takes_no_other_node_s_place() -> None:
    measured = Measured()
    measured.follow(check(MANY, every_node=True))

    def told(node: str, address: int, *, round_: int = 0) -> Rejection | None:
        given_ = to(f"10.9.{address // 250}.{address % 250}", round_=round_)
        return measured.accept(given_, start=given_.started_at, now=given_.started_at, node=node)

    def kept(node: str) -> int:
        (instances,) = measured.instances.values()
        return sum(of.node == node for of in instances)

    assert {told("evil", number) for number in range(2 * MAX_INSTANCES)} == {
        None,
        Rejection.TOO_MANY_INSTANCES,
    }
    for node in range(10):
        assert [told(f"w{node}", number) for number in range(32)] == [None] * 32
    for number in range(2 * MAX_INSTANCES):
        told("evil", number, round_=1)
    assert [kept(f"w{node}") for node in range(10)] == [32] * 10
    assert kept("evil") == MAX_INSTANCES - 320


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


def test_a_suspended_check_says_so_once() -> None:
    state = seen(of=check(MANY))
    take(state, to(DEAD), to(GOOD))
    states.take_up(state, check(MANY, suspend=True))
    assert healthy(assessed(state, at=3).status)["message"] == "the check is suspended: nothing is measured"


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
