"""Where a check's pods run, and what they look like to others in the cluster.

A priority class may evict other people's pods, a toleration opens nodes that were closed, a label joins a
Service or the selector of a NetworkPolicy, and annotations are read by whatever is installed: Multus, CNIs,
service meshes, injectors of secrets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ipsecping_operator.compile import CompiledPath

from .scope import Refusal, listed, matches

KUBERNETES = ("kubernetes.io", "k8s.io")
"""Domains whose taints are Kubernetes' own: of control planes, of nodes that are lost, full or closed."""
UNPREFIXED = frozenset(
    {"CriticalAddonsOnly", "ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler"}
)
"""Taints from before keys had domains: of nodes for the cluster's own services, or about to be removed."""
ORDINARY_EFFECTS = ("NoSchedule", "PreferNoSchedule")
SYSTEM_CLASSES = "system-"
LOST_NODE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
LOST_NODE_SECONDS = 300
"""So long every pod tolerates them, by the API server's default: who asks for less only moves sooner."""
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def priority_class(path: CompiledPath, allowed: Sequence[str]) -> Iterator[Refusal]:
    """A priority class that is not listed. Kubernetes' own take an entry that begins as they do."""
    name = path.placement.priority_class_name
    if name is None:
        return
    own = name.startswith(SYSTEM_CLASSES)
    if not matches(name, [each for each in allowed if not own or each.startswith(SYSTEM_CLASSES)]):
        yield Refusal(
            path.placement_field("priorityClassName"),
            f"{name} is not a permitted priority class in namespace {path.plan.namespace}: "
            f"allowed is {listed(allowed)} (--allow-priority-classes of the operator)",
        )


def tolerations(path: CompiledPath, allowed: Sequence[str] | None) -> Iterator[Refusal]:
    """Tolerations of other keys than those listed, which have every effect and last for ever.

    `allowed` None: those of a pool of nodes, see `is_ordinary`.
    """
    for index, each in enumerate(path.placement.tolerations):
        if _moves_sooner(each):
            continue
        if is_ordinary(each) if allowed is None else matches(each.get("key", ""), allowed):
            continue
        ordinary = "a key that is not Kubernetes' own with effect NoSchedule or PreferNoSchedule"
        yield Refusal(
            f"{path.placement_field('tolerations')}[{index}]",
            f"{_worded(each)} is not a permitted toleration in namespace {path.plan.namespace}: allowed is "
            f"{ordinary if allowed is None else listed(allowed)} (--allow-tolerations of the operator)",
        )


def is_ordinary(toleration: Mapping[str, Any]) -> bool:
    """Whether it is one that opens a pool of nodes: by a key of people's own, and not to stay at any cost."""
    domain, separator, _ = toleration.get("key", "").partition("/")
    kubernetes = separator and any(domain == own or domain.endswith(f".{own}") for own in KUBERNETES)
    return (
        bool(domain)
        and not kubernetes
        and domain not in UNPREFIXED
        and toleration.get("effect") in ORDINARY_EFFECTS
    )


def _moves_sooner(toleration: Mapping[str, Any]) -> bool:
    return (
        toleration.get("key") in LOST_NODE
        and toleration.get("effect") == "NoExecute"
        and toleration.get("tolerationSeconds", LOST_NODE_SECONDS + 1) <= LOST_NODE_SECONDS
    )


def _worded(toleration: Mapping[str, Any]) -> str:
    key = toleration.get("key") or "every taint"
    return f"{key} with effect {toleration['effect']}" if "effect" in toleration else f"{key} of every effect"


def metadata(path: CompiledPath, *, labels: Sequence[str], annotations: Sequence[str]) -> Iterator[Refusal]:
    """Keys of labels and annotations that are not listed."""
    for field, what, given, allowed, flag in (
        ("podLabels", "label", path.placement.pod_labels, labels, "--allow-pod-labels"),
        (
            "podAnnotations",
            "annotation",
            path.placement.pod_annotations,
            annotations,
            "--allow-pod-annotations",
        ),
    ):
        for key in given:
            if not matches(key, allowed):
                yield Refusal(
                    f"{path.placement_field(field)}[{key}]",
                    f"{key} is not a permitted pod {what} in namespace {path.plan.namespace}: "
                    f"allowed is {listed(allowed)} ({flag} of the operator)",
                )


def host_network(path: CompiledPath) -> Iterator[Refusal]:
    """The node's own network."""
    if path.placement.host_network:
        yield Refusal(
            path.placement_field("hostNetwork"),
            f"true is not permitted in namespace {path.plan.namespace}: remove it, or have the operator run "
            "with --allow-host-network for the namespace",
        )


def every_node(path: CompiledPath) -> Iterator[Refusal]:
    """A pod on each node: what a check costs then grows with the cluster."""
    if path.placement.every_node:
        yield Refusal(
            path.placement_field("everyNode"),
            f"true is not permitted in namespace {path.plan.namespace}: remove it, or have the operator run "
            "with --allow-every-node for the namespace",
        )


def affinity(path: CompiledPath) -> Iterator[Refusal]:
    """Affinity to, or from, pods of other namespaces: it keeps those away, and tells where they are."""
    for field, term in _pod_terms(path.placement.affinity or {}):
        foreign = [name for name in term.get("namespaces", ()) if name != path.plan.namespace]
        if foreign:
            yield Refusal(
                f"{path.placement_field('affinity')}.{field}.namespaces",
                f"{foreign[0]} is not permitted in namespace {path.plan.namespace}: remove it, or have the "
                "operator run with --allow-cross-namespace-affinity for the namespace",
            )


def _pod_terms(given: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All terms about pods, and where they stand."""
    for kind in ("podAffinity", "podAntiAffinity"):
        for index, term in enumerate(given.get(kind, {}).get(REQUIRED, ())):
            yield f"{kind}.{REQUIRED}[{index}]", term
        for index, weighted in enumerate(given.get(kind, {}).get(PREFERRED, ())):
            yield f"{kind}.{PREFERRED}[{index}].podAffinityTerm", weighted["podAffinityTerm"]
