"""What is verified beyond figures."""

from typing import Annotated

from pydantic import Field

from . import defaults
from .rules import Model
from .scalars import Cidr


class Verify(Model):
    """What must hold of the packets that arrive at the target."""

    source_seen: Annotated[
        tuple[Cidr, ...],
        Field(
            min_length=1,
            max_length=defaults.MAX_SOURCES_SEEN,
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]
    """Networks that the source address of the packets must lie in, as the reflector sees it; any other
    address means NAT or traffic beside the tunnel: SourceMismatch. All stamp probes but those that expect
    Blocked ask for it, in a Location TLV (RFC 8972), which makes their packets 28 bytes longer, 48 with
    stamp.auth. While a reflector does not tell the address, Healthy is Unknown with SourceUnknown."""
