"""Does a pod belong to a check? By its chain of controllers, not by its labels, which anybody can copy."""

from collections.abc import Iterable
from enum import Enum

from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import JOB, REPLICA_SET
from ipsecping_operator.kube.observed import Child, Pod, controller

_CHAINS = {"ReplicaSet": (REPLICA_SET, "Deployment"), "Job": (JOB, "CronJob")}


class Ownership(Enum):
    """What is known of a pod."""

    OWN = "own"
    FOREIGN = "foreign"
    UNDECIDED = "undecided"
    """Its workload has not been seen yet."""


async def ownership(
    pod: Pod, *, check_uid: str, namespace: str, children: Iterable[Child], client: KubeClient
) -> Ownership:
    """Follow pod, ReplicaSet or Job, Deployment or CronJob, check: every link by UID. Raises ApiError."""
    owner = pod.meta.owner
    if owner is None or owner.kind not in _CHAINS or pod.meta.namespace != namespace:
        return Ownership.FOREIGN
    between, top_kind = _CHAINS[owner.kind]
    middle = await client.get(between, namespace, owner.name)
    if middle is None or middle["metadata"]["uid"] != owner.uid:
        return Ownership.FOREIGN
    top = controller(middle["metadata"])
    if top is None or top.kind != top_kind:
        return Ownership.FOREIGN
    for child in children:
        if child.meta.kind == top_kind and child.meta.uid == top.uid:
            mine = child.meta.owner is not None and child.meta.owner.uid == check_uid
            return Ownership.OWN if mine else Ownership.FOREIGN
    return Ownership.UNDECIDED
