"""Where the pods of one path run, in the form the pod spec takes."""

from types import MappingProxyType
from typing import Any

from ipsecping_operator.api.placement import Placement as PlacementSpec

from .compiled import Placement


def compile_placement(common: PlacementSpec, own: PlacementSpec | None) -> Placement:
    """`common` with each field that `own` gives replaced."""
    placement = common if own is None else common.model_copy(update=_given(own))
    return Placement(
        node_selector=MappingProxyType(dict(placement.node_selector or {})),
        tolerations=tuple(
            MappingProxyType(toleration.model_dump(by_alias=True, exclude_none=True))
            for toleration in placement.tolerations or ()
        ),
    )


def _given(own: PlacementSpec) -> dict[str, object]:
    return {name: value for name in type(own).model_fields if (value := getattr(own, name)) is not None}


def effective_placement(placement: Placement) -> dict[str, Any]:
    """The placement as a spec writes it."""
    written = {
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(toleration) for toleration in placement.tolerations],
    }
    return {key: value for key, value in written.items() if value}
