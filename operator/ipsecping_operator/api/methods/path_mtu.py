"""The search for the path MTU."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping import contract
from ipsecping.contract import PathMtuOptions, ProbeType
from ipsecping.contract.methods.path_mtu import LEAST_MTU, MAX_TRIED, MIN_TRIED, MOST_MTU, Responder

from ..rules import Model, Rule
from ..scalars import Count, Port
from .base import Given, Method, StatusField
from .stamp import StampAuth

Mtu = Annotated[int, Field(ge=LEAST_MTU, le=MOST_MTU)]


class MtuUdpEcho(Model):
    """A search by UDP echo (RFC 862)."""

    port: Port
    """UDP port of the echo responder."""


class MtuIcmp(Model):
    """A search by ICMP echo."""


class PathMtu(Method):
    """A search for the largest IP packet that passes unfragmented (RFC 4821, RFC 8899), with the help of a
    STAMP Session-Reflector, or of a UDP echo responder or the target's ICMP echo, which show there and back
    as one. It begins with small packets, up to `count` until one is answered, and has the time of a round:
    (count - 1) x spacing + timeout."""

    min: Mtu | None = None
    """Smallest packet tried, in bytes. Default: 1280."""
    max: Mtu | None = None
    """Largest packet tried, in bytes. Default: 1500."""
    port: Port | None = None
    """UDP port of the Session-Reflector. Default: 862."""
    auth: StampAuth | None = None
    """Authenticated mode of STAMP. Default: unauthenticated."""
    udp_echo: MtuUdpEcho | None = None
    """Searches by a UDP echo responder instead of a Session-Reflector."""
    icmp: MtuIcmp | None = None
    """Searches by ICMP echo, with any host that answers it; `icmp: {}` is enough. Pairs of packets are at
    least `spacing` apart then, to stay below limits on ICMP."""

    rules = (
        Rule(
            cel=f"(has(self.min) ? self.min : {MIN_TRIED}) <= (has(self.max) ? self.max : {MAX_TRIED})",
            holds=lambda self: self.least <= self.most,
            field=".max",
            message=f"must not be below min (defaults: min {MIN_TRIED}, max {MAX_TRIED})",
        ),
        Rule(
            cel="!has(self.icmp) || !has(self.udpEcho)",
            holds=lambda self: self.icmp is None or self.udp_echo is None,
            field=".icmp",
            reason="FieldValueForbidden",
            message="at most one of icmp and udpEcho: remove one",
        ),
        Rule(
            cel="!has(self.port) || !(has(self.icmp) || has(self.udpEcho))",
            holds=lambda self: self.port is None or self.responder.counts,
            field=".port",
            reason="FieldValueForbidden",
            message="is a Session-Reflector's: remove it, or icmp and udpEcho (which has a port of its own)",
        ),
        Rule(
            cel="!has(self.auth) || !(has(self.icmp) || has(self.udpEcho))",
            holds=lambda self: self.auth is None or self.responder.counts,
            field=".auth",
            reason="FieldValueForbidden",
            message="only a Session-Reflector authenticates: remove it, or icmp and udpEcho",
        ),
    )

    @property
    def least(self) -> int:
        """The smallest packet tried, default included."""
        return self.min or MIN_TRIED

    @property
    def most(self) -> int:
        """The largest packet tried, default included."""
        return self.max or MAX_TRIED

    @property
    def responder(self) -> Responder:
        """What answers."""
        if self.icmp is not None:
            return Responder.ICMP
        return Responder.STAMP if self.udp_echo is None else Responder.UDP_ECHO

    @property
    def planned_port(self) -> int | None:
        """See Method."""
        if self.icmp is not None:
            return None
        return super().planned_port if self.udp_echo is None else self.udp_echo.port

    kind = ProbeType.PATH_MTU
    summary = "Find the largest packet that passes unfragmented."
    status_fields = (
        StatusField(
            name="pathMTU",
            annotation=Count,
            description="Bytes of the largest IP packet that passes, both ways where that is known, by the "
            "newest search.",
            figure=contract.PathMtu,
            read=lambda figure: figure.size,
        ),
    )

    def options(self, given: Given) -> PathMtuOptions:
        """See Method."""
        return PathMtuOptions(
            min=self.least,
            max=self.most,
            responder=self.responder,
            key_file=given.files.get("auth"),
            marked_keys=self.auth is not None,
        )

    @classmethod
    def effective(cls, options: PathMtuOptions) -> dict[str, Any]:
        """See Method."""
        return {"min": options.min, "max": options.max}

    @classmethod
    def effective_port(cls, options: PathMtuOptions, port: int | None) -> dict[str, Any]:
        """See Method."""
        match options.responder:
            case Responder.ICMP:
                return {"icmp": {}}
            case Responder.UDP_ECHO:
                return {"udpEcho": {"port": port}}
            case Responder.STAMP:
                return {"port": port}
