"""A path measured from every node: whose its pods are, which nodes lack one, and what Ready says of them."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract.result_stream import Hello, Item
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.collect.lineage import Lineage
from ipsecping_operator.collect.ownership import Ownership, ownership
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.observe.projection import Child, Pod
from ipsecping_operator.permission import Permissions
from ipsecping_operator.report.readiness import readiness
from ipsecping_operator.tokens.keys import TokenKeys

from .agent_server import Send, encoded, serving
from .builders import NOON, SECOND, UID, check, plan, result
from .handled import Handled
from .objects import child, container, pod
from .states import shown, take_up

EVERYWHERE = check(every_node=True)
READY: dict[str, Any] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def daemon_set(desired: int = 3, *, scheduled: int | None = None, available: int = 3, **status: Any) -> Child:
    counts = {
        "observedGeneration": 1,
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": desired if scheduled is None else scheduled,
        "updatedNumberScheduled": desired if scheduled is None else scheduled,
        "numberAvailable": available,
    }
    return child("DaemonSet", **(counts | status))


def on(node: str, number: int, **status: Any) -> Pod:
    return pod(
        f"hq-{number}",
        uid=f"p-{number}",
        version=number,
        owner_kind="DaemonSet",
        spec={"nodeName": node},
        **(READY | status),
    )


def said(*objects: Child | Pod) -> str:
    state = shown(None, *objects)
    take_up(state, EVERYWHERE)
    found = readiness(state)
    assert (found.reason is ReadyReason.RECONCILED) is found.message.startswith("DaemonSet hq runs")
    return found.message


@pytest.mark.parametrize(
    ("desired", "text"),
    [(3, "DaemonSet hq runs the agent on 3 nodes"), (1, "DaemonSet hq runs the agent on 1 node")],
)
def test_it_is_ready_once_every_node_has_its_agent(desired: int, text: str) -> None:
    assert said(daemon_set(desired, available=desired)) == text


def test_which_nodes_lack_one_and_why_is_said() -> None:
    pull = {"reason": "ImagePullBackOff", "message": "Back-off"}
    nodes = (on("w1", 1), on("w2", 2, phase="Pending", conditions=[], **container(waiting=pull)))
    text = said(daemon_set(available=1), *nodes, on("w3", 3, conditions=[]))
    assert text.startswith(
        "DaemonSet hq: waiting for 2 of 3 nodes: w2: ImagePullBackOff: Back-off; the node has to"
    )
    assert "; w3: its agent has just started or does not answer, or the node is lost" in text


def test_a_pod_that_never_ends_shows_its_node_but_not_beside_another() -> None:
    lost = replace(on("w2", 2), meta=replace(on("w2", 2).meta, deleting=True))
    text = said(daemon_set(3, available=2), on("w1", 1), lost, on("w3", 3))
    assert text == (
        "DaemonSet hq: waiting for 1 of 3 nodes: w2: its pod is being deleted; where that does not end, the "
        "node is lost"
    )
    assert "deleted" not in said(daemon_set(2, available=1), on("w1", 1), on("w2", 3, conditions=[]), lost)


def test_nodes_of_one_reason_are_named_together_and_not_all_of_many() -> None:
    nodes = [on(f"w{number}", number, conditions=[]) for number in range(1, 9)]
    text = said(daemon_set(8, available=0), *nodes)
    assert text == (
        "DaemonSet hq: waiting for 8 of 8 nodes: w1, w2, w3 and 5 more: its agent has just started or does "
        "not answer, or the node is lost"
    )


def test_of_a_node_the_newest_pod_counts_that_stays() -> None:
    gone = pod(
        "hq-0", uid="p-0", owner_kind="DaemonSet", spec={"nodeName": "w1"}, deleting=True, phase="Running"
    )
    text = said(daemon_set(1, available=0), on("w1", 1, phase="Pending", conditions=[]), gone)
    assert text == "DaemonSet hq: waiting for 1 of 1 nodes: w1: its pod is starting"


def test_a_pod_that_no_quota_lets_be_made_is_said_with_where_to_look() -> None:
    text = said(daemon_set(3, scheduled=1, available=1), on("w1", 1))
    assert "waiting for 2 of 3 nodes: no pod was made for 2 of them" in text
    assert text.endswith("kubectl describe daemonset -n network hq")


def test_a_selector_that_no_node_meets_is_not_ready() -> None:
    assert "no node is for its pods: nodeSelector" in said(daemon_set(0, available=0))


def test_pods_of_the_revision_before_do_not_count() -> None:
    assert "waiting for 2 of 3 nodes" in said(daemon_set(3, updatedNumberScheduled=1))
    assert said(daemon_set(3, observedGeneration=0)) == "DaemonSet hq: its pods are not available yet"
    assert said() == "the DaemonSet of path default is not there yet"


def test_paths_of_both_kinds_are_said_apart() -> None:
    here = check(plan(path="other")).paths[0]
    mixed = replace(EVERYWHERE, paths=(*EVERYWHERE.paths, here))
    one = child(uid="d-2", observedGeneration=1, availableReplicas=1)
    one = replace(one, meta=replace(one.meta, path="other", name="hq-other"))
    state = shown(None, daemon_set(), one)
    take_up(state, mixed)
    assert readiness(state).message == (
        "Deployment hq-other runs the agent; DaemonSet hq runs the agent on 3 nodes"
    )


def test_an_unplaced_pod_is_known_by_the_node_it_was_made_for() -> None:
    match = {"key": "metadata.name", "operator": "In", "values": ["w7"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [match]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert pod(owner_kind="DaemonSet", spec={"affinity": affinity}).node == "w7"
    assert pod(spec={"affinity": affinity}).node is None, "any pod may prefer a node: it has none yet"


def owned(of: Pod, *children: Child) -> Ownership:
    class NoApi(KubeClient):
        def __init__(self) -> None:
            """Nothing has to be asked."""

    return asyncio.run(
        ownership(of, check_uid=UID, namespace="network", children=children, lineage=Lineage(NoApi()))
    )


def test_a_daemon_set_owns_its_pods_without_anything_between() -> None:
    mine = on("w1", 1)
    assert owned(mine, child("DaemonSet", uid="rs-1")) is Ownership.OWN
    assert owned(mine, child("DaemonSet", uid="rs-1", check_uid="another")) is Ownership.FOREIGN
    assert owned(mine, child("DaemonSet", uid="another")) is Ownership.UNDECIDED
    assert owned(mine, child("Deployment", uid="rs-1")) is Ownership.UNDECIDED, (
        "of the same UID but another kind"
    )


def collector(handled: Handled) -> Collector:
    unused: Any = None
    return Collector(
        lineage=unused,
        handler=handled,
        faults=Faults(count=lambda _: None),
        tokens=TokenKeys(()),
        clock=lambda: NOON + 60 * SECOND,
    )


async def test_after_a_switch_no_agent_of_the_workload_before_is_read() -> None:
    address: dict[str, Any] = {"podIP": "127.0.0.1"}
    before = pod("hq-0", uid="p-0", phase="Running", **address)
    state = shown(None, before, on("w1", 1, **address), on("w2", 2, **address))
    take_up(state, EVERYWHERE)
    made = collector(Handled())
    log = logging.LoggerAdapter(logging.getLogger(__name__), {})
    await made.sync(state, log=log)
    assert made.reading == 2
    take_up(state, check())
    await made.sync(state, log=log)
    assert made.reading == 1
    await made.close()


@pytest.mark.parametrize("everywhere", [True, False])
async def test_after_a_switch_the_last_results_of_an_agent_of_the_workload_before_do_not_count(
    everywhere: bool,
) -> None:
    switched, handled = asyncio.Event(), Handled()

    async def script(_: str | None, send: Send) -> None:
        await send(encoded(Hello(boot_id="boot-1", pod_uid="p-1", now=0, first=1)))
        for sequence in (1, 2):
            await send(encoded(Item(sequence=sequence, ended=0, result=result(of=plan()))))
            await switched.wait()

    async with serving(script) as port:
        spec = {"containers": [{"name": "probe", "ports": [{"name": "http", "containerPort": port}]}]}
        owner = "ReplicaSet" if everywhere else "DaemonSet"
        agent = pod(uid="p-1", owner_kind=owner, spec=spec, phase="Running", podIP="127.0.0.1")
        state = shown(None, agent)
        take_up(state, check(every_node=not everywhere))
        made = collector(handled)
        log = logging.LoggerAdapter(logging.getLogger(__name__), {})
        await made.sync(state, log=log)
        await handled.until(lambda: len(handled.fates) == 1)
        take_up(state, check(every_node=everywhere))
        await made.sync(state, log=log)
        switched.set()
        await handled.until(lambda: len(handled.fates) > 1)
        await made.close()
    assert handled.fates == [None, Rejection.OTHER_PLAN]
    (series,) = state.measured.series.values()
    assert series.basis.per_node is not everywhere, "the window before stands until there is another"


def test_a_namespace_may_be_kept_from_it() -> None:
    assert Permissions().refusal(EVERYWHERE) is None
    assert Permissions(every_node=frozenset({"network"})).refusal(EVERYWHERE) is None
    assert Permissions(every_node=frozenset()).refusal(EVERYWHERE) == (
        "spec.placement.everyNode: true is not permitted in namespace network: remove it, or have the "
        "operator run with --allow-every-node for the namespace"
    )
