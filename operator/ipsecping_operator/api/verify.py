"""What is verified beyond figures."""

from typing import Annotated

from pydantic import Field

from ipsecping.contract.methods.arrival import MAX_DSCP

from . import defaults
from .rules import Model, Rule
from .scalars import Cidr

MOST_HOPS = 254
"""A packet that leaves with a TTL of 255 can pass so many routers."""
_LIST = {"x-kubernetes-list-type": "atomic"}


class VerifyDscp(Model):
    """Which code points packets may arrive with."""

    allowed: (
        Annotated[
            tuple[Annotated[int, Field(ge=0, le=MAX_DSCP)], ...],
            Field(min_length=1, max_length=defaults.MAX_VALUES_SEEN, json_schema_extra=_LIST),
        ]
        | None
    ) = None
    """Allowed code points, if a gateway is meant to set another one. Default: the one that the probe
    sends."""


class VerifyHops(Model):
    """How many routers packets may pass on the way to the target."""

    min: Annotated[int, Field(ge=0, le=MOST_HOPS)] | None = None
    """Least number of routers. Default: 0."""
    max: Annotated[int, Field(ge=0, le=MOST_HOPS)] | None = None
    """Largest number of routers. Default: 254."""

    rules = (
        Rule(
            cel="has(self.min) || has(self.max)",
            holds=lambda self: self.min is not None or self.max is not None,
            reason="FieldValueRequired",
            message="min, max or both are needed, such as {min: 2, max: 2}",
        ),
        Rule(
            cel="!has(self.min) || !has(self.max) || self.min <= self.max",
            holds=lambda self: self.min is None or self.max is None or self.min <= self.max,
            field=".max",
            message="must not be below min",
        ),
    )


class Verify(Model):
    """How packets must arrive at the target, as the reflector sees them. All stamp probes ask it, except
    those that expect Blocked."""

    source_seen: (
        Annotated[
            tuple[Cidr, ...],
            Field(min_length=1, max_length=defaults.MAX_VALUES_SEEN, json_schema_extra=_LIST),
        ]
        | None
    ) = None
    """Networks that the source address of the packets must lie in; any other address means NAT or traffic
    beside the tunnel: SourceMismatch. It is asked for in a Location TLV (RFC 8972 section 4.2), which makes
    packets 28 bytes longer. While a reflector does not tell the address, Healthy is Unknown with
    SourceUnknown. Default: not verified."""
    dscp: VerifyDscp | None = None
    """The DSCP that packets must arrive with, by default (dscp: {}) the one that they are sent with. Any
    other one, and any ECN field but 0, means that they are re-marked on the way: DSCPMismatch. It is asked
    for in a Class of Service TLV (RFC 8972 section 4.4), which makes packets 8 bytes longer; the HMAC that
    stamp.auth adds to what is asked, of either kind, takes 20. While a reflector does not tell it, Healthy is
    Unknown with DSCPUnknown. Default: not verified."""
    hops: VerifyHops | None = None
    """How many routers packets must pass, by the TTL that they arrive with (RFC 8762 section 4.3.1). Through
    a tunnel it is a small constant number, so that another one means another route, or traffic beside the
    tunnel: HopsMismatch. Packets leave with a TTL of 64 unless the probe has another one. While a reflector
    does not tell the TTL, Healthy is Unknown with HopsUnknown. Default: not verified."""

    @property
    def asks_source(self) -> bool:
        """Whether packets ask which address they come from."""
        return self.source_seen is not None

    @property
    def asks_dscp(self) -> bool:
        """Whether packets ask which DSCP and ECN they arrive with."""
        return self.dscp is not None

    @property
    def asks(self) -> bool:
        """Whether packets ask for anything: what TTL they arrive with, every answer tells."""
        return self.asks_source or self.asks_dscp

    rules = (
        Rule(
            cel="has(self.sourceSeen) || has(self.dscp) || has(self.hops)",
            holds=lambda self: not (self.source_seen is None and self.dscp is None and self.hops is None),
            reason="FieldValueRequired",
            message="at least one of sourceSeen, dscp and hops is needed",
        ),
    )
