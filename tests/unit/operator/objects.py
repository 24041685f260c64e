"""Kubernetes objects as the API server stores them, cut down to what the operator looks at."""

from typing import Any

from ipsecping_operator.observe.projection import Child, Pod, read_child, read_pod

from .builders import UID

LABELS = {
    "app.kubernetes.io/name": "ipsecping-probe",
    "app.kubernetes.io/managed-by": "ipsecping",
    "ipsecping.dev/check": "hq",
    "ipsecping.dev/check-uid": UID,
    "ipsecping.dev/path": "default",
}

OWNER = ("IPsecTunnelCheck", "hq", UID)
"""Kind, name and UID of the check."""

API_VERSIONS = {
    "IPsecTunnelCheck": "ipsecping.dev/v1alpha1",
    "Deployment": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
}


def metadata(name: str, *, uid: str, version: int = 1, owner: tuple[str, str, str] | None = None) -> Any:
    """Metadata; `owner` is kind, name and UID of the controller."""
    made: dict[str, Any] = {
        "namespace": "network",
        "name": name,
        "uid": uid,
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-11-23T12:00:00Z",
        "labels": LABELS,
    }
    if owner:
        kind, owner_name, owner_uid = owner
        made["ownerReferences"] = [
            {
                "apiVersion": API_VERSIONS[kind],
                "kind": kind,
                "name": owner_name,
                "uid": owner_uid,
                "controller": True,
            }
        ]
    return made


def child(
    kind: str = "Deployment",
    *,
    uid: str = "d-1",
    version: int = 1,
    check_uid: str = UID,
    template: dict[str, Any] | None = None,
    **status: Any,
) -> Child:
    """A child of the check; `template` is the pod spec of its template."""
    meta = metadata("hq", uid=uid, version=version, owner=("IPsecTunnelCheck", "hq", check_uid))
    meta["labels"] = LABELS | {"ipsecping.dev/check-uid": check_uid}
    spec = {"template": {"spec": template or {}}}
    return read_child(kind, {"metadata": meta, "spec": spec, "status": status})


def pod(
    name: str = "hq-1",
    *,
    uid: str = "p-1",
    version: int = 1,
    owner_kind: str = "ReplicaSet",
    spec: dict[str, Any] | None = None,
    deleting: bool = False,
    created: str | None = None,
    annotations: dict[str, str] | None = None,
    **status: Any,
) -> Pod:
    """A pod of the check."""
    meta = metadata(name, uid=uid, version=version, owner=(owner_kind, "hq-rs", "rs-1"))
    if deleting:
        meta["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    if created is not None:
        meta["creationTimestamp"] = created
    if annotations is not None:
        meta["annotations"] = annotations
    return read_pod({"metadata": meta, "spec": spec or {}, "status": status})


def container(**state: Any) -> dict[str, Any]:
    """Status of the pod's container in one state."""
    return {"containerStatuses": [{"name": "probe", "state": state}]}
