"""Targets that are looked up in the cluster instead of being written down: a Service's endpoints, or pods."""

from typing import Annotated

from pydantic import Field

from .labels import LabelMap
from .rules import Model, Rule
from .scalars import ObjectName


class TargetService(Model):
    """The ready endpoints of a Service, as its EndpointSlices have them."""

    name: ObjectName
    """Name of the Service, in the check's namespace."""


class TargetPods(Model):
    """Ready pods of the check's namespace, but for those that measure."""

    match_labels: Annotated[LabelMap, Field(min_length=1, max_length=4)]
    """Labels that the pods have, at most 4."""


class TargetFrom(Model):
    """Where the addresses of the targets are taken from; each is measured by itself."""

    service: TargetService | None = None
    """The ready endpoints of a Service."""
    pods: TargetPods | None = None
    """Ready pods with certain labels."""

    rules = (
        Rule(
            cel="has(self.service) != has(self.pods)",
            holds=lambda self: (self.service is None) is not (self.pods is None),
            message="exactly one of service and pods is needed",
        ),
    )
