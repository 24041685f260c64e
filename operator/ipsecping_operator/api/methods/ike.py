"""IKE_SA_INIT to the gateway."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping.contract import IkeOptions, Nat, ProbeType

from .base import Given, Method, StatusField


class Ike(Method):
    """An IKE_SA_INIT request (RFC 7296) to ports 500 and 4500 of spec.tunnel.gateway: is the gateway's IKE
    daemon alive? Asked at most once a minute, whatever the schedule."""

    detect_nat: Annotated[bool | None, Field(alias="detectNAT")] = None
    """True also finds out whether there is NAT on the way to the gateway (RFC 7296 section 2.23), which
    status.probes[].nat shows: at most every ten minutes, whatever the interval, by a request that leaves a
    half-open SA at the gateway for a while. A cron line must not fire more often. Each request then has a
    quarter of timeout. Default: false."""

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
    )

    def options(self, given: Given) -> IkeOptions:
        """See Method."""
        assert given.gateway is not None, "a rule of the spec asks for it"
        return IkeOptions(gateway=given.gateway, detect_nat=bool(self.detect_nat))

    @classmethod
    def host_field(cls, options: IkeOptions) -> str:
        """See Method."""
        return "spec.tunnel.gateway"

    @classmethod
    def effective(cls, options: IkeOptions) -> dict[str, Any]:
        """See Method."""
        return {"detectNAT": options.detect_nat}
