"""DNS."""

from typing import Annotated

from pydantic import Field

from ipsecping.contract import ProbeType, RecordType

from ..scalars import Port
from .base import Method

_LABEL = "[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?"
_QUERY = f"^({_LABEL}[.])*{_LABEL}[.]?$"


class Dns(Method):
    """A DNS query over UDP to the target."""

    query: Annotated[str, Field(min_length=1, max_length=253, pattern=_QUERY)]
    """Name that is asked for."""
    record_type: RecordType | None = None
    """Type of the records that are asked for. Default: A."""
    port: Port | None = None
    """UDP port of the name server. Default: 53."""

    kind = ProbeType.DNS
    summary = "Measure the time to the answer to a DNS query."
