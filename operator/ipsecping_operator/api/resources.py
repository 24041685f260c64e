"""What the prober may use of a node."""

import re
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from .rules import Model, Rule, Rules
from .scalars import IntOrString

_SUFFIXES = {
    "": Decimal(1),
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("num", start=-3)},
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(2) ** (10 * power) for power, suffix in enumerate("KMGTPE", start=1)},
}
_LONGEST = 16
_QUANTITY = re.compile(
    "[+]?(?P<number>[0-9]+[.]?[0-9]*|[.][0-9]+)"
    f"((?P<suffix>{'|'.join(_SUFFIXES)})|[eE](?P<exponent>[+-]?[0-9]{{1,2}}))"
)
"""resource.Quantity of Kubernetes, not below zero; of exponents, those whose numbers stay small."""


def is_quantity(value: int | str) -> bool:
    """Whether it is a quantity that a spec or a setting may have."""
    if isinstance(value, str):
        return len(value) <= _LONGEST and _QUANTITY.fullmatch(value) is not None
    return value >= 0


def amount(quantity: int | str) -> Decimal:
    """How much a quantity is, in units: processors, bytes."""
    found = _QUANTITY.fullmatch(str(quantity))
    assert found is not None
    number = Decimal(found["number"])
    if found["exponent"] is not None:
        return number.scaleb(int(found["exponent"]))
    return number * _SUFFIXES[found["suffix"]]


def more_than_its_limit(resources: "Resources", name: str) -> bool:
    """Whether more is requested of a resource than its limit: the API server takes no such pod."""
    request, limit = (getattr(each, name, None) for each in (resources.requests, resources.limits))
    return request is not None and limit is not None and amount(request) > amount(limit)


LEAST_MEMORY = "1Mi"
MOST_CPU = 64
LEAST_CPU = "1m"


def _quantity(*rules: Rule) -> Any:
    """A quantity that keeps these rules; they need not hold of what is none."""
    return Annotated[
        int | str,
        IntOrString(maxLength=_LONGEST, minimum=0),
        Rules(
            Rule(
                # No regular expression: of what may be an integer, the API server reckons its cost for 3 MB.
                cel="type(self) == int || (isQuantity(self) && !self.startsWith('-'))",
                holds=is_quantity,
                message="must be a quantity, such as 1, 100m or 64Mi",
            ),
            *rules,
        ),
    ]


def _is_enough_memory(value: int | str) -> bool:
    return not is_quantity(value) or amount(value) == 0 or amount(value) >= amount(LEAST_MEMORY)


def _is_sane_cpu(value: int | str) -> bool:
    return not is_quantity(value) or amount(value) == 0 or amount(LEAST_CPU) <= amount(value) <= MOST_CPU


Processors: TypeAlias = _quantity(  # type: ignore[valid-type]
    Rule(
        cel=f"type(self) == int ? self <= {MOST_CPU} : !isQuantity(self) || "
        "quantity(self).compareTo(quantity('0')) <= 0 || "
        f"(quantity(self).compareTo(quantity('{LEAST_CPU}')) >= 0 && "
        f"quantity(self).compareTo(quantity('{MOST_CPU}')) <= 0)",
        holds=_is_sane_cpu,
        message=f"must be 0 or from {LEAST_CPU} to {MOST_CPU} processors: a thousandth of one is written 1m, "
        "as in 100m",
    )
)
Memory: TypeAlias = _quantity(  # type: ignore[valid-type]
    Rule(
        cel="type(self) == int ? self <= 0 || self >= 1048576 : !isQuantity(self) || "
        "quantity(self).compareTo(quantity('0')) <= 0 || "
        f"quantity(self).compareTo(quantity('{LEAST_MEMORY}')) >= 0",
        holds=_is_enough_memory,
        message=f"must be 0 or at least {LEAST_MEMORY}: without a unit it is bytes (m: thousandths of one); "
        "write 64Mi for mebibytes",
    )
)


class Quantities(Model):
    """An amount of each resource."""

    cpu: Processors | None = None
    """Processors, such as 100m."""
    memory: Memory | None = None
    """Bytes of memory, such as 64Mi."""


class Resources(Model):
    """What the prober may use. A CPU limit makes it measure its own throttling: better have none."""

    requests: Quantities | None = None
    """What is set aside for the prober."""
    limits: Quantities | None = None
    """What the prober may use at most."""
