"""DNS."""

from typing import Annotated

from pydantic import Field

from ipsecping.contract import ProbeType, RecordType
from ipsecping.contract.methods.dns import (
    MAX_ANSWERS,
    MAX_EDNS,
    MAX_NETWORKS,
    MIN_EDNS,
    Rcode,
    Transport,
)
from ipsecping.contract.methods.dns_text import MAX_ANSWER

from ..rules import Rule, matching
from ..scalars import Cidr, Port
from .base import Method

_LABEL = "[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?"
_QUERY = f"^({_LABEL}[.])*{_LABEL}[.]?$"


class Dns(Method):
    """A DNS query to the target, and what is expected of its answer."""

    query: Annotated[
        str,
        Field(min_length=1, max_length=253),
        matching(
            _QUERY,
            "must be a DNS name: labels of at most 63 letters, digits, - and _, such as db.dc1.example",
        ),
    ]
    """Name that is asked for."""
    record_type: RecordType | None = None
    """Type of the records that are asked for. Default: A."""
    port: Port | None = None
    """Port of the name server. Default: 53."""
    transport: Transport | None = None
    """UDP, or TCP with a connection for each query. Default: UDP."""
    edns_size: Annotated[int, Field(ge=MIN_EDNS, le=MAX_EDNS)] | None = None
    """Bytes of a UDP answer that are taken, told by EDNS (RFC 6891). Default: no EDNS, so 512."""
    rcodes: (
        Annotated[
            tuple[Rcode, ...],
            Field(
                min_length=1, max_length=len(Rcode), json_schema_extra={"x-kubernetes-list-type": "atomic"}
            ),
        ]
        | None
    ) = None
    """Response codes of a good answer; NOERROR needs a record of the type as well. Default: NOERROR."""
    networks: (
        Annotated[
            tuple[Cidr, ...],
            Field(
                min_length=1, max_length=MAX_NETWORKS, json_schema_extra={"x-kubernetes-list-type": "atomic"}
            ),
        ]
        | None
    ) = None
    """Networks in which all addresses of the answer must lie, with records A and AAAA. Default: any."""
    answers: (
        Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=MAX_ANSWER)], ...],
            Field(
                min_length=1, max_length=MAX_ANSWERS, json_schema_extra={"x-kubernetes-list-type": "atomic"}
            ),
        ]
        | None
    ) = None
    """Data of records as in a zone file, such as "10 mail.example" for MX: all records of the type in the
    answer must be among these. Case, the last dot of names and how texts are cut make no difference.
    Default: any."""
    sequence_label: bool | None = None
    """True asks for s1.QUERY, s2.QUERY and so on: found in the server's log, and answered by no cache; the
    zone needs a wildcard. Default: false."""

    rules = (
        Rule(
            cel="!has(self.networks) || !has(self.recordType) || self.recordType in ['A', 'AAAA']",
            holds=lambda self: self.networks is None or self.record_type in (None, "A", "AAAA"),
            field=".networks",
            reason="FieldValueForbidden",
            message="only A and AAAA records have addresses",
        ),
    )

    kind = ProbeType.DNS
    summary = "Measure the time to the answer to a DNS query."
