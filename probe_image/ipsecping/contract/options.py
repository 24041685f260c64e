"""What a probe type needs to know beyond count, spacing, timeout, size and port; with its JSON form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from . import fields
from .check import MIN_PAYLOAD, ProbeType
from .fields import ContractError
from .web_url import parse_url

MAX_STATUS_CODES = 16
AUTHENTICATED_STAMP_PAYLOAD = 112  # octets, RFC 8762 section 4.2.2
SOURCE_QUESTION, SEALED_SOURCE_QUESTION = 28, 48
"""Octets that the question for the source address takes, and with the HMAC of the authenticated mode."""
MAX_NAME = 253
LEAST_MTU, MOST_MTU = 576, 65_535

_NAME = re.compile(r"[!-\-/-~]{1,63}(\.[!-\-/-~]{1,63})*\.?")


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
class StampOptions:
    """STAMP beyond its port."""

    key_file: str | None = None
    """File with the keys of the authenticated mode, the first of which signs; None: unauthenticated."""
    marked_keys: bool = False
    """Only keys in marked form count, see host.key_file: no password can be used as one."""
    ask_source: bool = False
    """Ask the reflector, in each packet, which source address it sees (RFC 8972 section 4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """A TLS handshake after the connect."""

    server_name: str | None = None
    """Name for SNI and certificate verification; None: the host as written in the plan (HTTP: in the URL)."""
    ca_file: str | None = None
    """Certificates to trust; None: the system's."""
    verify: bool = True
    """Whether a certificate that cannot be verified is a failure (TLSFailed)."""
    strict: bool = False
    """Whether the strict profile of RFC 5280 is asked of the certificates as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOptions:
    """TCP connect, and TLS where asked for."""

    tls: TlsOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """An HTTP GET."""

    url: str
    """Absolute, http or https. Its host is connected to, which may be another than the target."""
    status_codes: tuple[int, ...] = (200,)
    tls: TlsOptions = TlsOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOptions:
    """A DNS query over UDP to the target."""

    query: str
    record_type: RecordType = RecordType.A


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtuOptions:
    """A search for the largest IP packet (octets) that passes with Don't Fragment set, in these bounds."""

    min: int = 1280
    max: int = 1500
    key_file: str | None = None
    marked_keys: bool = False
    """Both as in StampOptions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeOptions:
    """An IKE_SA_INIT (RFC 7296) to ports 500 and 4500 of the gateway."""

    gateway: str
    """Address or name of the remote gateway's public endpoint."""
    detect_nat: bool = False
    """Also ask with an acceptable proposal, at most every ten minutes, whether there is NAT on the way."""


Options: TypeAlias = StampOptions | TcpOptions | HttpOptions | DnsOptions | PathMtuOptions | IkeOptions


def least_payload(kind: ProbeType, options: Options | None) -> int:
    """Least octets of payload of a probe with these options; 0 where there is no size to choose."""
    if isinstance(options, StampOptions):
        return stamp_payload(signed=options.key_file is not None, asks=options.ask_source)
    return MIN_PAYLOAD.get(kind, 0)


def stamp_payload(*, signed: bool, asks: bool) -> int:
    """Least octets of a STAMP packet that is signed, and one that asks for the source address."""
    if signed:
        return AUTHENTICATED_STAMP_PAYLOAD + (SEALED_SOURCE_QUESTION if asks else 0)
    return MIN_PAYLOAD[ProbeType.STAMP] + (SOURCE_QUESTION if asks else 0)


def options_to_json(options: Options) -> dict[str, Any]:
    """The JSON object; absent keys mean the default."""
    match options:
        case StampOptions():
            return _present(
                keyFile=options.key_file,
                markedKeys=options.marked_keys or None,
                askSource=options.ask_source or None,
            )
        case TcpOptions():
            return _present(tls=None if options.tls is None else tls_to_json(options.tls))
        case HttpOptions():
            return _present(
                url=options.url, statusCodes=list(options.status_codes), tls=tls_to_json(options.tls) or None
            )
        case DnsOptions():
            return _present(query=options.query, recordType=options.record_type.value)
        case PathMtuOptions():
            return _present(
                min=options.min,
                max=options.max,
                keyFile=options.key_file,
                markedKeys=options.marked_keys or None,
            )
        case IkeOptions():
            return _present(gateway=options.gateway, detectNAT=options.detect_nat or None)


def options_from_json(kind: ProbeType, value: object, path: str) -> Options | None:
    """Options of a probe of that type, None for types that have none; raises ContractError."""
    read = _READERS.get(kind)
    if read is None:
        if value is not None:
            raise ContractError(f"{path}: {kind} has no options")
        return None
    return read(fields.mapping({} if value is None else value, path), path)


def _stamp(source: Mapping[str, Any], path: str) -> StampOptions:
    return StampOptions(
        key_file=fields.optional_text(source, "keyFile", path),
        marked_keys=fields.flag(source, "markedKeys", path),
        ask_source=fields.flag(source, "askSource", path),
    )


def _tcp(source: Mapping[str, Any], path: str) -> TcpOptions:
    return TcpOptions(tls=None if source.get("tls") is None else _tls(source["tls"], f"{path}.tls"))


def _http(source: Mapping[str, Any], path: str) -> HttpOptions:
    url = fields.text(source, "url", path)
    try:
        parse_url(url)
    except ValueError as error:
        raise ContractError(f"{path}.url: {error}") from None
    listed = source.get("statusCodes", [200])
    codes = fields.sequence(listed, f"{path}.statusCodes", at_most=MAX_STATUS_CODES)
    if not codes or any(type(code) is not int or not 100 <= code <= 599 for code in codes):
        raise ContractError(f"{path}.statusCodes: expected HTTP status codes from 100 to 599")
    return HttpOptions(
        url=url,
        status_codes=tuple(codes),
        tls=_tls(source.get("tls") or {}, f"{path}.tls"),
    )


def _dns(source: Mapping[str, Any], path: str) -> DnsOptions:
    record = fields.member(source, "recordType", path, RecordType) if "recordType" in source else RecordType.A
    query = fields.text(source, "query", path)
    if not is_domain_name(query):
        raise ContractError(
            f"{path}.query: {query!r} is not a domain name (labels of 1 to 63 ASCII characters, "
            "253 in all; write international names as xn--...)"
        )
    return DnsOptions(query=query, record_type=record)


def is_domain_name(text: str) -> bool:
    """Whether `text` can be asked for: RFC 1035 section 2.3.4; a final dot is allowed, "." is the root."""
    return text == "." or (len(text.rstrip(".")) <= MAX_NAME and bool(_NAME.fullmatch(text)))


def _path_mtu(source: Mapping[str, Any], path: str) -> PathMtuOptions:
    low = fields.integer({"min": 1280, **source}, "min", path, at_least=LEAST_MTU, at_most=MOST_MTU)
    high = fields.integer({"max": 1500, **source}, "max", path, at_least=low, at_most=MOST_MTU)
    return PathMtuOptions(
        min=low,
        max=high,
        key_file=fields.optional_text(source, "keyFile", path),
        marked_keys=fields.flag(source, "markedKeys", path),
    )


def _ike(source: Mapping[str, Any], path: str) -> IkeOptions:
    return IkeOptions(
        gateway=fields.text(source, "gateway", path), detect_nat=fields.flag(source, "detectNAT", path)
    )


def _tls(value: object, path: str) -> TlsOptions:
    source = fields.mapping(value, path)
    server_name = fields.optional_text(source, "serverName", path)
    if server_name is not None and not is_domain_name(server_name):
        raise ContractError(f"{path}.serverName: {server_name!r} is neither a domain name nor an IP address")
    return TlsOptions(
        server_name=server_name,
        ca_file=fields.optional_text(source, "caFile", path),
        verify=fields.flag(source, "verify", path, default=True),
        strict=fields.flag(source, "strict", path),
    )


def tls_to_json(tls: TlsOptions) -> dict[str, Any]:
    """The JSON object; empty when all is as usual."""
    return _present(
        serverName=tls.server_name,
        caFile=tls.ca_file,
        verify=None if tls.verify else False,
        strict=tls.strict or None,
    )


def _present(**content: Any) -> dict[str, Any]:
    return {key: value for key, value in content.items() if value is not None}


_READERS: Mapping[ProbeType, Callable[[Mapping[str, Any], str], Options]] = MappingProxyType(
    {
        ProbeType.STAMP: _stamp,
        ProbeType.TCP: _tcp,
        ProbeType.HTTP: _http,
        ProbeType.DNS: _dns,
        ProbeType.PATH_MTU: _path_mtu,
        ProbeType.IKE: _ike,
    }
)
