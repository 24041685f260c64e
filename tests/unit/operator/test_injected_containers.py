"""Containers that others put into a probe's pod: none hides its result or holds back the next round."""

from typing import Any

import pytest

from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.reconcile.lingering import lingering

from .objects import pod
from .states import shown

RESULT = {"name": "probe", "state": {"terminated": {"exitCode": 0, "reason": "Completed", "message": "mine"}}}
PROXY_RUNS: dict[str, Any] = {"name": "istio-proxy", "state": {"running": {}}}
PROXY_ENDED = {"name": "istio-proxy", "state": {"terminated": {"exitCode": 0, "message": "the proxy's"}}}


def round_pod(*containers: dict[str, Any], phase: str = "Running", **more: Any) -> Pod:
    spec = {"restartPolicy": "Never", **more.pop("spec", {})}
    return pod(owner_kind="Job", phase=phase, containerStatuses=list(containers), spec=spec, **more)


@pytest.mark.parametrize("proxy", [PROXY_RUNS, PROXY_ENDED], ids=["runs", "ended"])
def test_the_message_is_read_of_the_container_probe_as_soon_as_it_has_ended(proxy: dict[str, Any]) -> None:
    # The kubelet sorts them by name: a proxy may stand first.
    seen = round_pod(proxy, RESULT)
    assert seen.finished
    assert seen.ended is not None
    assert seen.ended.message == "mine"


def test_a_proxy_that_ended_is_no_end_of_the_round() -> None:
    seen = round_pod(PROXY_ENDED, {"name": "probe", "state": {"running": {}}})
    assert not seen.finished
    assert seen.ended is None


def test_an_agent_that_is_started_again_is_not_finished() -> None:
    assert not pod(phase="Running", containerStatuses=[PROXY_RUNS, RESULT]).finished


def test_a_round_s_pod_that_a_sidecar_keeps_is_ended_once_its_result_was_read() -> None:
    kept = round_pod(PROXY_RUNS, RESULT)
    state = shown(None, kept)
    assert lingering(state) == [], "its result is not read yet"
    state.observed.message_read(kept.meta.uid, None)
    assert [each.meta.uid for each in lingering(state)] == [kept.meta.uid]


@pytest.mark.parametrize(
    "seen",
    [
        round_pod(RESULT),
        round_pod(PROXY_ENDED, RESULT, phase="Succeeded"),
        round_pod(RESULT, initContainerStatuses=[{"name": "istio-proxy", "state": {"running": {}}}]),
        round_pod(PROXY_RUNS, RESULT, spec={"activeDeadlineSeconds": 1}),
        round_pod(PROXY_RUNS, RESULT, deleting=True),
        pod(phase="Running", containerStatuses=[PROXY_RUNS, RESULT]),
    ],
    ids=["alone", "all-ended", "native-sidecar", "ending", "deleting", "agent"],
)
def test_no_other_pod_is_ended(seen: Pod) -> None:
    state = shown(None, seen)
    state.observed.message_read(seen.meta.uid, None)
    assert lingering(state) == []


def test_what_keeps_an_injected_container_from_starting_is_said_with_its_name() -> None:
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    probe = {"name": "probe", "state": {"waiting": {"reason": "PodInitializing"}}}
    seen = pod(
        phase="Pending",
        initContainerStatuses=[{"name": "istio-init", "state": waits}],
        containerStatuses=[probe],
    )
    assert seen.waiting == "container istio-init: ImagePullBackOff: no such image"
    ours = pod(phase="Pending", containerStatuses=[{"name": "a", "state": waits}, probe | {"state": waits}])
    assert ours.waiting == "ImagePullBackOff: no such image"
