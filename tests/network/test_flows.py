"""A dead member of several ways, between real routers: the flows that it takes along are named."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import PlannedProbe, ProbeType, RoundResult, TcpOptions
from ipsecping.contract.termination import decode
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from ..plans import check_of, plan_file
from ..unit.operator.builders import NOON, SECOND, check, plan
from ..unit.operator.windows import verdict
from .routed import ECHO_PORT, FAR, FAR6, STAMP_PORT, TCP_PORT, Routed, routed

FLOWS = 8
STAMP: dict[str, Any] = {
    "type": ProbeType.STAMP,
    "port": STAMP_PORT,
    "size": 44,
    "count": 10,
    "spacing_ms": 20,
}
UDP: dict[str, Any] = {**STAMP, "type": ProbeType.UDP_ECHO, "port": ECHO_PORT}
TCP: dict[str, Any] = {"type": ProbeType.TCP, "port": TCP_PORT, "size": 0, "count": 3, "spacing_ms": 450}
HALF = 'iifname "r1" th sport & 1 == 1'
HALF_OF_THE_ANSWERS = 'iifname "r2" th dport & 1 == 1'
A_HASH = 'iifname "r1" jhash th sport mod 2 seed 0x7 == 1'


@pytest.fixture
def path() -> Iterator[Routed]:
    with routed() as made:
        yield made


def measured(
    path: Routed, folder: Path, probe: PlannedProbe, *, target: str, rounds: int
) -> list[RoundResult]:
    """So many rounds, each by a process of its own, as a CronJob's."""
    results = []
    written = plan_file(folder, check_of(probe, target=target))
    for _ in range(rounds):
        log = folder / "log"
        command = (sys.executable, "-m", "ipsecping", "run", str(written), "--termination-log", str(log))
        path.near.run(*command, ok=(0, 1))
        results += decode(log.read_text())
    return results


def judged(probe: PlannedProbe, results: list[RoundResult]) -> Verdict:
    """What the operator says of them."""
    window = Window(length=300 * SECOND)
    for number, result in enumerate(results):
        at = NOON + 30 * number * SECOND
        window.add(Tally.of(result, start=at), now=at + result.duration)
    return verdict(window, check(plan(probe)))


@pytest.mark.parametrize(
    ("method", "matches", "target"),
    [
        pytest.param(STAMP, HALF, FAR, id="STAMP there IPv4"),
        pytest.param(STAMP, HALF_OF_THE_ANSWERS, FAR6, id="STAMP back IPv6"),
        pytest.param(STAMP, A_HASH, FAR, id="STAMP hash IPv4"),
        pytest.param(UDP, HALF, FAR6, id="UDP echo there IPv6"),
        pytest.param(TCP, HALF, FAR6, id="TCP there IPv6"),
        pytest.param(TCP, HALF_OF_THE_ANSWERS, FAR, id="TCP back IPv4"),
        pytest.param(TCP, A_HASH, FAR, id="TCP hash IPv4"),
    ],
)
def test_dead_flows_are_named_with_the_share_within_two_rounds(
    path: Routed, tmp_path: Path, method: dict[str, Any], matches: str, target: str
) -> None:
    options = TcpOptions() if method is TCP else None
    probe = PlannedProbe(name="ping", timeout_ms=200, flows=FLOWS, options=options, **method)
    before = judged(probe, measured(path, tmp_path, probe, target=target, rounds=2))
    assert before.finding.reason is HealthyReason.WITHIN_THRESHOLDS
    path.drop_flows(matches)
    results = measured(path, tmp_path, probe, target=target, rounds=2)
    found = judged(probe, results)
    (state,) = [each.flows for each in found.probes if each.flows is not None]
    assert found.finding.reason is HealthyReason.FLOW_LOSS
    assert f"{len(state.dead)} of {FLOWS} flows lost every packet: source port" in found.finding.message
    if matches is not A_HASH:
        odd = [port for port in range(state.first_port, state.first_port + FLOWS) if port % 2]
        assert state.dead_ports == odd
        assert ", ".join(map(str, odd)) in found.finding.message
    path.revive_flows()
    results += measured(path, tmp_path, probe, target=target, rounds=1)
    assert judged(probe, results).finding.reason is HealthyReason.LOSS_HIGH


@pytest.mark.smoke
def test_ping_says_which_flows_are_dead(path: Routed) -> None:
    path.drop_flows(HALF)
    ping = ["ping", FAR, "--flows", "4", "-c", "3", "-W", "200ms"]
    for method in (["--stamp", str(STAMP_PORT), "-i", "50ms"], ["--tcp", str(TCP_PORT), "-i", "450ms"]):
        found = path.near.ipsecping(*ping, *method)
        assert [(flow["received"], flow["source_port"] % 2) for flow in found["flows"]] == [
            (3, 0),
            (0, 1),
        ] * 2
