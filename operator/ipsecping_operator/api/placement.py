"""Where probe pods run."""

from typing import Annotated, Literal

from pydantic import Field

from .affinity import ATOMIC, Affinity
from .labels import LabelKey, LabelMap, LabelValue, PodAnnotations, PodLabels
from .resources import Resources
from .rules import ListMap, Model, Rule
from .scalars import ObjectName


class Toleration(Model):
    """A taint that probe pods tolerate, as in a pod spec."""

    key: LabelKey | None = None
    """Taint key; absent with operator Exists: every taint."""
    operator: Literal["Exists", "Equal"] | None = None
    """Exists or Equal. Default: Equal."""
    value: LabelValue | None = None
    """Taint value that Equal compares with."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Taint effect; absent: every effect."""
    toleration_seconds: Annotated[int, Field(json_schema_extra={"format": "int64"})] | None = None
    """How long a NoExecute taint is tolerated; absent: for ever."""

    rules = (
        Rule(
            cel="has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            holds=lambda self: self.key is not None or self.operator == "Exists",
            field=".operator",
            message="must be Exists when key is absent",
        ),
        Rule(
            cel="!(has(self.value) && self.value != '' && has(self.operator) && self.operator == 'Exists')",
            holds=lambda self: not (self.value and self.operator == "Exists"),
            field=".value",
            reason="FieldValueForbidden",
            message="must be absent when operator is Exists",
        ),
        Rule(
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            holds=lambda self: self.toleration_seconds is None or self.effect == "NoExecute",
            field=".tolerationSeconds",
            reason="FieldValueForbidden",
            message="needs effect NoExecute",
        ),
    )


class PullSecret(Model):
    """A Secret with the credentials of an image registry."""

    name: ObjectName
    """Name of the Secret, in the check's namespace."""


class Placement(Model):
    """Where probe pods run, and what they need there."""

    node_selector: LabelMap | None = None
    """Labels a node must have."""
    tolerations: Annotated[tuple[Toleration, ...] | None, Field(max_length=16, json_schema_extra=ATOMIC)] = (
        None
    )
    """Taints that probe pods tolerate. A key that is not Kubernetes' own, with effect NoSchedule or
    PreferNoSchedule, needs no permission, nor does leaving a lost node within 300 s; all others need the
    operator's (--allow-tolerations)."""
    affinity: Affinity | None = None
    """Scheduling constraints, as in a pod spec. Pods of other namespaces need the operator's permission
    (--allow-cross-namespace-affinity)."""
    priority_class_name: ObjectName | None = None
    """Priority class of probe pods. Needs the operator's permission (--allow-priority-classes). Default: the
    cluster's."""
    resources: Resources | None = None
    """What the prober may use; what is given for cpu or memory replaces all that is the default for it.
    At most what the operator permits (--max-cpu, --max-memory). Default: requests of 10m cpu and 32Mi memory,
    a limit of 128Mi memory; where only a request of memory is given that is larger, the limit equals it."""
    pod_labels: PodLabels | None = None
    """Labels of probe pods, beside the operator's own: for network policies. Each key needs the operator's
    permission (--allow-pod-labels)."""
    pod_annotations: PodAnnotations | None = None
    """Annotations of probe pods: for additional networks (Multus) or egress gateways. Each key needs the
    operator's permission (--allow-pod-annotations)."""
    image_pull_secrets: Annotated[tuple[PullSecret, ...] | None, Field(max_length=8), ListMap("name")] = None
    """Secrets that the probe image is pulled with."""
    host_network: bool | None = None
    """True has probe pods use the node's own network. Needs the operator's permission for the namespace
    (otherwise Ready is False with the reason NotPermitted), a namespace of the privileged Pod Security level,
    and, for icmp, a node whose net.ipv4.ping_group_range holds group 65532. Default: false."""
    every_node: bool | None = None
    """True has a pod of a DaemonSet measure on each node that nodeSelector, affinity and tolerations let it
    run on, instead of one pod anywhere: for IPsec between nodes. Needs schedule.interval, and the operator's
    permission for the namespace (--allow-every-node, by default all namespaces). Default: false."""
