"""A check from every node: a DaemonSet, which nodes lack an agent, and the switch to and from it."""

from .cluster import Cluster
from .processes import OperatorProcess, eventually

EVERYWHERE = {"placement": {"everyNode": True}}


def test_every_node_has_an_agent_and_ready_names_those_without(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(EVERYWHERE)
    daemon_set = cluster.one("daemonset")
    assert cluster.children("deployment") == []
    name = daemon_set["metadata"]["name"]
    pods = {node: cluster.node_pod(daemon_set, node) for node in ("w1", "w2", "w3")}
    pull = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    container = {"name": "probe", "image": "probe:1", "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Pending", "containerStatuses": [container | {"state": pull}]}
    cluster.set_status("pod", pods["w2"], status)
    cluster.count_nodes(name, desired=3, available=2)

    said = cluster.says("Ready", "False", "WorkloadUnavailable", saying="w2: ImagePullBackOff")
    assert said.startswith(f"DaemonSet {name}: waiting for 1 of 3 nodes: ")
    cluster.set_status("pod", pods["w2"], {"phase": "Running", "containerStatuses": []})
    cluster.count_nodes(name, desired=3, available=3)
    said = cluster.says("Ready", "True", "Reconciled")
    assert said == f"DaemonSet {name} runs the agent on 3 nodes"
    # A node joins: it is waited for by number until its pod is there.
    cluster.count_nodes(name, desired=4, available=3)
    cluster.says("Ready", "False", "WorkloadUnavailable", saying="waiting for 1 of 4 nodes")


def test_an_edit_moves_a_check_to_every_node_and_back_and_leaves_one_workload(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({})
    cluster.one("deployment")
    plan = cluster.one("configmap")["metadata"]["uid"]
    cluster.check(EVERYWHERE)
    cluster.one("daemonset")
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")
    cluster.check({"placement": {"everyNode": False}})
    cluster.one("deployment")
    eventually(lambda: not cluster.children("daemonset"), what="the DaemonSet removed")
    assert cluster.one("configmap")["metadata"]["uid"] == plan


def test_a_suspended_check_has_no_agents_and_a_resumed_one_has_them_again(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(EVERYWHERE)
    cluster.one("daemonset")
    cluster.check(EVERYWHERE | {"suspend": True})
    eventually(lambda: not cluster.children("daemonset"), what="the DaemonSet removed")
    cluster.says("Ready", "True", "Suspended")
    cluster.check(EVERYWHERE)
    cluster.one("daemonset")


def test_a_daemon_set_that_was_edited_by_hand_is_put_right_and_one_deleted_is_made_anew(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check(EVERYWHERE)
    name = cluster.one("daemonset")["metadata"]["name"]

    def selector() -> object:
        stored = cluster.kubectl.get("daemonset", name)
        return stored["spec"]["template"]["spec"].get("nodeSelector")

    patch = '{"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/os": "windows"}}}}}'
    cluster.kubectl("patch", "daemonset", name, "--type=merge", f"--patch={patch}")
    eventually(lambda: selector() == {"kubernetes.io/os": "linux"}, what="the edit undone")
    before = cluster.one("daemonset")["metadata"]["uid"]
    cluster.kubectl("delete", "daemonset", name, "--wait=true")
    eventually(lambda: cluster.one("daemonset")["metadata"]["uid"] != before, what="another DaemonSet")
