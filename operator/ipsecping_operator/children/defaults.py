"""A check's placement over the administrator's defaults, and these over what every probe pod has."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from ipsecping_operator.api.affinity import as_pod_spec
from ipsecping_operator.api.probe_defaults import ProbeDefaults
from ipsecping_operator.api.resources import amount
from ipsecping_operator.compile import Placement

T = TypeVar("T")

NODE_SELECTOR: Mapping[str, str] = MappingProxyType({"kubernetes.io/os": "linux"})
# No CPU limit: throttled in the middle of a round, the prober would measure the throttling.
RESOURCES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
)
# A proxy of a mesh would complete TCP handshakes itself, and keep a round's pod from ending.
NO_MESH_LABELS: Mapping[str, str] = MappingProxyType(
    {"sidecar.istio.io/inject": "false", "kuma.io/sidecar-injection": "disabled"}
)
NO_MESH_ANNOTATIONS: Mapping[str, str] = MappingProxyType(
    {"linkerd.io/inject": "disabled", "consul.hashicorp.com/connect-inject": "false"}
)


def merged(placement: Placement, defaults: ProbeDefaults) -> Placement:
    """Return the placement that a pod gets.

    Of maps (nodeSelector, labels, annotations), of resources and of the kinds of affinity each key is the
    check's, then the defaults', then what every pod has; of lists (tolerations, imagePullSecrets) there are
    both, each entry once; a single value is the check's, or the default.
    """
    labels = {**(defaults.labels or {}), **placement.pod_labels}
    annotations = {**(defaults.annotations or {}), **placement.pod_annotations}
    # Whoever speaks of a mesh, by label or annotation, is not opted out of it.
    asked = labels.keys() | annotations.keys()
    secrets = (each.name for each in defaults.image_pull_secrets or ())
    tolerations = (as_pod_spec(each) for each in defaults.tolerations or ())
    given = {} if defaults.resources is None else as_pod_spec(defaults.resources)
    affinity = {} if defaults.affinity is None else as_pod_spec(defaults.affinity)
    return replace(
        placement,
        node_selector={**NODE_SELECTOR, **(defaults.node_selector or {}), **placement.node_selector},
        tolerations=_both(tolerations, placement.tolerations),
        affinity={**affinity, **(placement.affinity or {})},
        priority_class_name=placement.priority_class_name or defaults.priority_class_name,
        resources=_resources(_resources(RESOURCES, given), placement.resources),
        pod_labels=_without(NO_MESH_LABELS, asked) | labels,
        pod_annotations=_without(NO_MESH_ANNOTATIONS, asked) | annotations,
        image_pull_secrets=_both(secrets, placement.image_pull_secrets),
    )


def _both(first: Iterable[T], second: Iterable[T]) -> tuple[T, ...]:
    found: list[T] = []
    for each in (*first, *second):
        if each not in found:
            found.append(each)
    return tuple(found)


def _without(given: Mapping[str, str], keys: set[str]) -> dict[str, str]:
    return {key: value for key, value in given.items() if key not in keys}


def _resources(
    base: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return `base`, but of a resource that `asked` speaks of, only what that says.

    There is always a limit of memory: where only a request is asked for, the request or the base's.
    """
    spoken_of = {name for amounts in asked.values() for name in amounts}
    result = {
        kind: {name: quantity for name, quantity in base.get(kind, {}).items() if name not in spoken_of}
        | dict(asked.get(kind, {}))
        for kind in ("requests", "limits")
    }
    usual = base["limits"]["memory"]
    result["limits"].setdefault("memory", max(result["requests"].get("memory", usual), usual, key=amount))
    return {kind: amounts for kind, amounts in result.items() if amounts}
