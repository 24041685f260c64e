"""Whether an object that bears a check's label is the check's: anybody can copy a label. Pure.

What is controlled by the check (children), or by what makes the pods of a workload, is filed where it is of
the check's namespace; whether a pod's workload is the check's is then found out by UIDs
(`results.ownership`).
"""

from enum import StrEnum

from ipsecping_operator.api import names
from ipsecping_operator.kube.kinds import DAEMON_SET, JOB, POD, REPLICA_SET

from .projection import Meta

_CHECK = (names.GROUP, names.KIND)
_OF_PODS = tuple((kind.group, kind.name) for kind in (REPLICA_SET, DAEMON_SET, JOB))


class Stray(StrEnum):
    """Why an object is not filed under the check whose label it bears."""

    NO_OWNER = "NoOwner"
    """Nothing controls it: made by hand, or orphaned."""
    OTHER_OWNER = "OtherOwner"
    """What controls it is not the check, nor of the kind that could."""
    OTHER_NAMESPACE = "OtherNamespace"
    """An owner is in the namespace of what it owns."""


def stray(meta: Meta, *, namespace: str | None) -> Stray | None:
    """Why the object is not the check's; `namespace` is the check's, None while that is not known."""
    owner = meta.owner
    if owner is None:
        return Stray.NO_OWNER
    if meta.kind == POD.name:
        if (owner.group, owner.kind) not in _OF_PODS:
            return Stray.OTHER_OWNER
    elif (owner.group, owner.kind) != _CHECK or owner.uid != meta.check_uid:
        return Stray.OTHER_OWNER
    return None if namespace in (None, meta.namespace) else Stray.OTHER_NAMESPACE
