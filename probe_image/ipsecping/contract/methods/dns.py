"""DNS over UDP and TCP (RFC 1035, RFC 7766)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Any, Self

from .. import fields
from ..check import ProbeType
from ..fields import ContractError
from .names import is_domain_name
from .spec import CONNECTION, HEADERS, Flag, MethodSpec, Options, Traffic

PORT = 53
MIN_EDNS, MAX_EDNS = 512, 4096
MAX_NETWORKS = 16
MAX_ANSWERS = 16


class RecordType(StrEnum):
    """DNS record types that can be asked for (RFC 1035 section 3.2.2 and later ones)."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    NS = "NS"
    PTR = "PTR"
    SOA = "SOA"
    SRV = "SRV"
    TXT = "TXT"
    CAA = "CAA"
    DNSKEY = "DNSKEY"
    DS = "DS"
    HTTPS = "HTTPS"
    NAPTR = "NAPTR"
    SVCB = "SVCB"
    TLSA = "TLSA"


class Rcode(StrEnum):
    """Response codes that can be asked for (RFC 1035 section 4.1.1)."""

    NOERROR = "NOERROR"
    FORMERR = "FORMERR"
    SERVFAIL = "SERVFAIL"
    NXDOMAIN = "NXDOMAIN"
    NOTIMP = "NOTIMP"
    REFUSED = "REFUSED"

    @property
    def number(self) -> int:
        """Its number on the wire."""
        return list(Rcode).index(self)


class Transport(StrEnum):
    """What a query is sent by."""

    UDP = "UDP"
    TCP = "TCP"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOptions(Options):
    """A DNS query to the target, and the answer that is wanted."""

    query: str
    record_type: RecordType = RecordType.A
    transport: Transport = Transport.UDP
    edns_size: int | None = None
    """Bytes of a UDP answer that are taken, told by EDNS (RFC 6891); None: no EDNS."""
    rcodes: tuple[Rcode, ...] = (Rcode.NOERROR,)
    """Response codes of a good answer. NOERROR needs a record of the type as well."""
    networks: tuple[str, ...] = ()
    """Networks in which all addresses of the answer must lie; empty: anywhere."""
    answers: tuple[str, ...] = ()
    """Data of records, in presentation format, among which all records of the type must be; empty: any."""
    sequence_label: bool = False
    """The name that is asked for has the packet's number before it: `s12.` and `query`."""

    def name(self, sequence: int) -> str:
        """Return the name that a packet asks for."""
        return f"s{sequence}.{self.query}" if self.sequence_label else self.query

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
        labelled = fields.flag(source, "sequenceLabel", path)
        if labelled and not is_domain_name(f"s{10**10}.{query}"):
            raise ContractError(f"{path}.query: too long for sequenceLabel, which takes 12 characters")
        over = Transport.UDP
        if source.get("transport") is not None:
            over = fields.member(source, "transport", path, Transport)
        return cls(
            query=query,
            record_type=record,
            transport=over,
            edns_size=fields.optional_integer(source, "ednsSize", path, at_least=MIN_EDNS, at_most=MAX_EDNS),
            rcodes=_rcodes(source, path),
            networks=_networks(source, path, record),
            answers=_answers(source, path, record),
            sequence_label=labelled,
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            query=self.query,
            recordType=self.record_type.value,
            transport=None if self.transport is Transport.UDP else self.transport.value,
            ednsSize=self.edns_size,
            rcodes=None if self.rcodes == (Rcode.NOERROR,) else [each.value for each in self.rcodes],
            networks=list(self.networks) or None,
            answers=list(self.answers) or None,
            sequenceLabel=self.sequence_label or None,
        )


def _rcodes(source: Mapping[str, Any], path: str) -> tuple[Rcode, ...]:
    listed = source.get("rcodes")
    if listed is None:
        return (Rcode.NOERROR,)
    codes = fields.sequence(listed, f"{path}.rcodes", at_most=len(Rcode))
    if not codes:
        raise ContractError(f"{path}.rcodes: empty: leave it out for NOERROR")
    return tuple(
        fields.member({str(i): each}, str(i), f"{path}.rcodes", Rcode) for i, each in enumerate(codes)
    )


def _networks(source: Mapping[str, Any], path: str, record: RecordType) -> tuple[str, ...]:
    listed = fields.sequence(source.get("networks") or [], f"{path}.networks", at_most=MAX_NETWORKS)
    if listed and record not in (RecordType.A, RecordType.AAAA):
        raise ContractError(f"{path}.networks: only A and AAAA records have addresses")
    for index, each in enumerate(listed):
        try:
            ip_network(each if isinstance(each, str) else "")
        except ValueError:
            raise ContractError(
                f"{path}.networks[{index}]: {fields.shown(each)} is not an address or a network"
            ) from None
    return tuple(listed)


def _answers(source: Mapping[str, Any], path: str, record: RecordType) -> tuple[str, ...]:
    listed = fields.sequence(source.get("answers") or [], f"{path}.answers", at_most=MAX_ANSWERS)
    if not listed:
        return ()
    from .dns_text import canonical  # most plans expect no records, and its import costs milliseconds

    for index, each in enumerate(listed):
        try:
            canonical(record.value, each if isinstance(each, str) else "")
        except ValueError as error:
            raise ContractError(
                f"{path}.answers[{index}]: {fields.shown(each)} is no {record.value} record: {error}"
            ) from None
    return tuple(listed)


def _traffic(options: DnsOptions, size: int, turns: int) -> Traffic:
    connection = CONNECTION if options.transport is Transport.TCP else Traffic(0, 0)
    return (connection + Traffic(1, HEADERS + 41 + len(options.query))).times(turns)


def _asked_for(text: str, flags: Mapping[str, Any]) -> DnsOptions:
    query, _, record = text.partition("/")
    given = fields.present(
        query=query,
        recordType=(record or "A").upper(),
        transport="TCP" if flags["dns_tcp"] else None,
        ednsSize=flags["edns_size"],
        rcodes=flags["rcode"],
        networks=flags["answer_in"],
        answers=flags["answer"],
        sequenceLabel=flags["sequence_label"],
    )
    return DnsOptions.from_json(given, "--dns")


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
