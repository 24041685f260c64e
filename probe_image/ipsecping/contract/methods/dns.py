"""DNS over UDP (RFC 1035)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from .. import fields
from ..check import ProbeType
from ..fields import ContractError
from .names import is_domain_name
from .spec import HEADERS, Flag, MethodSpec, Options, Traffic

PORT = 53


class RecordType(StrEnum):
    """DNS record types that can be asked for (RFC 1035 section 3.2.2, RFC 3596)."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    NS = "NS"
    PTR = "PTR"
    SOA = "SOA"
    SRV = "SRV"
    TXT = "TXT"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOptions(Options):
    """A DNS query over UDP to the target."""

    query: str
    record_type: RecordType = RecordType.A

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        known = "recordType" in source
        record = fields.member(source, "recordType", path, RecordType) if known else RecordType.A
        query = fields.text(source, "query", path)
        if not is_domain_name(query):
            raise ContractError(
                f"{path}.query: {query!r} is not a domain name (labels of 1 to 63 ASCII characters, "
                "253 in all; write international names as xn--...)"
            )
        return cls(query=query, record_type=record)

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return {"query": self.query, "recordType": self.record_type.value}


def _traffic(options: DnsOptions, size: int, turns: int) -> Traffic:
    return Traffic(1, HEADERS + 18 + len(options.query)).times(turns)


def _asked_for(text: str, flags: Mapping[str, Any]) -> DnsOptions:
    query, _, record = text.partition("/")
    return DnsOptions.from_json({"query": query, "recordType": (record or "A").upper()}, "--dns")


METHOD = MethodSpec(
    name=ProbeType.DNS,
    member="dns",
    module="dns",
    options=DnsOptions,
    port=PORT,
    turn="queries",
    traffic=_traffic,
    flag=Flag("NAME[/TYPE]", "ask HOST for this name (TYPE: A when absent)", is_port=False, read=_asked_for),
)
