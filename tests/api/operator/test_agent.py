"""Results of a real agent: followed over its stream, judged, kept over every restart."""

import json
import signal
import time
from pathlib import Path

import pytest

from ipsecping_operator.children import NONCE_ANNOTATION, ChildSettings
from ipsecping_operator.kube.transport import FIELD_MANAGER

from .cluster import RUNNING, Cluster
from .processes import OperatorProcess, children_of, eventually
from .reflectors import Reflector, spec

OLD_WINDOW = 24
"""Packets in a window of 5 s at the most: six rounds."""


@pytest.mark.smoke
def test_what_the_agent_measures_stands_in_the_status(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    cluster.measured(spec(reflector.port))
    cluster.says("Ready", "True", "Reconciled")
    status = cluster.shows(lambda seen: seen["probes"][0]["sent"] >= 12, what="a window of rounds")
    (probe,) = status["probes"]
    assert probe["type"] == "STAMP"
    assert probe["sent"] == probe["received"]
    assert (probe["forwardLossPercent"], probe["reverseLossPercent"]) == ("0.00", "0.00")
    assert 0 < float(probe["rtt"]["p50"].removesuffix("ms")) < 100
    remote = f'ipsecping_path_info{{check="hq",namespace="{cluster.kubectl.namespace}"'
    assert f'{remote},path="default",remote_ip="127.0.0.1"' in operator.ask(operator.metrics)[1]


def test_a_target_that_falls_silent_is_down_and_heals_when_the_loss_leaves_the_window(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    cluster.measured(spec(reflector.port))
    reflector.end(signal.SIGKILL)
    assert "on default/datapath" in cluster.says("Healthy", "False", "Down")
    reflector.launch()
    cluster.says("Healthy", "True", "WithinThresholds")
    (outage,) = cluster.status()["outages"]
    assert outage["reason"] == "Down"
    assert outage["end"] > outage["start"]
    assert "answers again since" in outage["message"]


def test_a_killed_operator_loses_no_result_that_the_agent_holds(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    cluster.check(spec(reflector.port, window="10m"))
    agent = cluster.run_agent()
    eventually(lambda: cluster.figures().get("sent", 0) >= 12, what="some rounds")
    operator.end(signal.SIGKILL)
    time.sleep(4)
    operator.start()
    eventually(lambda: operator.results("Accepted") >= 8, what="the ring read again")
    assert operator.results("Missed") == 0
    cluster.counts_all_of(agent)
    told = cluster.figures()["sent"]
    eventually(lambda: operator.results("Accepted") * 4 >= told, what="all of them on /metrics")


def test_an_agent_that_dies_turns_the_check_unknown_within_two_intervals_and_a_round(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port))
    agent.process.end(signal.SIGKILL)
    cluster.says("Healthy", "Unknown", "StaleResults", seconds=10)
    assert cluster.figures()["received"] > 0, "what was measured stays, with its time"


def test_a_lost_node_makes_the_check_unknown_until_a_pod_runs_elsewhere(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port))
    assert agent.process.running is not None
    # What is seen of it: the connection stays, nothing comes, and the node controller calls the pod unready.
    agent.process.running.send_signal(signal.SIGSTOP)
    deployment = cluster.one("deployment")["metadata"]["name"]
    cluster.set_status("deployment", deployment, {"readyReplicas": 0, "availableReplicas": 0})
    cluster.says("Healthy", "Unknown", "StaleResults")
    cluster.says("Ready", "False", "WorkloadUnavailable")
    cluster.run_agent()
    cluster.says("Healthy", "True", "WithinThresholds")
    cluster.says("Ready", "True", "Reconciled")
    assert "outages" not in cluster.status(), "silence is no outage"


def test_another_pod_at_a_reused_address_is_not_believed(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port))
    deployment = cluster.one("deployment")
    # A second pod of the same Deployment, at the first one's address and port.
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    container["ports"] = cluster.kubectl.get("pod", agent.name)["spec"]["containers"][0]["ports"]
    other = cluster.pod(deployment, template, ("apps/v1", "ReplicaSet"))
    cluster.set_status("pod", other["metadata"]["name"], RUNNING)
    eventually(lambda: operator.results("ForeignPod") >= 1, what="the wrong pod found out")
    assert operator.results("Duplicate") == 0
    assert cluster.condition("Healthy")["status"] == "True"


def test_an_edited_plan_is_followed_without_a_gap_or_a_restart(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port))
    edited = spec(reflector.port)
    edited["probes"][0]["count"] = 8
    cluster.check(edited)
    eventually(
        lambda: '"count": 8' in cluster.one("configmap")["data"]["plan.json"],
        what="the new plan in its ConfigMap",
    )
    time.sleep(2)  # the kubelet takes its time
    assert cluster.condition("Healthy")["status"] == "True"
    assert cluster.figures()["sent"] <= OLD_WINDOW
    plan = json.loads(cluster.one("configmap")["data"]["plan.json"])
    directory = Path(agent.process.log).parent
    (directory / "next").write_text(json.dumps(plan))
    (directory / "next").replace(directory / "plan.json")
    seen = set[int]()

    def grown() -> bool:
        seen.add(cluster.figures()["sent"])
        return max(seen) > OLD_WINDOW

    eventually(grown, what="a window of the new plan")
    assert all(sent % 8 == 0 or sent <= OLD_WINDOW for sent in seen), "no window has rounds of both"
    assert cluster.condition("Healthy")["status"] == "True"
    assert operator.results("OtherPlan") == 0
    assert cluster.warnings() == []


def test_a_pod_that_a_killed_operator_did_not_tell_of_its_plan_is_told_by_the_next(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port))
    operator.end(signal.SIGKILL)
    edited = spec(reflector.port)
    edited["probes"][0]["count"] = 8
    cluster.check(edited)
    # What the operator did just before it was killed: the children of the edited check, and nothing more.
    settings = ChildSettings(probe_image="registry.example.com/probe:1", image_pull_policy=None)
    for child in children_of(cluster.kubectl.get("itc", "hq"), settings):
        apply = ("apply", "--server-side", "--field-manager", FIELD_MANAGER, "--force-conflicts", "-f", "-")
        cluster.kubectl(*apply, stdin=json.dumps(child))
    nonce = cluster.one("configmap")["metadata"]["annotations"][NONCE_ANNOTATION]
    operator.start()
    eventually(
        lambda: cluster.annotation(agent.name, NONCE_ANNOTATION) == nonce,
        what="the pod told of its plan",
    )
