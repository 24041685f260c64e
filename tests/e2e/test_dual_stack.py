"""IPv6 beside IPv4: measured as truly, told apart from it, and from pods that have no IPv4."""

import json
import uuid
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.cluster.addresses import API_PORT, FAMILY_LABEL, IPV6_RUNTIME, NODE_IPS
from ipsecping_lab.workbench import kubectl, lab, wait_for

from ..bench import rtt_against_capture
from ..bench.prober_pod import ProberPod
from .bench import FAR_A, FAR_A_IPV6, FAR_C_IPV6, SHORT_WINDOW, STAMP, Bench, operator_pods
from .counted_rounds import measure
from .names import name_of

OPERATOR = "ipsecping-operator"
POD_NETWORK = "fd00:10:244::/56"
QUICK = STAMP | {"count": 8, "timeout": "500ms"}


@pytest.fixture(scope="module")
def pod() -> Iterator[ProberPod]:
    made = ProberPod(f"dual-{uuid.uuid4().hex[:8]}")
    made.start()
    yield made
    made.delete()


@pytest.fixture
def operator_of_ipv6_only() -> Iterator[None]:
    """The operator's pod has no IPv4 either, as in a cluster of IPv6 alone; afterwards it is as it was."""
    operator = f"deployment/{OPERATOR}"
    server = {"KUBERNETES_SERVICE_HOST": NODE_IPS[1], "KUBERNETES_SERVICE_PORT": str(API_PORT)}
    environment = [{"name": name, "value": value} for name, value in server.items()]
    spec = {
        "runtimeClassName": IPV6_RUNTIME,
        "containers": [{"name": "operator", "env": environment}],
    }
    patch = json.dumps({"spec": {"template": {"spec": spec}}})
    in_its_namespace("patch", operator, "--patch", patch)
    in_its_namespace("rollout", "status", operator, "--timeout=90s")
    yield
    in_its_namespace("rollout", "undo", operator)
    in_its_namespace("rollout", "status", operator, "--timeout=90s")


def in_its_namespace(*arguments: str) -> None:
    kubectl("-n", workbench.OPERATOR_NAMESPACE, *arguments)


@pytest.fixture
def ipv6_only() -> Iterator[Bench]:
    """A namespace whose pods have no IPv4."""
    made = Bench(namespace=f"e2e-{uuid.uuid4().hex[:8]}")
    made.create(**{FAMILY_LABEL: "IPv6"})
    yield made
    made.delete()


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize(
    ("path", "target"), [("a", FAR_A_IPV6), ("c", FAR_C_IPV6)], ids=["in ESP over IPv4", "in ESP over IPv6"]
)
def test_packets_of_ipv6_are_lost_where_the_gateways_say(pod: ProberPod, path: str, target: str) -> None:
    lab("fault", "set", "loss", path, "out", "percent=6")
    lab("fault", "set", "loss", path, "in", "percent=3")
    found = measure(pod, target=target, count=150)
    said, counted = found.said, found.counted
    assert said["sent"] == counted["forward_before_encryption"] >= 1500
    assert said["received"] == counted["reverse_after_decryption"]
    found.agrees_on_losses()
    forward, reverse = found.lost()
    assert forward > 30
    assert reverse > 10


@pytest.mark.usefixtures("tunnel")
def test_round_trip_times_of_ipv6_agree_with_a_packet_capture(pod: ProberPod) -> None:
    comparison = rtt_against_capture.compare(pod, target=FAR_C_IPV6, count=300, interval="10ms")
    assert len(comparison.differences) >= 290
    assert rtt_against_capture.percentile(comparison.differences, 50) <= 100_000, comparison.table()


@pytest.mark.usefixtures("tunnel")
def test_a_fault_of_ipv6_alone_names_its_path_and_leaves_ipv4_healthy(bench: Bench) -> None:
    often: dict[str, Any] = {
        "schedule": {"interval": "1s"},
        "probes": [QUICK],
        "thresholds": {"window": "10s", "lossPercent": "20", "downAfter": 3},
    }
    paths = [{"name": "ipv4", "target": FAR_A}, {"name": "ipv6", "target": FAR_A_IPV6}]
    bench.declare("both", target=FAR_A, paths=paths, **often)
    bench.declare("ipv4", target=FAR_A, **often)
    bench.wait_for_reason("both", "WithinThresholds")
    bench.wait_for_reason("ipv4", "WithinThresholds")
    # The tunnel is up, its IPv4 passes: one of its policies is wrong.
    lab("fault", "set", "policy-block", "a", "family=IPv6")
    both = wait_for(
        "a verdict on ipv6",
        lambda: bench.check("both"),
        lambda check: path_states(check)["ipv6"] != "Healthy",
        seconds=60,
    )
    assert path_states(both) == {"ipv4": "Healthy", "ipv6": "Unhealthy"}
    message = workbench.condition(both, "Healthy")["message"]
    assert "ipv6/datapath" in message
    assert "ipv4/" not in message
    assert "ipv4 is healthy: what they share works" in message
    assert bench.healthy("ipv4")["reason"] == "WithinThresholds"
    assert "outages" not in bench.check("ipv4")["status"]


def path_states(check: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["state"] for each in check["status"]["paths"]}


@pytest.mark.usefixtures("tunnel", "operator_of_ipv6_only")
def test_a_pod_without_ipv4_is_probed_by_the_kubelet_and_read_by_the_operator(ipv6_only: Bench) -> None:
    (operator,) = operator_pods()
    assert [ip_address(each).version for each in addresses(operator)] == [6]
    name = name_of(ipv6_only, FAR_A, FAR_A_IPV6)
    seen_as = {"sourceSeen": [POD_NETWORK]}
    probes = [QUICK, {"name": "echo", "udpEcho": {"port": 55055}}, {"name": "ping", "icmp": {}}]
    spec: dict[str, Any] = {"schedule": {"interval": "1s"}, "thresholds": SHORT_WINDOW, "verify": seen_as}
    ipv6_only.declare("literal", target=FAR_A_IPV6, probes=probes, **spec)
    ipv6_only.declare("named", target=name, probes=[QUICK], **spec)
    for each in ("literal", "named"):
        status = ipv6_only.wait_for_reason(each, "WithinThresholds")["status"]
        (address,) = addresses(ipv6_only.probe_pod(each))
        assert ip_address(address).version == 6
        assert status["probes"][0]["sourceSeen"] == [address]
        assert all(0 < probe["received"] <= probe["sent"] for probe in status["probes"])
    lab("fault", "set", "nat", "a")
    lab("fault", "set", "leak", "a", "family=IPv6")
    check = ipv6_only.wait_for_reason("literal", "SourceMismatch")
    message = workbench.condition(check, "Healthy")["message"]
    assert f"allowed is {POD_NETWORK} (spec.verify.sourceSeen)" in message
    pod = ipv6_only.probe_pod("literal")
    assert set(addresses(pod)) < set(check["status"]["probes"][0]["sourceSeen"])
    assert restarts(pod) == restarts(operator) == 0


def restarts(pod: dict[str, Any]) -> int:
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def addresses(pod: dict[str, Any]) -> list[str]:
    return [each["ip"] for each in pod["status"]["podIPs"]]
