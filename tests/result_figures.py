"""Short ways to make results with figures, and to read them."""

from collections.abc import Mapping
from typing import Any

from ipsecping.contract import (
    CertificateExpiry,
    Figure,
    Flows,
    Hops,
    LossReason,
    Markings,
    Nat,
    RefusedAnswers,
    RoundResult,
    Sources,
    Unanswered,
)
from ipsecping.contract.figure import NO_FIGURES, figures_by_name

_MADE: dict[str, tuple[str, Any]] = {
    "path_mtu": ("pathMTU", lambda found: found),
    "certificate_expiry": ("certificateExpiry", CertificateExpiry),
    "nat": ("nat", Nat),
    "unanswered": ("unanswered", Unanswered.of),
    "sources": ("sources", Sources.of),
    "markings": ("markings", Markings.of),
    "hops": ("hops", Hops.of),
    "refused": ("refusedAnswers", RefusedAnswers.of),
    "audit": ("audit", lambda found: found),
    "loss_shape": ("lossShape", lambda shape: shape),
    "flows": ("flows", lambda rows: Flows.of(rows, first_port=61_000)),
}
"""Keyword to the figure's name, and what makes the figure."""


def keywords(values: Mapping[str, Any], before: Mapping[str, Figure] = NO_FIGURES) -> dict[str, Any]:
    """Keywords of a RoundResult: `sources={...}`, `nat=True` and the like become its figures.

    None, and a mapping without keys, stand for no such figure. `before` are the figures that stay.
    """
    figures = dict(before)
    for keyword in _MADE.keys() & values.keys():
        name, make = _MADE[keyword]
        figures.pop(name, None)
        if values[keyword] is not None and values[keyword] != {}:
            figures[name] = make(values[keyword])
    others = {name: value for name, value in values.items() if name not in _MADE}
    return others | {"figures": figures_by_name(*figures.values())}


def expiry_of(result: RoundResult) -> int | None:
    """When the certificate ends, seconds since the Unix epoch."""
    found = result.figure(CertificateExpiry)
    return None if found is None else found.at


def sources_of(result: RoundResult) -> dict[str, int]:
    """Source addresses and their packets."""
    found = result.figure(Sources)
    return {} if found is None else dict(found.counts)


def unanswered_of(result: RoundResult) -> dict[int, LossReason]:
    """Ports of the gateway that did not answer, and why."""
    found = result.figure(Unanswered)
    return {} if found is None else dict(found.counts.keys())
