"""Where probe pods run."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from .rules import Model, Rule, Rules

_LABEL_VALUE = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
_SUBDOMAIN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_QUALIFIED = f"^({_SUBDOMAIN}/)?([A-Za-z0-9][-A-Za-z0-9_.]{{0,61}})?[A-Za-z0-9]$"

LabelValue: TypeAlias = Annotated[str, Field(max_length=63, pattern=_LABEL_VALUE)]
LabelKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=317, pattern=_QUALIFIED)]

NodeSelector: TypeAlias = Annotated[
    Mapping[str, LabelValue],
    Field(max_length=16),
    Rules(
        Rule(
            cel=f"self.all(key, key.size() <= 317 && key.matches('{_QUALIFIED}'))",
            holds=lambda self: all(len(key) <= 317 and re.fullmatch(_QUALIFIED, key) for key in self),
            message="every key must be a label key, such as role or example.com/uplink",
        )
    ),
]


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


class Placement(Model):
    """Where probe pods run."""

    node_selector: NodeSelector | None = None
    """Labels a node must have."""
    tolerations: Annotated[
        tuple[Toleration, ...] | None,
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """Taints that probe pods tolerate."""
