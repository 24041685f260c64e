"""End a round's pod that others keep running: its Job would hold back the next round.

A sidecar that was injected as an ordinary container does not end with the container `probe`. The kubelet
ends the whole pod when its time is over; the Job counts as failed then, although the round is counted.
"""

from contextlib import suppress
from functools import partial

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import Conflict, NotFound
from ipsecping_operator.kube.kinds import POD
from ipsecping_operator.logs import Log
from ipsecping_operator.observe.projection import END_SECONDS, Pod
from ipsecping_operator.reconcile.several import several


def lingering(state: CheckState) -> list[Pod]:
    """Return the pods whose result was read and that run on nevertheless."""
    return [
        pod
        for pod in state.observed.own_pods
        if pod.lingers
        and not pod.restarts
        and not pod.meta.deleting
        and pod.meta.uid in state.observed.messages
    ]


async def end_lingering(state: CheckState, *, client: KubeClient, log: Log) -> None:
    """Have the kubelet end these pods. Raises ApiError."""
    await several(partial(_end, pod, client=client, log=log) for pod in lingering(state))


async def _end(pod: Pod, *, client: KubeClient, log: Log) -> None:
    body = {"metadata": {"uid": pod.meta.uid}, "spec": {"activeDeadlineSeconds": END_SECONDS}}
    log.debug("pod %s has measured and is ended: a container beside it runs on", pod.meta.name)
    with suppress(NotFound, Conflict):  # it has gone, or another has its name
        await client.merge(POD, pod.meta.namespace, pod.meta.name, body)
