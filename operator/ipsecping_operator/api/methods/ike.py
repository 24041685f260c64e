"""IKE_SA_INIT to the gateway."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping.contract import IkeOptions, Nat, ProbeType, Unanswered
from ipsecping.contract.methods.ike import MAX_PORTS, PORTS, Require

from ..rules import ListMap, Model, Rule, Rules
from ..scalars import Count, Port
from .base import Given, Method, StatusField

_Ports = Annotated[
    tuple[Port, ...],
    Field(min_length=1, max_length=MAX_PORTS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    Rules(
        Rule(
            cel="self.all(port, self.exists_one(other, other == port))",
            holds=lambda ports: len(set(ports)) == len(ports),
            message="must name each port once",
        )
    ),
]


class UnansweredPort(Model):
    """A UDP port of the gateway that left requests unanswered."""

    port: Port
    """Its number."""
    requests: Count
    """So many within the window."""


class Ike(Method):
    """An IKE_SA_INIT request (RFC 7296) to UDP ports of spec.tunnel.gateway: is the gateway's IKE daemon
    alive? Asked at most once a minute, whatever the schedule."""

    ports: _Ports | None = None
    """UDP ports that are asked, at most 4. Requests to all but 500 have the non-ESP marker of NAT traversal
    before them (RFC 3948 section 2.2). Default: 500 and 4500."""
    plain_ports: _Ports | None = None
    """Those among ports that get no such marker, since they are forwarded to the gateway's port 500.
    Default: none but 500."""
    require: Require | None = None
    """Which ports have to answer: All, each one that does not being a lost packet, or Any. Default: All."""

    detect_nat: Annotated[bool | None, Field(alias="detectNAT")] = None
    """True also finds out whether there is NAT on the way to the gateway (RFC 7296 section 2.23), which
    status.probes[].nat shows: at most every ten minutes, whatever the interval, by a request that leaves a
    half-open SA at the gateway for a while. A cron line must not fire more often. Each request then has a
    quarter of timeout. Default: false."""

    rules = (
        Rule(
            cel="!has(self.plainPorts) || self.plainPorts.all(port, port in "
            f"(has(self.ports) ? self.ports : {list(PORTS)}))",
            holds=lambda self: set(self.plain_ports or ()) <= set(self.ports or PORTS),
            field=".plainPorts",
            message="must be among ports (default: 500 and 4500)",
        ),
    )

    kind = ProbeType.IKE
    summary = "Ask the gateway's IKE daemon whether it is alive."
    status_fields = (
        StatusField(
            name="nat",
            annotation=bool,
            description="Whether there is NAT on the way to the gateway, with ike.detectNAT; absent while "
            "that is not known.",
            figure=Nat,
            read=lambda figure: figure.found,
        ),
        StatusField(
            name="unansweredPorts",
            annotation=Annotated[tuple[UnansweredPort, ...], Field(max_length=MAX_PORTS), ListMap("port")],
            description="UDP ports of the gateway that left requests of the window unanswered; absent while "
            "all answer.",
            figure=Unanswered,
            read=lambda figure: [
                {"port": port, "requests": count} for port, count in list(figure.by_port.items())[:MAX_PORTS]
            ],
        ),
    )

    def options(self, given: Given) -> IkeOptions:
        """See Method."""
        assert given.gateway is not None, "a rule of the spec asks for it"
        return IkeOptions(
            gateway=given.gateway,
            ports=self.ports or PORTS,
            plain_ports=self.plain_ports or (),
            require=self.require or Require.ALL,
            detect_nat=bool(self.detect_nat),
        )

    @classmethod
    def host_field(cls, options: IkeOptions) -> str:
        """See Method."""
        return "spec.tunnel.gateway"

    @classmethod
    def effective(cls, options: IkeOptions) -> dict[str, Any]:
        """See Method."""
        written: dict[str, Any] = {
            "ports": list(options.ports),
            "require": options.require.value,
            "detectNAT": options.detect_nat,
        }
        return written | ({"plainPorts": list(options.plain_ports)} if options.plain_ports else {})
