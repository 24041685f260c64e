"""The search for the path MTU."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping import contract
from ipsecping.contract import PathMtuOptions, ProbeType
from ipsecping.contract.methods.path_mtu import LEAST_MTU, MAX_TRIED, MIN_TRIED, MOST_MTU

from ..rules import Rule
from ..scalars import Count, Port
from .base import Given, Method, StatusField
from .stamp import StampAuth

Mtu = Annotated[int, Field(ge=LEAST_MTU, le=MOST_MTU)]


class PathMtu(Method):
    """A search for the largest IP packet that passes unfragmented (RFC 4821, RFC 8899), with the help of a
    STAMP Session-Reflector. It begins with small packets, up to `count` until one is answered, and has the
    time of a round: (count - 1) x spacing + timeout."""

    min: Mtu | None = None
    """Smallest packet tried, in bytes. Default: 1280."""
    max: Mtu | None = None
    """Largest packet tried, in bytes. Default: 1500."""
    port: Port | None = None
    """UDP port of the Session-Reflector. Default: 862."""
    auth: StampAuth | None = None
    """Authenticated mode of STAMP. Default: unauthenticated."""

    rules = (
        Rule(
            cel=f"(has(self.min) ? self.min : {MIN_TRIED}) <= (has(self.max) ? self.max : {MAX_TRIED})",
            holds=lambda self: self.least <= self.most,
            field=".max",
            message=f"must not be below min (defaults: min {MIN_TRIED}, max {MAX_TRIED})",
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
            key_file=given.files.get("auth"),
            marked_keys=self.auth is not None,
        )

    @classmethod
    def effective(cls, options: PathMtuOptions) -> dict[str, Any]:
        """See Method."""
        return {"min": options.min, "max": options.max}
