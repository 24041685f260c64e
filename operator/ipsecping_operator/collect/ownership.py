"""Does a pod belong to a check? By its chain of controllers, not by its labels, which anybody can copy."""

from collections.abc import Iterable
from enum import Enum

from ipsecping_operator.kube.kinds import CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, REPLICA_SET
from ipsecping_operator.observe.projection import Child, Owner, Pod

from .lineage import Lineage

_TOPS = {REPLICA_SET.name: DEPLOYMENT, JOB.name: CRON_JOB}
"""What controls the pod's owner, by its kind."""


class Ownership(Enum):
    """Whether a pod is the check's own."""

    OWN = "own"
    FOREIGN = "foreign"
    UNDECIDED = "undecided"
    """Its workload has not been seen yet."""


async def ownership(
    pod: Pod, *, check_uid: str, namespace: str, children: Iterable[Child], lineage: Lineage
) -> Ownership:
    """Follow the controllers from the pod to the check, every link by UID. Raises ApiError.

    The links: pod, ReplicaSet or Job, Deployment or CronJob, check; of a DaemonSet: pod, DaemonSet, check.
    """
    owner = pod.meta.owner
    if owner is None or pod.meta.namespace != namespace:
        return Ownership.FOREIGN
    top: Owner | None
    if owner.kind == DAEMON_SET.name:
        top, kind = owner, DAEMON_SET
    elif owner.kind in _TOPS:
        top, kind = await lineage.controller_of(owner, namespace), _TOPS[owner.kind]
    else:
        return Ownership.FOREIGN
    if top is None or (top.group, top.kind) != (kind.group, kind.name):
        return Ownership.FOREIGN
    for child in children:
        if child.meta.kind == top.kind and child.meta.uid == top.uid:
            mine = child.meta.owner is not None and child.meta.owner.uid == check_uid
            return Ownership.OWN if mine else Ownership.FOREIGN
    return Ownership.UNDECIDED
