"""Which port an agent on its node's own network gets, and when it moves to another."""

from typing import Any

import pytest

from ipsecping_operator.observe.projection import Child, Pod
from ipsecping_operator.reconcile.host_ports import host_ports

from .builders import check
from .objects import child, pod
from .states import shown, take_up


def on_port(port: int, **more: Any) -> dict[str, Any]:
    """A pod spec."""
    return {"containers": [{"name": "probe", "ports": [{"name": "http", "containerPort": port}]}]} | more


def deployment(port: int, *, host_network: bool = True) -> Child:
    return child(template=on_port(port, hostNetwork=host_network))


def unplaced(port: int) -> Pod:
    """One for which the scheduler finds no node with that port free."""
    said = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    return pod("hq-2", uid="p-2", version=2, spec=on_port(port), phase="Pending", conditions=[condition])


def ports(*objects: Child | Pod, host_network: bool = True) -> dict[str, int]:
    state = shown(None, *objects)
    take_up(state, check(host_network=host_network))
    return dict(host_ports(state))


def test_an_agent_without_a_deployment_begins_with_its_own() -> None:
    assert ports() == {}


def test_an_agent_keeps_the_port_that_its_deployment_has() -> None:
    assert ports(deployment(20_776)) == {"default": 20_776}
    assert ports(deployment(20_776), pod(spec=on_port(20_776), phase="Running")) == {"default": 20_776}


@pytest.mark.parametrize(("taken", "then"), [(20_776, 20_778), (29_998, 20_000)])
def test_it_leaves_a_port_that_no_node_has_free(taken: int, then: int) -> None:
    assert ports(deployment(taken), unplaced(taken)) == {"default": then}


def test_it_moves_once_however_often_the_old_pod_is_seen() -> None:
    assert ports(deployment(20_778), unplaced(20_776)) == {"default": 20_778}


def test_it_waits_for_a_pod_of_its_own_that_still_ends() -> None:
    ending = pod("hq-1", spec=on_port(20_776), deleting=True, phase="Running")
    assert ports(deployment(20_776), ending, unplaced(20_776)) == {"default": 20_776}


def pod_for(node: str) -> dict[str, Any]:
    match = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [match]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def daemon_set_pods(*, ending_on: str) -> tuple[Pod, Pod]:
    """One that ends on a node, and one that finds its port taken on node w1."""
    said = (
        "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 2 node(s) ..."
    )
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    ending = pod(
        "hq-1",
        owner_kind="DaemonSet",
        spec=on_port(20_776, nodeName=ending_on),
        deleting=True,
        phase="Running",
    )
    waiting = pod(
        "hq-2",
        uid="p-2",
        version=2,
        owner_kind="DaemonSet",
        spec=on_port(20_776, affinity=pod_for("w1")),
        phase="Pending",
        conditions=[condition],
    )
    return ending, waiting


def test_agents_of_a_daemon_set_move_together_but_for_a_port_that_is_given_back_there() -> None:
    daemon_set = child("DaemonSet", template=on_port(20_776, hostNetwork=True))
    assert ports(daemon_set, *daemon_set_pods(ending_on="w1")) == {"default": 20_776}
    assert ports(daemon_set, *daemon_set_pods(ending_on="w2")) == {"default": 20_778}


def test_a_daemon_set_waits_for_the_port_of_the_deployment_that_it_replaces() -> None:
    daemon_set = child("DaemonSet", template=on_port(20_776, hostNetwork=True))
    _, waiting = daemon_set_pods(ending_on="w1")
    before = pod("hq-0", uid="p-0", spec=on_port(20_776, nodeName="w1"), phase="Running")
    assert ports(daemon_set, before, waiting) == {"default": 20_776}


def test_an_odd_port_of_an_operator_before_health_had_a_port_is_not_kept() -> None:
    assert ports(deployment(20_777)) == {}


def test_a_deployment_on_a_network_of_its_own_says_nothing_of_ports() -> None:
    assert ports(deployment(9109, host_network=False)) == {}
    assert ports(deployment(20_776), host_network=False) == {}
