"""What befalls probe pods on a real kubelet: each fault is named with its remedy, and heals by itself."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.workbench import kubectl, lab, wait_for

from .bench import FAR_A, FAR_B, HOST_NAMESPACE, STAMP, Bench
from .node import PROBE_IMAGE, lost, on_node, ping_sockets, tainted, without_image

NODE_ADDRESS = "10.99.0.1"
"""Where the node's own packets to the tunnels come from."""
QUICK = STAMP | {"count": 5, "spacing": "20ms"}
# Faults of pods are the subject: a lost packet of a busy machine must not be one.
LENIENT = {"window": "10m", "lossPercent": "50", "downAfter": 5}
OLD, NEW = f"hex:{'0d' * 32}", f"hex:{'e4' * 32}"
SECRET = "ipsecping-tunnel-keys"

pytestmark = pytest.mark.skipif(workbench.existing_cluster(), reason="LAB=existing: its nodes are left alone")


def every_second(**more: Any) -> dict[str, Any]:
    return {"target": FAR_A, "schedule": {"interval": "1s"}, "probes": [QUICK], "thresholds": LENIENT} | more


@contextmanager
def made(namespace: str, level: str) -> Iterator[Bench]:
    bench = Bench(namespace=namespace)
    bench.create(level=level)
    yield bench
    bench.delete()


@pytest.fixture(scope="module")
def running() -> Iterator[Bench]:
    """A namespace with a check for each fault, all of them measuring."""
    with made("e2e-kubelet", "restricted") as bench:
        write_keys(bench, OLD)
        lab("responders", "sign", OLD)
        for name in ("evicted", "deleted", "lost"):
            bench.declare(name, **every_second())
        signed = QUICK | {"stamp": {"port": 8620, "auth": {"secretName": SECRET, "key": "hq"}}}
        bench.declare("signed", **every_second(probes=[signed | {"size": 112}]))
        for name in ("evicted", "deleted", "lost", "signed"):
            bench.wait_for_reason(name, "WithinThresholds")
        yield bench
    lab("responders", "sign")


@pytest.fixture(scope="module")
def host() -> Iterator[Bench]:
    """The namespace whose checks may use the node's own network."""
    with made(HOST_NAMESPACE, "privileged") as bench:
        yield bench


def test_what_keeps_a_pod_from_running_is_named_with_its_remedy_and_heals(bench: Bench) -> None:
    with without_image():
        bench.declare("imageless", **every_second())
        wait_for("its pod", lambda: bench.children("pods", "imageless"), seconds=30)
        limit_pods(bench, 1)
        bench.declare("crowded", **every_second())
        said = bench.wait_for_ready("imageless", status="False", saying="ImagePull")
        assert PROBE_IMAGE in said
        assert "the node has to be able to pull the probe image (--probe-image of the operator" in said
        said = bench.wait_for_ready("crowded", status="False", saying="exceeded quota: pods")
        assert "raise that ResourceQuota, or free some of it" in said
        for name in ("imageless", "crowded"):
            assert bench.healthy(name)["reason"] == "NoResults"
            assert "does not run" in (text := described(bench, name)) or "no pod can be made" in text
    limit_pods(bench, 2)
    for name in ("crowded", "imageless"):
        assert "outages" not in bench.wait_for_reason(name, "WithinThresholds")["status"]
        bench.wait_for_ready(name, status="True", saying="runs the agent", seconds=20)


def limit_pods(bench: Bench, count: int) -> None:
    quota = {"name": "pods", "namespace": bench.namespace}
    hard = {"hard": {"pods": str(count)}}
    workbench.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": quota, "spec": hard})
    wait_for(
        "the quota in force",
        lambda: workbench.get("resourcequota", "pods", namespace=bench.namespace).get("status", {}),
        lambda status: status.get("hard") == hard["hard"],
        seconds=30,
    )


def described(bench: Bench, name: str) -> str:
    return kubectl("-n", bench.namespace, "describe", "itc", name)


def test_a_node_that_falls_silent_makes_the_check_unknown_until_it_is_back(running: Bench) -> None:
    pod = running.probe_pod("lost")
    with lost(pod):
        check = running.wait_for_reason("lost", "StaleResults", seconds=30)
        healthy = workbench.condition(check, "Healthy")
        assert healthy["status"] == "Unknown"
        assert "one is expected every 1s" in healthy["message"]
    check = running.wait_for_reason("lost", "WithinThresholds")
    assert "outages" not in check["status"], "silence is no outage"
    assert running.probe_pod("lost")["metadata"]["uid"] == pod["metadata"]["uid"]


def test_a_pod_that_is_evicted_or_deleted_is_replaced_and_measures_on(running: Bench) -> None:
    before = {name: running.probe_pod(name) for name in ("evicted", "deleted")}
    pods = f"/api/v1/namespaces/{running.namespace}/pods"
    name = before["evicted"]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    kubectl("create", "--raw", f"{pods}/{name}/eviction", "-f", "-", stdin=json.dumps(eviction))
    kubectl("-n", running.namespace, "delete", "pod", before["deleted"]["metadata"]["name"], "--wait=false")
    for name, pod in before.items():
        wait_for(
            f"another pod of {name}",
            lambda name=name: running.probe_pod(name)["metadata"]["uid"],  # type: ignore[misc]
            lambda uid, old=pod: uid != old["metadata"]["uid"],  # type: ignore[misc]
            seconds=60,
        )
        sent = probe(running, name)["sent"]
        wait_for(
            f"results of {name}'s new pod",
            lambda name=name: probe(running, name)["sent"],  # type: ignore[misc]
            lambda now, sent=sent: now > sent,  # type: ignore[misc]
            seconds=30,
        )
        assert "outages" not in running.wait_for_reason(name, "WithinThresholds")["status"]


def probe(bench: Bench, name: str) -> dict[str, Any]:
    (found,) = bench.check(name)["status"]["probes"]
    figures: dict[str, Any] = found
    return figures


def test_keys_are_changed_without_losing_a_round_and_a_deleted_secret_is_named(running: Bench) -> None:
    pod = running.probe_pod("signed")
    lab("responders", "sign", OLD, NEW)
    write_keys(running, NEW, OLD)
    wait_for_keys(running, pod, f"{NEW}\n{OLD}\n")
    # The agent looks at its keys once a second. Then only the new one is good for an answer.
    ended = rounds(running, pod, "rounds")
    wait_for(
        "rounds begun since", lambda: rounds(running, pod, "rounds"), lambda n: n > ended + 3, seconds=60
    )
    lab("responders", "sign", NEW)
    sent = probe(running, "signed")["sent"]
    wait_for(
        "rounds with the new key",
        lambda: probe(running, "signed")["sent"],
        lambda now: now > sent + 15,
        seconds=60,
    )
    figures = probe(running, "signed")
    assert figures["received"] == figures["sent"]
    assert figures["forwardLossPercent"] == figures["reverseLossPercent"] == "0.00"
    assert rounds(running, pod, "rounds_invalid") == 0

    kubectl("-n", running.namespace, "delete", "secret", SECRET)
    wait_for_keys(running, pod, "")
    said = running.wait_for_ready("signed", status="False", saying=f"Secret {SECRET} has no usable key hq")
    assert "put it there" in said
    assert running.wait_for_reason("signed", "MeasurementInvalid")["status"].get("outages") is None
    write_keys(running, NEW)
    wait_for_keys(running, pod, f"{NEW}\n")
    running.wait_for_reason("signed", "WithinThresholds")
    running.wait_for_ready("signed", status="True", saying="runs the agent")
    assert running.probe_pod("signed")["metadata"]["uid"] == pod["metadata"]["uid"]


def write_keys(bench: Bench, *keys: str) -> None:
    metadata = {"name": SECRET, "namespace": bench.namespace}
    text = "".join(f"{key}\n" for key in keys)
    workbench.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"hq": text}})


def wait_for_keys(bench: Bench, pod: dict[str, Any], text: str) -> None:
    """Until the kubelet has brought the Secret into the pod: in a minute, or at once when the pod changes."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    file = f"/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~projected/files/secret/{SECRET}/hq"

    def mounted() -> str:
        annotation = f"e2e/nudge={len(nudges)}"
        nudges.append(annotation)
        kubectl("-n", bench.namespace, "annotate", "pod", name, annotation, "--overwrite")
        return on_node(f"cat {file} 2>/dev/null || true")

    nudges: list[str] = []
    wait_for("the mounted keys", mounted, lambda seen: seen == text, seconds=90)


def rounds(bench: Bench, pod: dict[str, Any], kind: str) -> Decimal:
    """A counter of the agent's, over all its labels."""
    path = f"/api/v1/namespaces/{bench.namespace}/pods/{pod['metadata']['name']}:9109/proxy/metrics"
    lines = kubectl("get", "--raw", path).splitlines()
    counts = [line.split()[-1] for line in lines if re.match(rf"ipsecping_agent_{kind}_total\b", line)]
    assert counts
    return sum(map(Decimal, counts), Decimal(0))


def test_agents_on_the_node_s_own_network_share_it_and_measure_by_its_address(
    host: Bench, bench: Bench
) -> None:
    own = {"placement": {"hostNetwork": True}}
    paths = [{"name": "a", "target": FAR_A}, {"name": "b", "target": FAR_B}]
    seen_as = {"sourceSeen": [f"{NODE_ADDRESS}/32"]}
    host.declare("both", **every_second(paths=paths, verify=seen_as, **own))
    host.declare("pinging", **every_second(probes=[{"name": "ping", "count": 3, "icmp": {}}], **own))
    host.declare("crossed", **every_second(suspend=True, **own))
    bench.declare("refused", **every_second(**own))
    taken = take_port(host, wait_for_port(host, "crossed"))
    host.declare("crossed", **every_second(**own))

    said = bench.wait_for_ready(
        "refused", status="False", saying="spec.placement.hostNetwork: true is not permitted"
    )
    assert "--allow-host-network" in said
    assert not bench.children("pods", "refused")

    check = host.wait_for_reason("both", "WithinThresholds")
    assert {each["path"]: each["sourceSeen"] for each in check["status"]["probes"]} == {
        "a": [NODE_ADDRESS],
        "b": [NODE_ADDRESS],
    }
    check = host.wait_for_reason("pinging", "MeasurementInvalid")
    assert "net.ipv4.ping_group_range of the node" in workbench.condition(check, "Healthy")["message"]
    with ping_sockets(65532):
        host.wait_for_reason("pinging", "WithinThresholds")

    host.wait_for_reason("crossed", "WithinThresholds")
    assert wait_for_port(host, "crossed") == taken + 2, "the next pair"


def wait_for_port(bench: Bench, name: str) -> int:
    """Where the check's agent listens."""
    (deployment,) = wait_for("a Deployment", lambda: bench.children("deployments", name), seconds=30)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return int(container["ports"][0]["containerPort"])


def take_port(bench: Bench, port: int) -> int:
    """Have another pod listen on the node's port, as far as the scheduler knows."""
    container = {"name": "pause", "image": "localhost/pause:1", "ports": [{"containerPort": port}]}
    workbench.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "neighbour", "namespace": bench.namespace},
            "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 0, "containers": [container]},
        }
    )
    wait_for(
        "the neighbour on the node",
        lambda: workbench.get("pod", "neighbour", namespace=bench.namespace)["spec"].get("nodeName"),
        seconds=30,
    )
    return port


@pytest.mark.slow
def test_a_node_that_stays_lost_is_named_and_another_pod_measures_on(bench: Bench) -> None:
    taints = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
    soon = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5} for key in taints
    ]
    bench.declare("lost", **every_second(placement={"tolerations": soon}))
    bench.wait_for_reason("lost", "WithinThresholds")
    pod = bench.probe_pod("lost")
    where = f"pod {pod['metadata']['name']} on node {pod['spec']['nodeName']} is not ready"
    with lost(pod):
        bench.wait_for_reason("lost", "StaleResults")
        said = bench.wait_for_ready("lost", status="False", saying=where, seconds=120)
        assert "tolerationSeconds in placement.tolerations" in said
        with tainted(pod["spec"]["nodeName"]):
            bench.wait_for_ready("lost", status="False", saying="does not run: Unschedulable", seconds=60)
            assert bench.healthy("lost")["reason"] == "StaleResults"
    wait_for(
        "another pod",
        lambda: bench.probe_pod("lost")["metadata"]["uid"],
        lambda uid: uid != pod["metadata"]["uid"],
        seconds=60,
    )
    assert "outages" not in bench.wait_for_reason("lost", "WithinThresholds")["status"]
    bench.wait_for_ready("lost", status="True", saying="runs the agent")


@pytest.mark.slow
def test_a_cron_round_whose_pod_a_quota_forbids_is_named_and_heals(bench: Bench) -> None:
    limit_pods(bench, 0)
    bench.declare("minutely", target=FAR_A, schedule={"cron": "* * * * *"}, probes=[QUICK])
    said = bench.wait_for_ready(
        "minutely", status="False", saying="no pod was made for the round", seconds=120
    )
    assert f"kubectl describe job -n {bench.namespace} -l ipsecping.dev/check=minutely" in said
    jobs = kubectl("describe", "job", "-n", bench.namespace, "-l", "ipsecping.dev/check=minutely")
    assert "exceeded quota: pods" in jobs
    assert bench.healthy("minutely")["status"] == "Unknown"
    limit_pods(bench, 5)
    bench.wait_for_reason("minutely", "WithinThresholds", seconds=240)
    bench.wait_for_ready("minutely", status="True", saying="runs a round", seconds=20)
