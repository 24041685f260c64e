"""The condition Ready: whether what measures is there and runs, and why not."""

from collections.abc import Mapping
from typing import Any

import pytest

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.compile import CompiledCheck, Cron
from ipsecping_operator.observe.projection import Child, Pod
from ipsecping_operator.report.readiness import readiness

from .builders import check, plan
from .objects import child, container, pod
from .states import shown, take_up

AVAILABLE: dict[str, Any] = {"observedGeneration": 1, "availableReplicas": 1}


def ready(of: CompiledCheck, *objects: Child | Pod, counted: Mapping[str, str | None] | None = None) -> Any:
    state = shown(None, *objects)
    take_up(state, of)
    for pod_uid, fault in (counted or {}).items():
        state.observed.message_read(pod_uid, fault)
    return readiness(state)


def test_an_available_deployment_is_reconciled() -> None:
    found = ready(check(), child(**AVAILABLE))
    assert (found.reason, found.message) == (ReadyReason.RECONCILED, "Deployment hq runs the agent")


def test_a_deployment_that_has_not_seen_its_newest_spec_is_not_ready_yet() -> None:
    found = ready(check(), child(observedGeneration=0, availableReplicas=1))
    assert found.reason is ReadyReason.WORKLOAD_UNAVAILABLE
    assert found.message == "Deployment hq: its pod is not available yet"


def crash_loop(ended: dict[str, Any]) -> dict[str, Any]:
    """Status of a pod whose container ends time and again."""
    said = {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting"}
    (waits,) = container(waiting=said)["containerStatuses"]
    return {"containerStatuses": [{**waits, "lastState": {"terminated": ended}}]}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            container(waiting={"reason": "ImagePullBackOff", "message": "Back-off pulling image"}),
            "pod hq-1 does not run: ImagePullBackOff: Back-off pulling image; the node has to be able to "
            "pull the probe image (--probe-image of the operator, placement.imagePullSecrets, "
            "or imagePullSecrets in --probe-defaults); "
            "the kubelet "
            "tries again by itself",
        ),
        (
            container(terminated={"reason": "Error", "exitCode": 2, "message": "\x00secret"}),
            "pod hq-1 does not run: Error: exit code 2",
        ),
        (
            crash_loop({"reason": "Error", "exitCode": 2, "message": "\x00secret"}),
            "pod hq-1 does not run: Error: exit code 2; CrashLoopBackOff: back-off 20s restarting",
        ),
        (
            crash_loop({"reason": "OOMKilled", "exitCode": 137}),
            "pod hq-1 does not run: OOMKilled: exit code 137; CrashLoopBackOff: back-off 20s restarting; "
            "its memory limit is too small, or its node has none left: placement.resources, or resources in "
            "--probe-defaults of the operator, give it more; where both are silent, a LimitRange may set the "
            "limit",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes are available",
                    }
                ]
            },
            "pod hq-1 does not run: Unschedulable: 0/1 nodes are available",
        ),
        (container(waiting={"reason": "ContainerCreating"}), "its pod is not available yet"),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
            | container(terminated={"reason": "Error", "exitCode": 137}),
            "pod hq-1 does not run: Evicted: low on memory",
        ),
        (
            {"phase": "Succeeded"} | container(terminated={"reason": "Completed", "exitCode": 0}),
            "pod hq-1 on node n-1 was told to end (evicted, or the node shut down)",
        ),
        (
            {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
            | container(running={}),
            "pod hq-1 on node n-1 is not ready: it has just started, its agent does not answer, or the node "
            "is lost; then another takes its place after 5 minutes, or sooner by tolerationSeconds in "
            "placement.tolerations",
        ),
        (
            {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
            "its pod is not available yet",
        ),
    ],
    ids=[
        "image",
        "crash",
        "crashes",
        "memory",
        "unschedulable",
        "creating",
        "evicted",
        "ended",
        "unready",
        "ready",
    ],
)
def test_why_the_pod_does_not_run_stands_in_the_message(status: dict[str, Any], said: str) -> None:
    found = ready(check(), child(), pod(spec={"nodeName": "n-1"}, **status))
    assert found.message == f"Deployment hq: {said}"


def test_the_newest_pod_that_stays_is_the_one_to_speak_of() -> None:
    image = container(waiting={"reason": "InvalidImageName", "message": "no"})
    lost = pod("hq-1", uid="p-1", version=1, spec={"nodeName": "n-1"}, deleting=True, phase="Running")
    found = ready(check(), child(), lost, pod("hq-2", uid="p-2", version=2, **image))
    assert "pod hq-2 does not run: InvalidImageName: no; the node has to" in found.message


def test_a_pod_that_the_cluster_refuses_to_make_is_said() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "pods is forbidden: exceeded quota"}
    found = ready(check(), child(conditions=[failure]))
    assert found.message == (
        "Deployment hq: no pod can be made: pods is forbidden: exceeded quota; raise that ResourceQuota, or "
        "free some of it (of finished rounds spec.schedule.history keeps fewer); what it asks for is "
        "placement.resources; Kubernetes tries again by itself, after pauses that grow to a quarter of an "
        "hour"
    )


def test_that_no_pod_can_be_made_is_said_before_what_became_of_earlier_ones() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "no"}
    evicted = pod(phase="Failed", reason="Evicted", message="low on memory")
    found = ready(check(), child(conditions=[failure]), evicted)
    assert found.message == "Deployment hq: no pod can be made: no"


CRON = check(plan(interval_ms=None), schedule=Cron(line="*/5 * * * *", time_zone="Europe/Berlin"))


def test_a_cron_job_is_ready_when_it_is_there() -> None:
    found = ready(CRON, child("CronJob"))
    assert found.reason is ReadyReason.RECONCILED
    assert found.message == 'CronJob hq runs a round at each "*/5 * * * *" (Europe/Berlin)'
    assert ready(CRON).message == "the CronJob of path default is not there yet"


def test_only_the_newest_round_decides() -> None:
    failed = pod("hq-1", uid="p-1", version=5, owner_kind="Job", phase="Failed")
    fine = pod("hq-2", uid="p-2", version=6, owner_kind="Job", phase="Succeeded")
    fault = {"p-1": "OOMKilled, exit code 137"}
    assert ready(CRON, child("CronJob"), failed, counted=fault).message.startswith(
        "the newest round gave no result: pod hq-1: OOMKilled, exit code 137; its memory limit is too small"
    )
    both = ready(CRON, child("CronJob"), failed, fine, counted=fault | {"p-2": None})
    assert both.reason is ReadyReason.RECONCILED


def test_a_round_that_is_just_starting_is_no_fault() -> None:
    creating = pod(owner_kind="Job", phase="Pending", **container(waiting={"reason": "ContainerCreating"}))
    assert ready(CRON, child("CronJob"), creating).reason is ReadyReason.RECONCILED


def test_a_suspended_check_is_ready() -> None:
    assert ready(check(suspend=True)).reason is ReadyReason.SUSPENDED
