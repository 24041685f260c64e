"""The pod that probes: restricted Pod Security level, no service-account token, no need of the API server."""

import hashlib
from dataclasses import replace
from typing import Any

from ipsecping.contract.result_stream import DEFAULT_PORT, HEALTH_PORT
from ipsecping_operator.api.affinity import as_pod_spec
from ipsecping_operator.api.probe_defaults import ProbeDefaults
from ipsecping_operator.compile import CompiledCheck, CompiledPath, Placement
from ipsecping_operator.compile.compiled import FILES_DIRECTORY, KeyRef

from .defaults import merged
from .labels import child_name, labels
from .settings import ChildSettings

USER = 65532
ANY_GROUP = (0, 2**31 - 1)
"""What a range of groups may hold, for pods whose group the cluster chooses."""
PLAN_DIRECTORY = "/etc/ipsecping"
PLAN_KEY = "plan.json"
PLAN_FILE = f"{PLAN_DIRECTORY}/{PLAN_KEY}"
TERMINATION_LOG = "/dev/termination-log"
CONTAINER = "probe"
GRACE_SECONDS = 10

HOST_PORTS = range(20_000, 30_000, 2)
"""Where agents on a node's own network listen: below the ports that Linux gives to clients. The next port is
for an agent's health."""
DIAGNOSE = "diagnose"
"""What runs in the pod of a diagnosis, where a round's runs `run`."""
RUN_ARGS = ["run", PLAN_FILE, "--termination-log", TERMINATION_LOG]


def agent_pod(
    check: CompiledCheck, path: CompiledPath, settings: ChildSettings, *, port: int | None = None
) -> dict[str, Any]:
    """Pod template of a long-running agent; `port` in the place of the one that it listens on by itself.

    Nothing of the plan is in it but the names of keys: hardly ever does a new plan restart the agent.
    """
    path = _placed_by(path, settings)
    port = port or agent_port(path)
    health = port + 1 if path.placement.host_network else HEALTH_PORT
    args = ["agent", PLAN_FILE, "--listen", f":{port}", "--health", f":{health}"]
    container = _container(path, settings, args) | {
        "ports": [
            {"name": "http", "containerPort": port, "protocol": "TCP"},
            {"name": "health", "containerPort": health, "protocol": "TCP"},
        ],
        "livenessProbe": _health(period=10, failures=3),
        "readinessProbe": _health(period=5, failures=2),
    }
    return _template(check, path, settings, container)


def agent_port(path: CompiledPath) -> int:
    """Where the path's agent listens: on the node's own network each has a port to itself, by chance."""
    if not path.placement.host_network:
        return DEFAULT_PORT
    return HOST_PORTS[_by_chance(f"{path.plan.uid}/{path.plan.path}") % len(HOST_PORTS)]


def _by_chance(name: str) -> int:
    """Return 32 bits that are always the same for a name, and others for each."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _run_args(path: CompiledPath, spread_ms: int) -> list[str]:
    # All paths of a check wait for as long, to be measured in the same instant.
    delay = _by_chance(path.plan.uid) * spread_ms >> 32
    return [*RUN_ARGS, "--delay", f"{delay}ms"] if delay else RUN_ARGS


def run_pod(
    check: CompiledCheck, path: CompiledPath, settings: ChildSettings, *, spread_ms: int = 0
) -> dict[str, Any]:
    """Pod template of one round, whose result is the container's termination message.

    It waits for a part of `spread_ms` that is the check's own.
    """
    path = _placed_by(path, settings)
    template = _template(check, path, settings, _container(path, settings, _run_args(path, spread_ms)))
    template["spec"]["restartPolicy"] = "Never"
    return template


def diagnosis_pod(
    check: CompiledCheck, path: CompiledPath, settings: ChildSettings, *, request_id: str
) -> dict[str, Any]:
    """Pod template of one diagnosis, whose report is the container's termination message."""
    path = _placed_by(path, settings)
    args = [DIAGNOSE, PLAN_FILE, "--request", request_id, "--termination-log", TERMINATION_LOG]
    template = _template(check, path, settings, _container(path, settings, args))
    template["spec"]["restartPolicy"] = "Never"
    return template


def _placed_by(path: CompiledPath, settings: ChildSettings) -> CompiledPath:
    return replace(path, placement=merged(path.placement, settings.defaults))


def _container(path: CompiledPath, settings: ChildSettings, args: list[str]) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": settings.probe_image,
        "args": list(args),
        "env": [{"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}],
        "resources": {kind: dict(amounts) for kind, amounts in path.placement.resources.items()},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePath": TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        # The whole directory: the kubelet never updates a file mounted by subPath.
        "volumeMounts": [{"name": "plan", "mountPath": PLAN_DIRECTORY, "readOnly": True}],
    }
    if settings.image_pull_policy:
        container["imagePullPolicy"] = settings.image_pull_policy
    return container


def _source(ref: KeyRef) -> dict[str, Any]:
    """The named key and nothing else; what does not exist yet is mounted once it does."""
    kind = ref.kind[0].lower() + ref.kind[1:]
    return {kind: {"name": ref.name, "optional": True, "items": [{"key": ref.key, "path": ref.path}]}}


def _health(*, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/healthz", "port": "health"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _template(
    check: CompiledCheck, path: CompiledPath, settings: ChildSettings, container: dict[str, Any]
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": _security(settings.defaults),
        "containers": [container],
        "volumes": [{"name": "plan", "configMap": {"name": child_name(check, path.plan.path)}}],
    }
    if path.placement.host_network:
        # The network's sysctls are the node's own, and not the pod's to set.
        spec["hostNetwork"] = True
    else:
        # ICMP without privileges: the group may open ping sockets. A safe sysctl.
        least, most = _ping_groups(spec["securityContext"])
        sysctl = {"name": "net.ipv4.ping_group_range", "value": f"{least} {most}"}
        spec["securityContext"]["sysctls"] = [sysctl]
    if check.mounted:
        container["volumeMounts"].append({"name": "files", "mountPath": FILES_DIRECTORY, "readOnly": True})
        sources = [_source(ref) for ref in check.mounted]
        spec["volumes"].append({"name": "files", "projected": {"sources": sources}})
    return {"metadata": _metadata(check, path), "spec": spec | _placed(path.placement, settings.defaults)}


def _security(defaults: ProbeDefaults) -> dict[str, Any]:
    fixed = {"runAsUser": USER, "runAsGroup": USER} if defaults.fixed_user else {}
    given = defaults.security_context
    return {
        "runAsNonRoot": True,
        **fixed,
        **({} if given is None else as_pod_spec(given)),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _ping_groups(security: dict[str, Any]) -> tuple[int, int]:
    group = security.get("runAsGroup")
    return ANY_GROUP if group is None else (group, group)


def _metadata(check: CompiledCheck, path: CompiledPath) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labels": {**path.placement.pod_labels, **labels(check, path.plan.path)}}
    if path.placement.pod_annotations:
        metadata["annotations"] = dict(path.placement.pod_annotations)
    return metadata


def _placed(placement: Placement, defaults: ProbeDefaults) -> dict[str, Any]:
    """What of a pod spec a check or the defaults may ask for; what they do not ask for is absent."""
    asked: dict[str, Any] = {
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(toleration) for toleration in placement.tolerations],
        "affinity": dict(placement.affinity or {}),
        "priorityClassName": placement.priority_class_name,
        "imagePullSecrets": [{"name": name} for name in placement.image_pull_secrets],
        "dnsPolicy": _dns_policy(placement, defaults),
        "runtimeClassName": defaults.runtime_class_name,
        "dnsConfig": {} if defaults.dns_config is None else as_pod_spec(defaults.dns_config),
    }
    return {key: value for key, value in asked.items() if value}


def _dns_policy(placement: Placement, defaults: ProbeDefaults) -> str | None:
    """On the node's own network ClusterFirst is the node's resolver, which knows no name of the cluster."""
    if placement.host_network and defaults.dns_policy in (None, "ClusterFirst"):
        return "ClusterFirstWithHostNet"
    return defaults.dns_policy
