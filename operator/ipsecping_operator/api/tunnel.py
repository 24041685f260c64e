"""The tunnel that is watched: its gateway, and what tells a diagnosis where it is broken."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import Field

from ipsecping.contract import Control

from . import defaults
from .rules import Model, Rule
from .scalars import Cidr, HostAddress, Label, Target

_LIST = {"x-kubernetes-list-type": "atomic"}
Networks: TypeAlias = Annotated[
    tuple[Cidr, ...], Field(min_length=1, max_length=defaults.MAX_NETWORKS, json_schema_extra=_LIST)
]


class Controls(Model):
    """Control addresses: two hosts to which an agent sends three ICMP packets every five minutes, which count
    in no figure. If the target stops answering, a diagnosis sees from whether these still answer on which
    side of them the fault is. They must answer ICMP echo while the path is healthy."""

    far_inside: HostAddress | None = None
    """Inside address of the far gateway, in the target's network, or a host right behind it. If it answers
    while the target does not, the fault is behind the far gateway."""
    near_inside: HostAddress | None = None
    """Inside address of our own gateway, before the tunnel. If it answers while nothing else does, packets
    reach our gateway, and the fault is there or beyond."""

    rules = (
        Rule(
            cel="has(self.farInside) || has(self.nearInside)",
            holds=lambda self: bool(self.by_part),
            reason="FieldValueRequired",
            message="at least one of farInside and nearInside is needed",
        ),
        Rule(
            cel="!has(self.farInside) || !has(self.nearInside) || self.farInside != self.nearInside",
            holds=lambda self: self.far_inside is None or self.far_inside != self.near_inside,
            field=".nearInside",
            message="must be another address than farInside: one host cannot stand for both gateways",
        ),
    )

    @property
    def by_part(self) -> Mapping[Control, str]:
        """The addresses that are given."""
        given = {Control.FAR_INSIDE: self.far_inside, Control.NEAR_INSIDE: self.near_inside}
        return {control: address for control, address in given.items() if address is not None}


FIELDS = {Control.FAR_INSIDE: "farInside", Control.NEAR_INSIDE: "nearInside"}
"""By which Controls names them."""


class TunnelNetworks(Model):
    """Where addresses belong, as a diagnosis needs to know; no packets are sent to these networks."""

    inside: Networks | None = None
    """Networks at both ends of the tunnel, such as those of the pods and of the target: the tunnel's traffic
    selectors. A source address outside of them was translated (NAT) before the tunnel."""
    underlay: Networks | None = None
    """Networks between the gateways. A router there that quotes one of our packets saw it unencrypted."""

    rules = (
        Rule(
            cel="has(self.inside) || has(self.underlay)",
            holds=lambda self: self.inside is not None or self.underlay is not None,
            reason="FieldValueRequired",
            message="at least one of inside and underlay is needed",
        ),
    )


def _is_distinct(tunnel: "Tunnel") -> bool:
    return tunnel.controls is None or tunnel.gateway not in tunnel.controls.by_part.values()


class Tunnel(Model):
    """The tunnel that is watched."""

    name: Label | None = None
    """Name of the tunnel, as on its gateways: any printable text of at most 63 characters; it becomes the
    label tunnel_name of the metrics. Default: metadata.name."""
    gateway: Target | None = None
    """The remote gateway's public address or DNS name: the target of ike probes, and a control address
    outside of the tunnel (see controls)."""
    controls: Controls | None = None
    """Inside addresses of both gateways, by which a diagnosis sees on which side of them a fault is. Nothing
    else helps it as much. Default: none."""
    networks: TunnelNetworks | None = None
    """Networks inside of the tunnel and between its gateways. Default: not known."""

    rules = (
        Rule(
            cel="!has(self.gateway) || !has(self.controls) || "
            "(!(has(self.controls.farInside) && self.controls.farInside == self.gateway) && "
            "!(has(self.controls.nearInside) && self.controls.nearInside == self.gateway))",
            holds=_is_distinct,
            field=".controls",
            message="must not be the gateway's public address: inside and outside of the tunnel would be one",
        ),
    )


NOT_THE_TARGET = Rule(
    cel="!has(self.target) || has(self.paths) || !has(self.tunnel) || !has(self.tunnel.controls) || "
    "(!(has(self.tunnel.controls.farInside) && self.tunnel.controls.farInside == self.target) && "
    "!(has(self.tunnel.controls.nearInside) && self.tunnel.controls.nearInside == self.target))",
    holds=lambda self: (
        self.paths is not None
        or self.tunnel is None
        or self.tunnel.controls is None
        or self.target not in self.tunnel.controls.by_part.values()
    ),
    field=".tunnel.controls",
    message="must not name the target: a control is another host, which tells where the fault is",
)
"""Of a check, where its only path has the target of the check."""
