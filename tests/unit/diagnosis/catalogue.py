"""The fault catalogue as evidence: what each fault looks like from the pod, and what may be said of it."""

from collections.abc import Iterator

from .catalogue_far import far, underlay
from .catalogue_near import near
from .catalogue_tunnel import sizes, tunnel
from .fault_case import Case


def cases() -> Iterator[Case]:
    """Every row of the catalogue that can be seen without an observer."""
    yield from near()
    yield from tunnel()
    yield from sizes()
    yield from underlay()
    yield from far()
