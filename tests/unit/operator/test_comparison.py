"""What Healthy's message says of probes beside one another: limits on ICMP, and proxies that answer TCP."""

from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract import Expect, LossShape, PlannedProbe, ProbeType
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.verdict.finding import Finding
from ipsecping_operator.verdict.judge import Expectation, judge
from ipsecping_operator.verdict.window import Window

from .builders import MS, NOON, SECOND, check, plan, probe
from .windows import filled

ICMP = probe("ping")
STAMP = probe("datapath", type=ProbeType.STAMP, port=862)
TCP = probe("ssh", type=ProbeType.TCP, port=22, size=0)
BLOCKED = replace(TCP, name="closed", expect=Expect.BLOCKED)
EVENLY = {"received": 7, "loss_shape": LossShape(1, 100 * MS, 3)}


def filled_of(of: PlannedProbe, *rounds: Any) -> Window:
    """A window of that probe."""
    return filled(*rounds, of=plan(of), probe_name=of.name)


def finding(rounds: dict[PlannedProbe, list[Any]]) -> Finding:
    """What is said of a path with these probes and their rounds."""
    windows = {("default", of.name): filled_of(of, *given) for of, given in rounds.items()}
    now = NOON + 100 * SECOND
    return judge(check(plan(*rounds)), windows, expected=Expectation(since=NOON), now=now).finding


def timed(milliseconds: float) -> dict[str, Any]:
    """A round with this round-trip time."""
    return {"received": 10, "rtt_ms": milliseconds}


def test_even_losses_of_icmp_alone_are_put_on_a_limit() -> None:
    found = finding({ICMP: [EVENLY] * 3, STAMP: [10] * 3})
    assert found.reason is HealthyReason.LOSS_HIGH
    assert found.message.endswith(
        "; the other probes of default lose nothing: default/ping meets a limit on ICMP rather than a fault "
        "of the tunnel; a spacing above 100ms may avoid it"
    )


@pytest.mark.parametrize(
    "rounds",
    [
        {ICMP: [EVENLY] * 3},
        {ICMP: [EVENLY] * 3, STAMP: [10, 9, 10]},
        {ICMP: [7] * 3, STAMP: [10] * 3},
        {STAMP: [EVENLY] * 3, TCP: [10] * 3},
        {
            ICMP: [EVENLY] * 3,
            probe("closed", expect=Expect.BLOCKED, type=ProbeType.TCP, port=23, size=0): [0] * 3,
        },
    ],
    ids=["alone", "others lose too", "not evenly", "not ICMP", "blocked"],
)
def test_any_other_loss_may_be_the_tunnels(rounds: dict[PlannedProbe, list[Any]]) -> None:
    found = finding(rounds)
    assert found.reason is HealthyReason.LOSS_HIGH
    assert "rather than" not in found.message


@pytest.mark.parametrize("other", [ICMP, STAMP], ids=["ICMP", "STAMP"])
def test_tcp_that_is_answered_far_sooner_is_answered_by_something_nearer(other: PlannedProbe) -> None:
    found = finding({other: [timed(12.0)] * 3, TCP: [timed(0.05)] * 3})
    assert found.reason is HealthyReason.WITHIN_THRESHOLDS
    assert "default/ssh is answered in 0.05" in found.message
    assert f"default/{other.name} in 12" in found.message
    assert found.message.endswith("TCP is answered by something nearer than the target, a mesh proxy?")


@pytest.mark.parametrize(("tcp", "other"), [(0.3, 1.1), (1.1, 12.0), (12.0, 12.0)])
def test_tcp_that_is_merely_sooner_is_not_suspected(tcp: float, other: float) -> None:
    found = finding({ICMP: [timed(other)] * 3, TCP: [timed(tcp)] * 3})
    assert "nearer" not in found.message


def test_answers_without_round_trip_times_are_said_to_be_within_no_limit() -> None:
    untimed = {"received": 10, "rtt_ms": ()}
    said = "default/datapath has no round-trip times, and no limit on them is judged"
    assert said in finding({STAMP: [untimed] * 3}).message
    assert said in finding({ICMP: [10] * 3, STAMP: [untimed] * 3}).message
    assert said not in finding({STAMP: [untimed, 10, untimed]}).message
    assert said not in finding({STAMP: [0] * 3}).message


def test_a_remark_is_made_once_however_often_the_same_is_judged() -> None:
    windows = {
        ("default", "ping"): filled_of(ICMP, *[timed(12.0)] * 3),
        ("default", "ssh"): filled_of(TCP, *[timed(0.05)] * 3),
    }
    of, expected, now = check(plan(ICMP, TCP)), Expectation(since=NOON), NOON + 100 * SECOND
    first = judge(of, windows, expected=expected, now=now)
    again = judge(of, windows, expected=expected, now=now, before=first)
    assert again.finding == first.finding
    assert first.finding.message.count("nearer than the target") == 1
