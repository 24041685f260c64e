"""An instance of a probe on a path: from one of several nodes, to one of several addresses."""

from typing import NamedTuple


class Instance(NamedTuple):
    """What tells one from the others; None where nothing does."""

    node: str | None = None
    address: str | None = None
    """IP address of the target; None as well of a round in which it had none."""

    def __str__(self) -> str:
        source = "" if self.node is None else f" from node {self.node}"
        return source if self.address is None else f"{source} to {self.address}"


MAX_INSTANCES = 512
"""Instances of one probe on one path that are kept; others' results are refused while these are heard of."""
WHOLE = Instance()
"""The only one where neither nodes nor addresses are told apart."""
