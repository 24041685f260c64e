"""Checks measure through the real tunnel, and the status says what the gateways' own counters say."""

from decimal import Decimal
from typing import Any

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.workbench import kubectl, lab, wait_for

from .bench import FAR_A, FAR_B, SHORT_WINDOW, STAMP, Bench, milliseconds


def probes(check: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {probe["name"]: probe for probe in check["status"].get("probes", [])}


@pytest.mark.usefixtures("tunnel")
def test_every_probe_type_measures_loss_and_round_trip_time_through_the_tunnel(bench: Bench) -> None:
    bench.declare(
        "all",
        target=FAR_A,
        tunnel={"name": "hq-dc1"},
        schedule={"interval": "2s"},
        probes=[STAMP, {"name": "echo", "udpEcho": {"port": 55055}}, {"name": "ping", "icmp": {}}],
        thresholds=SHORT_WINDOW,
    )
    check = bench.wait_for_reason("all", "WithinThresholds")
    status = check["status"]
    assert set(probes(check)) == {"datapath", "echo", "ping"}
    for probe in probes(check).values():
        assert 0 < probe["received"] <= probe["sent"]
        assert Decimal(probe["lossPercent"]) <= 1
        assert 0 < milliseconds(probe["rtt"]["min"]) <= milliseconds(probe["rtt"]["p50"])
        assert milliseconds(probe["rtt"]["p50"]) <= milliseconds(probe["rtt"]["p99"])
        assert milliseconds(probe["rtt"]["p99"]) <= milliseconds(probe["rtt"]["max"])
    assert probes(check)["datapath"]["type"] == "STAMP"
    assert Decimal(probes(check)["datapath"]["forwardLossPercent"]) <= 1
    assert status["headline"] == {"path": "default", "probe": "datapath"}
    assert status["observedGeneration"] == check["metadata"]["generation"]
    wait_for(
        "Ready, as soon as the Deployment says that its pod is",
        lambda: workbench.condition(bench.check("all"), "Ready")["reason"],
        lambda reason: reason == "Reconciled",
        seconds=30,
    )
    described = kubectl("-n", bench.namespace, "describe", "itc", "all")
    assert "WithinThresholds" in described
    table = kubectl("-n", bench.namespace, "get", "itc", "all").splitlines()
    assert table[0].split() == [
        "NAME",
        "TARGET",
        "HEALTHY",
        "REASON",
        "LOSS%",
        "RTT-P50",
        "RTT-P99",
        "LAST",
        "AGE",
        "MAINTENANCE-UNTIL",
    ]
    assert "True" in table[1]


def test_the_smallest_check_needs_a_target_only(bench: Bench) -> None:
    bench.declare("smallest", target=FAR_B)
    check = bench.wait_for_reason("smallest", "WithinThresholds", seconds=90)
    (probe,) = check["status"]["probes"]
    assert probe["type"] == "ICMP"


@pytest.mark.usefixtures("tunnel")
def test_injected_delay_and_loss_show_in_the_status(bench: Bench) -> None:
    bench.declare(
        "slow",
        target=FAR_A,
        schedule={"interval": "2s"},
        probes=[STAMP],
        thresholds=SHORT_WINDOW | {"rtt": {"p50": "30ms"}, "lossPercent": "60"},
    )
    bench.wait_for_reason("slow", "WithinThresholds")
    lab("fault", "set", "delay", "a", "out", "ms=40")
    lab("fault", "set", "loss", "a", "out", "percent=20")
    check = bench.wait_for_reason("slow", "LatencyHigh")
    assert milliseconds(check["status"]["rtt"]["p50"]) >= 40
    message = workbench.condition(check, "Healthy")["message"]
    assert "limit 30" in message
    assert "default/datapath" in message
    wait_for(
        "loss in the status",
        lambda: bench.check("slow"),
        lambda seen: Decimal(seen["status"]["lossPercent"]) > 5,
        seconds=60,
    )


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize(
    ("direction", "wording"),
    [("out", "on the way there"), ("in", "on the way back")],
    ids=["forward", "reverse"],
)
def test_loss_in_one_direction_is_named_and_agrees_exactly_with_the_gateways(
    bench: Bench, direction: str, wording: str
) -> None:
    size = 101 if direction == "out" else 102
    bench.count(size, target=FAR_A)
    spec: dict[str, Any] = {
        "target": FAR_A,
        "schedule": {"interval": "2s"},
        "probes": [STAMP | {"count": 30, "spacing": "30ms", "timeout": "2s", "size": size}],
        "thresholds": {"window": "10m", "lossPercent": "1", "downAfter": 3},
    }
    bench.declare("oneway", **spec)
    # A loss before the first answer of a session has no direction: no number is known that came before it.
    bench.wait_for_reason("oneway", "WithinThresholds")
    lab("fault", "set", "loss", "a", direction, "percent=10")
    wait_for(
        "ten rounds",
        lambda: bench.check("oneway").get("status", {}),
        lambda status: status.get("probes", [{}])[0].get("sent", 0) >= 300,
        seconds=120,
    )
    healthy = bench.wait_for_reason("oneway", "LossHigh")
    assert wording in workbench.condition(healthy, "Healthy")["message"]
    # Suspending lets the agent finish its round: then every packet is on both books.
    bench.declare("oneway", **spec, suspend=True)
    bench.wait_for_reason("oneway", "Suspended")
    wait_for("no agent pod", lambda: bench.children("pods", "oneway"), lambda p: not p, seconds=40)
    counted = bench.counted()
    probe = bench.settled("oneway", counted)
    forward = counted["forward_before_encryption"] - counted["forward_after_decryption"]
    reverse = counted["reverse_before_encryption"] - counted["reverse_after_decryption"]
    # The fault hits all that leaves in its direction, ARP replies too, so the other one may miss a packet.
    injected, other = (forward, reverse) if direction == "out" else (reverse, forward)
    assert injected > 10
    assert other <= 2
    assert probe["received"] == counted["reverse_after_decryption"]
    assert probe["forwardLossPercent"] == percent(forward, probe["sent"])
    assert probe["reverseLossPercent"] == percent(reverse, probe["sent"])


def percent(part: int, whole: int) -> str:
    return str((Decimal(100) * part / whole).quantize(Decimal("0.01")))


@pytest.mark.usefixtures("tunnel")
def test_a_tunnel_that_is_up_but_drops_esp_is_down_and_heals(bench: Bench) -> None:
    quick = STAMP | {"count": 8, "timeout": "500ms"}
    # The lab's own floor of loss is not zero: one lost packet must not be an outage of its own.
    thresholds = {"window": "10s", "lossPercent": "20", "downAfter": 3}
    for name, target in (("dead", FAR_A), ("beside", FAR_B)):
        bench.declare(name, target=target, schedule={"interval": "1s"}, probes=[quick], thresholds=thresholds)
    bench.wait_for_reason("dead", "WithinThresholds")
    bench.wait_for_reason("beside", "WithinThresholds")
    lab("fault", "set", "esp-drop", "a")
    check = bench.wait_for_reason("dead", "Down")
    assert workbench.condition(check, "Healthy")["status"] == "False"
    assert "ESTABLISHED" in lab("swanctl", "left", "--list-sas", "--ike", "a")
    assert bench.healthy("beside")["reason"] == "WithinThresholds"
    (outage,) = check["status"]["outages"]
    assert outage["reason"] == "Down"
    assert "end" not in outage
    lab("fault", "clear")
    healed = bench.wait_for_reason("dead", "WithinThresholds")
    assert all("end" in outage for outage in healed["status"]["outages"])
    events = kubectl("-n", bench.namespace, "events", "--for", "itc/dead")
    assert "Down" in events
    assert "WithinThresholds" in events


@pytest.mark.usefixtures("tunnel")
def test_traffic_that_leaves_in_clear_and_meets_a_nat_is_seen_by_the_far_end(bench: Bench) -> None:
    bench.declare(
        "leak",
        target=FAR_A,
        schedule={"interval": "2s"},
        probes=[STAMP],
        thresholds=SHORT_WINDOW,
        verify={"sourceSeen": ["10.244.0.0/16"]},
    )
    check = bench.wait_for_reason("leak", "WithinThresholds")
    (pod,) = check["status"]["probes"][0]["sourceSeen"]
    assert pod == bench.probe_pod("leak")["status"]["podIP"]
    lab("fault", "set", "nat", "a")
    lab("fault", "set", "leak", "a")
    check = bench.wait_for_reason("leak", "SourceMismatch")
    message = workbench.condition(check, "Healthy")["message"]
    assert "allowed is 10.244.0.0/16 (spec.verify.sourceSeen)" in message
    assert {pod} < set(check["status"]["probes"][0]["sourceSeen"])


def test_a_responder_that_is_gone_is_told_from_a_dead_tunnel(bench: Bench) -> None:
    bench.declare(
        "refused",
        target=FAR_A,
        schedule={"interval": "1s"},
        probes=[
            {"name": "echo", "count": 5, "spacing": "50ms", "timeout": "500ms", "udpEcho": {"port": 55999}}
        ],
        thresholds={"window": "10s", "downAfter": 2},
    )
    check = bench.wait_for_reason("refused", "Down")
    assert "port unreachable: the host answers" in workbench.condition(check, "Healthy")["message"]
