"""Affinity of probe pods, in the form of a pod spec: to nodes, to other pods, and away from them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from .labels import LabelKey, LabelMap, LabelValue
from .rules import Model
from .scalars import Name, ObjectName

ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
MOST = 8
"""Of terms, and of expressions in each."""

Weight: TypeAlias = Annotated[int, Field(ge=1, le=100, json_schema_extra={"format": "int32"})]
Values: TypeAlias = Annotated[tuple[LabelValue, ...], Field(max_length=32, json_schema_extra=ATOMIC)]


class NodeRequirement(Model):
    """What a label of a node must be."""

    key: LabelKey
    """Label key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How it is compared with the values."""
    values: Values | None = None
    """Values; none with Exists and DoesNotExist, one integer with Gt and Lt."""


class NodeField(Model):
    """What a field of a node must be: its name, the only one that Kubernetes compares."""

    key: Literal["metadata.name"]
    """The field: metadata.name."""
    operator: Literal["In", "NotIn"]
    """How it is compared with the value."""
    values: Annotated[tuple[ObjectName, ...], Field(min_length=1, max_length=1, json_schema_extra=ATOMIC)]
    """The name of one node."""


class NodeTerm(Model):
    """A set of nodes: those that meet all of its requirements."""

    match_expressions: (
        Annotated[tuple[NodeRequirement, ...], Field(max_length=MOST, json_schema_extra=ATOMIC)] | None
    ) = None
    """Requirements on the node's labels."""
    match_fields: (
        Annotated[tuple[NodeField, ...], Field(max_length=MOST, json_schema_extra=ATOMIC)] | None
    ) = None
    """Requirements on the node's fields."""


class NodeTerms(Model):
    """Nodes of any of the terms."""

    node_selector_terms: Annotated[
        tuple[NodeTerm, ...], Field(min_length=1, max_length=MOST, json_schema_extra=ATOMIC)
    ]
    """Terms, one of which a node must meet."""


class PreferredNodes(Model):
    """Nodes that are preferred."""

    weight: Weight
    """How much, 1 to 100."""
    preference: NodeTerm
    """Which nodes."""


class NodeAffinity(Model):
    """Nodes that probe pods may run on."""

    required_during_scheduling_ignored_during_execution: NodeTerms | None = None
    """Nodes that a pod must run on."""
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredNodes, ...], Field(max_length=MOST, json_schema_extra=ATOMIC)] | None
    ) = None
    """Nodes that a pod should run on."""


class LabelRequirement(Model):
    """What a label of a pod must be."""

    key: LabelKey
    """Label key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How it is compared with the values."""
    values: Values | None = None
    """Values; none with Exists and DoesNotExist."""


class LabelSelector(Model):
    """A set of pods, by their labels."""

    match_labels: LabelMap | None = None
    """Labels that a pod must have."""
    match_expressions: (
        Annotated[tuple[LabelRequirement, ...], Field(max_length=MOST, json_schema_extra=ATOMIC)] | None
    ) = None
    """Requirements on the pod's labels."""


class PodTerm(Model):
    """Some pods, and what counts as the same place."""

    label_selector: LabelSelector | None = None
    """Which pods."""
    namespaces: Annotated[tuple[Name, ...], Field(max_length=MOST, json_schema_extra=ATOMIC)] | None = None
    """Their namespaces. Default: the check's."""
    topology_key: LabelKey
    """Node label whose equal value means the same place, such as kubernetes.io/hostname."""


class PreferredPods(Model):
    """Pods whose neighbourhood is preferred, or avoided."""

    weight: Weight
    """How much, 1 to 100."""
    pod_affinity_term: PodTerm
    """Which pods, and which place."""


class PodAffinity(Model):
    """Pods next to which probe pods run, or do not run."""

    required_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PodTerm, ...], Field(max_length=MOST, json_schema_extra=ATOMIC)] | None
    ) = None
    """What must hold."""
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredPods, ...], Field(max_length=MOST, json_schema_extra=ATOMIC)] | None
    ) = None
    """What should hold."""


class Affinity(Model):
    """Scheduling constraints, as in a pod spec."""

    node_affinity: NodeAffinity | None = None
    """Nodes that probe pods run on."""
    pod_affinity: PodAffinity | None = None
    """Pods that probe pods run next to."""
    pod_anti_affinity: PodAffinity | None = None
    """Pods that probe pods keep away from."""


def as_pod_spec(model: Model) -> Mapping[str, Any]:
    """The model as a pod spec has it."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
