"""All children of a check, and those it has too many."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ipsecping_operator.compile import CompiledCheck, Cron

from .objects import agent_daemon_set, agent_deployment, plan_config_map, round_cron_job
from .settings import ChildSettings


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ChildRef:
    """Which object."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "ChildRef":
        """The reference to a manifest, or to an object that has its apiVersion and kind."""
        return cls(
            api_version=manifest["apiVersion"],
            kind=manifest["kind"],
            namespace=manifest["metadata"]["namespace"],
            name=manifest["metadata"]["name"],
        )


def build_children(
    check: CompiledCheck,
    settings: ChildSettings,
    *,
    request_ids: Mapping[str, str] = MappingProxyType({}),
    ports: Mapping[str, int] = MappingProxyType({}),
) -> tuple[dict[str, Any], ...]:
    """Manifests to apply for `check`, in the order to apply them: per path a ConfigMap and a workload
    (none for a suspended path of every node).

    `request_ids`: of each path whose agents are asked for an extra round, the request's ID. `ports`: of each
    path whose agents listen on another port than the usual one, that port. The manifests state nothing that
    is left to the API server's defaults, so applying them again changes nothing.
    """
    children: list[dict[str, Any]] = []
    for path in check.paths:
        children.append(plan_config_map(check, path, settings, request_id=request_ids.get(path.plan.path)))
        if isinstance(check.schedule, Cron):
            children.append(round_cron_job(check, path, check.schedule, settings))
        elif not path.placement.every_node:
            children.append(agent_deployment(check, path, settings, port=ports.get(path.plan.path)))
        elif not check.suspend:
            # A DaemonSet has no number of replicas that could be 0: while suspended there is none.
            children.append(agent_daemon_set(check, path, settings, port=ports.get(path.plan.path)))
    return tuple(children)


def surplus(
    existing: Mapping[ChildRef, str | None], desired: Iterable[Mapping[str, Any]], *, owner_uid: str
) -> list[ChildRef]:
    """Of the existing objects those to delete: controlled by the check, but not desired (any more).

    `existing` names the UID of each object's controller: what merely carries our labels is left alone.
    """
    wanted = {ChildRef.of(manifest) for manifest in desired}
    return sorted(
        ref for ref, controller in existing.items() if controller == owner_uid and ref not in wanted
    )


def controller_uid(manifest: Mapping[str, Any]) -> str | None:
    """UID of the object that controls this one, if any."""
    for reference in manifest["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return None
