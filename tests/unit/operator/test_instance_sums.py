"""What all instances come to together, what they cost, and how many there may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.check.measured import Measured
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.verdict.instance import MAX_INSTANCES
from ipsecping_operator.verdict.tally import total

from .assessments import assessed, healthy, seen
from .builders import check, plan
from .call_count import calls
from .instances import DEAD, GOOD, MANY, NAME, NODES, every_node, pod_on, states_shown, take, the_probe, to
from .scraping import scraped, value


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
