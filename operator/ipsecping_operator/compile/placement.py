"""Where the pods of one path run, in the form the pod spec takes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from ipsecping_operator.api.affinity import as_pod_spec
from ipsecping_operator.api.placement import Placement as PlacementSpec
from ipsecping_operator.api.resources import amount, more_than_its_limit

from .compiled import NO_FIELDS, NOTHING, InvalidSpec, Placement

V = TypeVar("V")


def compile_placement(common: PlacementSpec, own: PlacementSpec | None, *, own_field: str) -> Placement:
    """`common` with each field that `own` gives replaced; `own_field` is where the spec has the path's own.

    Raises InvalidSpec for a limit of 0 (container runtimes take it for no limit at all) and for a request
    beyond its limit (the API server refuses such a pod).
    """
    given = {} if own is None else _given(own)
    placement = common.model_copy(update=given)
    made = Placement(
        node_selector=_frozen(placement.node_selector),
        tolerations=tuple(
            MappingProxyType(as_pod_spec(toleration)) for toleration in placement.tolerations or ()
        ),
        affinity=None if placement.affinity is None else MappingProxyType(as_pod_spec(placement.affinity)),
        priority_class_name=placement.priority_class_name,
        resources=_frozen(as_pod_spec(placement.resources) if placement.resources else None),
        pod_labels=_frozen(placement.pod_labels),
        pod_annotations=_frozen(placement.pod_annotations),
        host_network=bool(placement.host_network),
        every_node=bool(placement.every_node),
        image_pull_secrets=tuple(secret.name for secret in placement.image_pull_secrets or ()),
        own=frozenset(PlacementSpec.model_fields[name].alias or name for name in given) or NO_FIELDS,
    )
    whole = f"{own_field if 'resources' in made.own else 'spec'}.placement.resources"
    for resource, limit in made.resources.get("limits", NOTHING).items():
        if not amount(limit):
            raise InvalidSpec(
                f"{whole}.limits.{resource}",
                "0 is no limit at all: give an amount, or leave it out for the default",
            )
        if placement.resources and more_than_its_limit(placement.resources, resource):
            request = made.resources["requests"][resource]
            raise InvalidSpec(
                f"{whole}.requests.{resource}",
                f"must be at most the limit of {limit}, and is {request}: no pod could be made",
            )
    return made


def _frozen(given: Mapping[str, V] | None) -> Mapping[str, V]:
    return MappingProxyType(dict(given)) if given else NOTHING


def _given(own: PlacementSpec) -> dict[str, object]:
    return {name: value for name in type(own).model_fields if (value := getattr(own, name)) is not None}


def effective_placement(placement: Placement) -> dict[str, Any]:
    """The placement as a spec writes it."""
    written = {
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(toleration) for toleration in placement.tolerations],
        "affinity": dict(placement.affinity or {}),
        "priorityClassName": placement.priority_class_name,
        "resources": dict(placement.resources),
        "podLabels": dict(placement.pod_labels),
        "podAnnotations": dict(placement.pod_annotations),
        "imagePullSecrets": [{"name": name} for name in placement.image_pull_secrets],
        "hostNetwork": placement.host_network,
        "everyNode": placement.every_node,
    }
    return {key: value for key, value in written.items() if value}
