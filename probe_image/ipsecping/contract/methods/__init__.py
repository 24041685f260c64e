"""The probe types: one module declares each, and everything else about it is derived from the declaration."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .. import fields
from ..check import LOSS_REASONS, LossReason, ProbeType
from ..figure import Figure
from . import audit, dns, http, icmp, ike, path_mtu, stamp, tcp, udp_echo
from .spec import MethodSpec

METHODS: dict[ProbeType, MethodSpec] = {
    method.name: method
    for method in (
        icmp.METHOD,
        udp_echo.METHOD,
        stamp.METHOD,
        tcp.METHOD,
        http.METHOD,
        dns.METHOD,
        path_mtu.METHOD,
        ike.METHOD,
        audit.METHOD,
    )
}
"""Every probe type, in the order of the documentation."""


def type_in(source: Mapping[str, Any], key: str, path: str) -> ProbeType:
    """Read a required string that names a declared type; raises ContractError."""
    name = fields.text(source, key, path)
    method = METHODS.get(ProbeType(name))
    if method is None:
        raise fields.not_one_of(name, f"{path}.{key}", METHODS)
    return method.name


def figure_types() -> tuple[type[Figure], ...]:
    """Return every figure of any type, each once, in the order in which they are shown."""
    return _figure_types(tuple(METHODS))


@lru_cache(maxsize=4)  # asked for with each result
def _figure_types(kinds: tuple[ProbeType, ...]) -> tuple[type[Figure], ...]:
    found = dict.fromkeys(figure for kind in kinds for figure in METHODS[kind].measures)
    return tuple(sorted(found, key=lambda figure: figure.position))


def ordered(figures: Mapping[str, Figure]) -> list[Figure]:
    """Return the figures in the order in which they are shown."""
    return sorted(figures.values(), key=lambda figure: figure.position)


def loss_reasons(kind: ProbeType) -> Mapping[str, LossReason]:
    """Return why packets of the type may be lost, by name."""
    own = METHODS[kind].reasons
    return {**LOSS_REASONS, **{str(reason): reason for reason in own}} if own else LOSS_REASONS
