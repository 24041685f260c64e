"""What the prober may use of a node."""

import re
from decimal import Decimal
from typing import Annotated, TypeAlias

from .rules import Model, Rule, Rules
from .scalars import IntOrString

# Those of resource.Quantity that people write: a number with at most one suffix, no exponent.
_QUANTITY = "^[0-9]{1,9}([.][0-9]{1,3})?(m|k|Ki|M|Mi|G|Gi)?$"
_LONGEST = 16
_SUFFIXES = {
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "Ki": Decimal(2**10),
    "M": Decimal(10**6),
    "Mi": Decimal(2**20),
    "G": Decimal(10**9),
    "Gi": Decimal(2**30),
}


def is_quantity(value: int | str) -> bool:
    """Whether it is a quantity that a spec or a setting may have."""
    if isinstance(value, str):
        return len(value) <= _LONGEST and re.fullmatch(_QUANTITY, value) is not None
    return value >= 0


def amount(quantity: int | str) -> Decimal:
    """How much a quantity is, in units: processors, bytes."""
    text = str(quantity)
    digits = text.rstrip("mkKMGi")
    return Decimal(digits) * _SUFFIXES.get(text.removeprefix(digits), 1)


# Told by keywords of the schema: a rule in CEL, for each path, costs more than an API server allows.
Quantity: TypeAlias = Annotated[
    int | str,
    Rules(Rule(cel="", holds=is_quantity, message="must be a quantity, such as 1, 100m or 64Mi")),
    IntOrString(pattern=_QUANTITY, maxLength=_LONGEST, minimum=0),
]


class Quantities(Model):
    """An amount of each resource."""

    cpu: Quantity | None = None
    """Processors, such as 100m."""
    memory: Quantity | None = None
    """Bytes of memory, such as 64Mi."""


class Resources(Model):
    """What the prober may use. A CPU limit makes it measure its own throttling: better have none."""

    requests: Quantities | None = None
    """What is set aside for the prober."""
    limits: Quantities | None = None
    """What the prober may use at most."""
