"""Flows that are dead while others live: named, with the share, and never by chance."""

import random
from typing import Any

import pytest

from ipsecping.contract import Expect, Flows, Invalidity, LossReason, ProbeType
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.status.build import build_status
from ipsecping_operator.verdict.flow_loss import FlowState, state_of_flows
from ipsecping_operator.verdict.window import Window

from .assessments import assessed, at, seen, take
from .builders import check, plan, probe
from .call_count import calls
from .scraping import scraped, value
from .windows import filled, verdict

FIRST = 61_000
STAMP: dict[str, Any] = {"type": ProbeType.STAMP, "port": 862, "size": 44, "flows": 8}
SPREAD = check(plan(probe(**STAMP)))
TOLERANT = check(plan(probe(**STAMP)), loss_percent="50")


LABELS = {
    "namespace": "network",
    "check": "hq",
    "tunnel_name": "hq-dc1",
    "path": "default",
    "probe": "ping",
    "type": "STAMP",
    "target": "203.0.113.10",
}


def round_of(*received: int, sent: int = 10) -> dict[str, Any]:
    """A result's values: packets answered of each flow, of `sent` each."""
    flows = [(sent, each, each, each * 12_000_000) for each in received]
    return {"sent": sent * len(received), "received": sum(received), "flows": flows}


ALIVE = round_of(*[10] * 8)
TWO_DEAD = round_of(10, 0, 10, 10, 10, 0, 10, 10)


def reason(window: Window, of: CompiledCheck = SPREAD) -> HealthyReason:
    return verdict(window, of).finding.reason


def state(*newest_first: Flows) -> FlowState | None:
    return state_of_flows(newest_first)


def flows(*received: int, sent: int = 10, first_port: int = FIRST) -> Flows:
    return Flows.of([(sent, each, each, 0) for each in received], first_port=first_port)


def dead(*newest_first: Flows) -> tuple[int, ...]:
    found = state(*newest_first)
    return () if found is None else found.dead


def test_dead_flows_are_named_with_the_share_after_two_rounds() -> None:
    assert reason(filled(ALIVE, TWO_DEAD)) is HealthyReason.LOSS_HIGH
    judged = verdict(filled(ALIVE, TWO_DEAD, TWO_DEAD), SPREAD)
    assert (judged.finding.status, judged.finding.reason) == (ConditionStatus.FALSE, HealthyReason.FLOW_LOSS)
    assert judged.finding.message == (
        "2 of 8 flows lost every packet: source ports 61001, 61005 in the last 2 rounds on default/ping, "
        "others are answered: one of several ways (ECMP, link bundle, SA or queue) that traffic is spread "
        "over is dead"
    )
    (entry,) = build_status(generation=1, verdict=judged, conditions={}, outages=())["probes"]
    assert entry["flows"] == {"count": 8, "dead": 2, "deadPorts": [61_001, 61_005]}


def test_a_loss_that_is_permitted_hides_no_dead_flow() -> None:
    assert reason(filled(*[TWO_DEAD] * 3), TOLERANT) is HealthyReason.FLOW_LOSS


def test_an_answer_ends_it_at_once_and_the_status_says_so() -> None:
    judged = verdict(filled(TWO_DEAD, TWO_DEAD, round_of(10, 1, 10, 10, 10, 1, 10, 10)), SPREAD)
    assert judged.finding.reason is HealthyReason.LOSS_HIGH
    (entry,) = build_status(generation=1, verdict=judged, conditions={}, outages=())["probes"]
    assert entry["flows"] == {"count": 8, "dead": 0}


def test_without_an_answer_to_any_flow_the_path_is_down_and_no_flow_to_blame() -> None:
    nothing = round_of(*[0] * 8)
    assert reason(filled(ALIVE, nothing, nothing)) is HealthyReason.LOSS_HIGH
    assert reason(filled(TWO_DEAD, TWO_DEAD, nothing, nothing, nothing)) is HealthyReason.DOWN
    assert reason(filled(TWO_DEAD, nothing, TWO_DEAD)) is HealthyReason.FLOW_LOSS


def test_rounds_that_the_prober_spoilt_prove_nothing() -> None:
    spoilt = TWO_DEAD | {"invalid": Invalidity.LATE_TICKS}
    assert reason(filled(ALIVE, spoilt, spoilt, TWO_DEAD)) is HealthyReason.LOSS_HIGH


def test_where_half_of_the_losses_are_wrong_answers_that_is_said_first() -> None:
    wrong = TWO_DEAD | {"losses": {LossReason.AUTH_FAILED: 20}}
    assert reason(filled(wrong, wrong)) is HealthyReason.PROBE_FAILED


def test_flows_that_must_not_get_through_are_not_judged() -> None:
    blocked = check(plan(probe(**STAMP, expect=Expect.BLOCKED)))
    judged = verdict(filled(*[round_of(*[0] * 8)] * 3), blocked)
    assert judged.finding.reason is HealthyReason.WITHIN_THRESHOLDS
    assert judged.probes[0].flows is None


@pytest.mark.parametrize(
    ("packets", "alive", "lost", "rounds"),
    [
        (10, 7, 0, 2),
        (3, 4, 0, 2),
        (4, 1, 0, 2),
        (3, 1, 0, 3),
        (10, 4, 4, 2),
        (10, 4, 6, 4),
        (2, 4, 0, 3),
        (1, 4, 0, 5),
    ],
)
def test_the_more_is_lost_and_the_less_is_sent_the_more_rounds_it_takes(
    packets: int, alive: int, lost: int, rounds: int
) -> None:
    each = flows(*[packets - lost] * alive, 0, sent=packets)
    needed = next(number for number in range(1, 20) if dead(*[each] * number))
    assert needed == rounds


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.3, 0.5, 0.8])
@pytest.mark.parametrize(("packets", "number"), [(1, 2), (1, 16), (2, 8), (3, 8), (10, 8), (5, 16)])
def test_ordinary_loss_kills_no_flow(loss: float, packets: int, number: int) -> None:
    chance = random.Random(f"{loss} {packets} {number}")
    rounds = [
        flows(*(sum(chance.random() > loss for _ in range(packets)) for _ in range(number)), sent=packets)
        for _ in range(1000)
    ]
    newest_first = rounds[::-1]
    assert [at for at in range(1000) if dead(*newest_first[at : at + 256])] == []


def test_a_burst_that_hits_the_same_flow_in_one_round_only_is_no_death() -> None:
    assert dead(flows(10, 0, 10), flows(0, 10, 10), flows(10, 0, 10)) == ()


def test_the_flows_of_an_agent_that_has_been_restarted_are_others() -> None:
    silent, moved = flows(10, 0, 10), flows(10, 0, 10, first_port=FIRST + 16)
    assert dead(moved, silent, silent) == ()
    assert dead(moved, moved, silent) == (1,)
    found = state(moved, silent)
    assert (found and found.first_port) == FIRST + 16


def test_one_dead_flow_among_many_more_is_told_apart_from_the_one_that_is_new() -> None:
    assert dead(flows(10, 0, 0, 10), flows(10, 0, 10, 10), flows(10, 0, 10, 10)) == (1,)


def test_nothing_is_said_before_anything_is_known() -> None:
    assert state() is None


def test_a_long_list_of_ports_is_cut() -> None:
    window = filled(*[round_of(10, *[0] * 15)] * 2)
    spread = check(plan(probe(**STAMP | {"flows": 16})))
    message = verdict(window, spread).finding.message
    assert "15 of 16 flows" in message
    assert "61008 ... in the last" in message


def test_prometheus_gets_dead_and_living_flows_and_the_loss_of_each() -> None:
    spread = plan(probe(**STAMP))
    labelled = seen(of=check(spread))
    take(labelled, *(at(30 * n, of=spread, **TWO_DEAD) for n in range(3)))
    assessed(labelled, at=70)
    samples = scraped(labelled)
    assert value(samples, "ipsecping_flows", **LABELS, state="dead") == 2
    assert value(samples, "ipsecping_flows", **LABELS, state="alive") == 6
    assert value(samples, "ipsecping_flow_loss_ratio", **LABELS, flow="1") == 1
    assert value(samples, "ipsecping_flow_loss_ratio", **LABELS, flow="2") == 0
    assert value(samples, "ipsecping_flow_rtt_mean_seconds", **LABELS, flow="2") == 0.012


def test_what_a_reflector_keeps_undecided_is_not_looked_for_without_end() -> None:
    rounds = [flows(0, *(int((each + flow) % 15 == 0) for flow in range(15)), sent=2) for each in range(256)]
    assert calls(lambda: state(*rounds)) < 1.2 * calls(lambda: state(*rounds[:64]))
    assert dead(*rounds) == ()
