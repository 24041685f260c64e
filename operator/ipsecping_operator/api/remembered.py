"""What the operator keeps in the status for the one that runs after it."""

from typing import Annotated, Literal

from pydantic import Field

from .rules import Model
from .scalars import Address, NodeName, ReasonText, Text, Time


class HeldReason(Model):
    """What was found of a probe whose state is Unknown now."""

    path: Text
    """Name of the path."""
    probe: Text
    """Name of the probe."""
    node: NodeName | None = None
    """From where, with placement.everyNode."""
    address: Address | None = None
    """Where to, where each address is measured by itself."""
    reason: ReasonText
    """The reason, as of the condition Healthy."""


class Notified(Model):
    """What the operator's webhook has been told, so that the next operator tells what this one could not."""

    id: Annotated[str, Field(max_length=64)]
    """ID of the newest event about Healthy that it has taken, or refused for good; before the first one, what
    its ID will follow from."""
    status: Literal["True", "False", "Unknown"]
    """Status of Healthy, as it was told then."""
    reason: ReasonText
    """Its reason."""
    diagnosis_time: Time | None = None
    """Time of the newest diagnosis that it has been told of; absent before the first."""
