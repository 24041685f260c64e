"""Alerts about gateways, which take what all checks of a namespace know of them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import alert_kinds as kinds
from .alerts import Alert, Labels, labels_of

_NOT_OF_A_GATEWAY = ("check", "tunnel_name", "path", "target", "remote_ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFacts:
    """What one path says of the gateway that its critical check names."""

    check: str
    routing: Labels
    """Labels that alerts about the gateway are routed by."""
    down: bool | None
    """The path carries nothing; None: not known."""
    ike_down: bool | None
    """None: no IKE probe tells."""


def gateway_routing(routing: Mapping[str, str]) -> Labels:
    """Return of a path's labels those that are its gateway's as well."""
    return tuple(sorted((key, value) for key, value in routing.items() if key not in _NOT_OF_A_GATEWAY))


def gateway_alerts(facts: Iterable[PathFacts]) -> Iterator[Alert]:
    """Yield an alert for each gateway where neither IKE nor a tunnel answers, or two tunnels do not."""
    by_gateway: dict[Labels, list[PathFacts]] = {}
    for each in facts:
        by_gateway.setdefault(each.routing, []).append(each)
    for routing, paths in by_gateway.items():
        known = [path for path in paths if path.down is not None]
        ike = [path.ike_down for path in paths if path.ike_down is not None]
        tunnels = {path.check for path in known}
        nothing_works = all(path.down for path in known)
        if nothing_works and ((ike and all(ike)) or len(tunnels) > 1):
            labels = dict(routing)
            yield Alert(
                kind=kinds.GATEWAY_DOWN,
                path="",
                labels=labels_of(kinds.GATEWAY_DOWN, labels),
                summary=f"Gateway {labels['gateway']} is down, as far as {labels['namespace']} knows it",
                description=kinds.GATEWAY_DOWN.meaning,
            )
