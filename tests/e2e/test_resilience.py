"""Children deleted, operators killed, checks deleted: nothing is lost, nothing is left behind."""

import json
from typing import Any

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.workbench import OPERATOR_NAMESPACE, kubectl, wait_for

from .bench import FAR_A, FAR_B, SHORT_WINDOW, STAMP, Bench, operator_pods

LONG_WINDOW = {"window": "30m", "lossPercent": "50"}


def test_a_child_deleted_by_hand_comes_back(bench: Bench) -> None:
    bench.declare("mended", target=FAR_A, schedule={"interval": "2s"}, thresholds=SHORT_WINDOW)
    for kind in ("deployments", "configmaps"):
        (child,) = wait_for(kind, lambda k=kind: bench.children(k, "mended"), seconds=30)  # type: ignore[misc]
        kubectl("-n", bench.namespace, "delete", kind, child["metadata"]["name"], "--wait=false")
        wait_for(
            f"{kind} to come back",
            lambda k=kind: bench.children(k, "mended"),  # type: ignore[misc]
            lambda now, old=child: [c["metadata"]["uid"] for c in now] not in ([], [old["metadata"]["uid"]]),  # type: ignore[misc]
            seconds=30,
        )
    bench.wait_for_reason("mended", "WithinThresholds")


@pytest.mark.usefixtures("tunnel")
def test_killing_the_operator_in_the_middle_of_a_minute_loses_no_result(bench: Bench) -> None:
    bench.count(103, target=FAR_B)
    spec: dict[str, Any] = {
        "target": FAR_B,
        "schedule": {"interval": "1s"},
        "thresholds": LONG_WINDOW,
        # The timeout is long: an answer that a busy machine delays must not make the two books differ.
        "probes": [STAMP | {"count": 5, "timeout": "2s", "size": 103}],
    }
    bench.declare("counted", **spec)
    bench.wait_for_reason("counted", "WithinThresholds")
    (operator,) = operator_pods()
    kubectl(
        "-n", OPERATOR_NAMESPACE, "delete", "pod", operator["metadata"]["name"], "--grace-period=0", "--force"
    )
    wait_for(
        "a new operator pod",
        lambda: [p["metadata"]["name"] for p in operator_pods() if ready(p)],
        lambda names: bool(names) and names != [operator["metadata"]["name"]],
        seconds=90,
    )
    before = bench.check("counted")["status"]["probes"][0]["sent"]
    wait_for(
        "figures of the new operator",
        lambda: bench.check("counted")["status"]["probes"][0]["sent"],
        lambda sent: sent > before + 10,
        seconds=120,
    )
    bench.declare("counted", **spec, suspend=True)
    bench.wait_for_reason("counted", "Suspended")
    wait_for("no agent pod", lambda: bench.children("pods", "counted"), lambda p: not p, seconds=40)
    counters = bench.counted()
    probe = bench.settled("counted", counters)
    assert probe["received"] == counters["reverse_after_decryption"]


def ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def test_deleting_a_check_cleans_up_at_once_also_while_the_operator_is_down(bench: Bench) -> None:
    bench.declare("gone", target=FAR_A, schedule={"interval": "5s"})
    wait_for("a Deployment", lambda: bench.children("deployments", "gone"), seconds=30)
    scale = ("-n", OPERATOR_NAMESPACE, "scale", "deployment/ipsecping-operator")
    kubectl(*scale, "--replicas=0")
    try:
        wait_for("no operator", operator_pods, lambda pods: not pods, seconds=60)
        kubectl("-n", bench.namespace, "delete", "itc", "gone", "--timeout=10s")
        for kind in ("deployments", "configmaps", "pods"):
            wait_for(
                f"no {kind}",
                lambda k=kind: bench.children(k, "gone"),  # type: ignore[misc]
                lambda found: not found,
                seconds=60,
            )
    finally:
        kubectl(*scale, "--replicas=1")
        kubectl(
            "-n", OPERATOR_NAMESPACE, "rollout", "status", "deployment/ipsecping-operator", "--timeout=90s"
        )


def test_a_check_whose_pod_is_gone_turns_unknown(bench: Bench) -> None:
    spec = {"target": FAR_A, "schedule": {"interval": "2s"}, "probes": [STAMP | {"spacing": "20ms"}]}
    bench.declare("stale", **spec)
    bench.wait_for_reason("stale", "WithinThresholds")
    bench.declare("stale", **spec, placement={"nodeSelector": {"no-such": "node"}})
    check = bench.wait_for_reason("stale", "StaleResults")
    assert workbench.condition(check, "Healthy")["status"] == "Unknown"
    wait_for(
        "Ready=False WorkloadUnavailable",
        lambda: workbench.condition(bench.check("stale"), "Ready"),
        lambda c: (c.get("status"), c.get("reason")) == ("False", "WorkloadUnavailable"),
        seconds=60,
    )


def test_an_edit_of_the_plan_reaches_the_agent_without_a_restart(bench: Bench) -> None:
    bench.declare("edited", target=FAR_A, schedule={"interval": "2s"}, thresholds=SHORT_WINDOW)
    bench.wait_for_reason("edited", "WithinThresholds")
    pod = bench.probe_pod("edited")
    probes = [
        {"name": "ping", "count": 3, "icmp": {}},
        {"name": "echo", "count": 3, "udpEcho": {"port": 55055}},
    ]
    bench.declare("edited", target=FAR_A, schedule={"interval": "2s"}, thresholds=SHORT_WINDOW, probes=probes)
    wait_for(
        "figures of the new probe",
        lambda: [p["name"] for p in bench.check("edited")["status"].get("probes", [])],
        lambda names: "echo" in names,
        seconds=40,
    )
    after = bench.probe_pod("edited")
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"target": FAR_A, "schedule": {"interval": "30s", "cron": "* * * * *"}}, "spec.schedule"),
        ({"target": FAR_A, "schedule": {"interval": "0s"}}, "spec.schedule.interval"),
        ({"target": "10.50.1.999"}, "spec.target"),
        ({"target": "not an address"}, "spec.target"),
        ({}, "spec.target"),
    ],
    ids=["two-schedules", "interval-of-0", "bad-address", "bad-name", "no-target"],
)
def test_a_wrong_check_is_refused_at_kubectl_apply_with_the_name_of_the_field(
    bench: Bench, spec: dict[str, Any], field: str
) -> None:
    said = workbench.kubectl_refused("apply", "-f", "-", stdin=json.dumps(bench.manifest("wrong", **spec)))
    assert field in said
