"""How much of a node the pods of a check may ask for."""

from collections.abc import Iterator

from ipsecping_operator.api.resources import amount
from ipsecping_operator.compile import CompiledPath

from .scope import Refusal


def resources(path: CompiledPath, *, cpu: str, memory: str) -> Iterator[Refusal]:
    """Requests and limits above the ceilings."""
    for kind, amounts in path.placement.resources.items():
        for name, most, flag in (("cpu", cpu, "--max-cpu"), ("memory", memory, "--max-memory")):
            asked = amounts.get(name)
            if asked is not None and amount(asked) > amount(most):
                yield Refusal(
                    f"{path.placement_field('resources')}.{kind}.{name}",
                    f"{asked} is more than permitted in namespace {path.plan.namespace}: at most {most} "
                    f"({flag} of the operator)",
                )
