"""An HTTP request and what is expected of its answer (RFC 9110)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self

from .. import fields
from ..check import ProbeType
from ..fields import ContractError, shown
from ..web_url import parse_url
from .expressions import is_unicode, read_pattern
from .spec import CONNECTION, Flag, MethodSpec, Options, Traffic
from .tls import CertificateExpiry, TlsOptions

MAX_STATUS_CODES = 16
MAX_HEADERS = 16
MAX_BODY = 4096
"""Characters of a request's body."""
MAX_PATTERNS = 8
MAX_REDIRECTS = 10
REQUEST = Traffic(8, 1500)
"""With the acknowledgements of a short answer."""
CREDENTIALS = Traffic(8, 12_000)
"""The longest that are read of a Secret (`host.secret_file`), in base64."""

_AS_USUAL = TlsOptions()
FIELD_NAME = "[-!#$%&'*+.^_`|~0-9A-Za-z]{1,64}"
"""RFC 9110 section 5.6.2."""
FIELD_VALUE = "[!-~]([ -~]{0,510}[!-~])?"
AUTHORITY = "[-.0-9A-Za-z_:\\[\\]]{1,261}"
OWN_FIELDS = frozenset(
    {
        "accept-encoding", "authorization", "connection", "content-length", "host", "proxy-authorization",
        "transfer-encoding", "x-ipsecping",
    }
)  # fmt: skip
"""Fields that the prober writes itself; credentials come from Secrets, since everybody can read a plan."""


class Method(StrEnum):
    """Request methods (RFC 9110 section 9, RFC 5789)."""

    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    OPTIONS = "OPTIONS"


class ConnectTo(StrEnum):
    """Whom an HTTP probe connects to."""

    URL = "URL"
    TARGET = "Target"


class Header(NamedTuple):
    """A header field to send, or with a pattern in the place of its value, one to look at."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions(Options):
    """An HTTP request, and the answer that is wanted."""

    url: str
    """Absolute, http or https."""
    connect_to: ConnectTo = ConnectTo.URL
    """URL: its host, which may be another than the target. Target: the target, at the URL's port."""
    method: Method = Method.GET
    host: str | None = None
    """The Host field; None: as the URL has it."""
    headers: tuple[Header, ...] = ()
    body: str | None = None
    username: str | None = None
    """Of Basic authentication (RFC 7617); its password is in `password_file`."""
    password_file: str | None = None
    token_file: str | None = None
    """The token of Bearer authentication (RFC 6750)."""
    insecure_credentials: bool = False
    """Credentials may also be sent by http, or to whoever shows any certificate."""
    max_redirects: int = 0
    gzip: bool = False
    """A compressed answer is asked for."""
    sequence_header: bool = False
    """Requests carry `X-IPsecPing: seq=N; time=SECONDS`, by which they are found in a server's log."""
    status_codes: tuple[int, ...] = (200,)
    body_matches: tuple[str, ...] = ()
    """Patterns that all have to be found in the body."""
    body_not_matches: tuple[str, ...] = ()
    """Patterns none of which may be found."""
    header_matches: tuple[Header, ...] = ()
    """For each of these some field of the name has to match."""
    header_not_matches: tuple[Header, ...] = ()
    """For each of these no field of the name may match."""
    tls: TlsOptions = _AS_USUAL

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        made = cls(
            url=_url(source, path),
            connect_to=_chosen(source, "connectTo", path, ConnectTo, ConnectTo.URL),
            method=_chosen(source, "method", path, Method, Method.GET),
            host=_host(source, path),
            headers=_headers(source, "headers", path, is_sent=True),
            body=_body(source, path),
            username=fields.optional_text(source, "username", path),
            password_file=fields.optional_text(source, "passwordFile", path),
            token_file=fields.optional_text(source, "tokenFile", path),
            insecure_credentials=fields.flag(source, "insecureCredentials", path),
            max_redirects=fields.optional_integer(source, "maxRedirects", path, at_most=MAX_REDIRECTS) or 0,
            gzip=fields.flag(source, "gzip", path),
            sequence_header=fields.flag(source, "sequenceHeader", path),
            status_codes=_status_codes(source, path),
            body_matches=_patterns(source, "bodyMatches", path),
            body_not_matches=_patterns(source, "bodyNotMatches", path),
            header_matches=_headers(source, "headerMatches", path, is_sent=False),
            header_not_matches=_headers(source, "headerNotMatches", path, is_sent=False),
            tls=TlsOptions.from_json(source.get("tls") or {}, f"{path}.tls"),
        )
        made._require_sense(path)
        return made

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            url=self.url,
            connectTo=None if self.connect_to is ConnectTo.URL else self.connect_to.value,
            method=None if self.method is Method.GET else self.method.value,
            host=self.host,
            headers=_written(self.headers, "value"),
            body=self.body,
            username=self.username,
            passwordFile=self.password_file,
            tokenFile=self.token_file,
            insecureCredentials=self.insecure_credentials or None,
            maxRedirects=self.max_redirects or None,
            gzip=self.gzip or None,
            sequenceHeader=self.sequence_header or None,
            statusCodes=list(self.status_codes),
            bodyMatches=list(self.body_matches) or None,
            bodyNotMatches=list(self.body_not_matches) or None,
            headerMatches=_written(self.header_matches, "pattern"),
            headerNotMatches=_written(self.header_not_matches, "pattern"),
            tls=self.tls.to_json() or None,
        )

    def destination(self, target: str) -> str:
        """See Options."""
        return target if self.connect_to is ConnectTo.TARGET else parse_url(self.url).host

    @property
    def discloses_secret(self) -> bool:
        """See Options."""
        return self.password_file is not None or self.token_file is not None

    @property
    def looks_at_body(self) -> bool:
        """Whether an answer is judged by its body too."""
        return bool(self.body_matches or self.body_not_matches)

    def _require_sense(self, path: str) -> None:
        if self.body is not None and self.method in (Method.GET, Method.HEAD):
            raise ContractError(f"{path}.body: a {self.method} has none: choose another method")
        if (self.username is None) != (self.password_file is None):
            raise ContractError(f"{path}.username: a user name and a password belong together")
        if self.username is not None and ":" in self.username:
            raise ContractError(f"{path}.username: must not contain a colon (RFC 7617)")
        if self.password_file is not None and self.token_file is not None:
            raise ContractError(f"{path}.tokenFile: either a password or a token, not both")
        secure = self.url.startswith("https://") and self.tls.verify
        if self.discloses_secret and not secure and not self.insecure_credentials:
            raise ContractError(
                f"{path}.insecureCredentials: credentials need an https URL and a verified certificate, "
                "or true here"
            )


def _url(source: Mapping[str, Any], path: str) -> str:
    url = fields.text(source, "url", path)
    try:
        parse_url(url)
    except ValueError as error:
        raise ContractError(f"{path}.url: {error}") from None
    return url


def _chosen(source: Mapping[str, Any], key: str, path: str, enum: Any, usual: Any) -> Any:
    return usual if source.get(key) is None else fields.member(source, key, path, enum)


def _host(source: Mapping[str, Any], path: str) -> str | None:
    host = fields.optional_text(source, "host", path)
    if host is not None and not re.fullmatch(AUTHORITY, host):
        raise ContractError(f"{path}.host: {shown(host)} is not a host, with a port or without")
    return host


def _body(source: Mapping[str, Any], path: str) -> str | None:
    body = source.get("body")
    if body is None:
        return None
    if not isinstance(body, str) or len(body) > MAX_BODY or not is_unicode(body):
        raise ContractError(f"{path}.body: expected a text of at most {MAX_BODY} characters")
    return body


def _status_codes(source: Mapping[str, Any], path: str) -> tuple[int, ...]:
    listed = source.get("statusCodes", [200])
    codes = fields.sequence(listed, f"{path}.statusCodes", at_most=MAX_STATUS_CODES)
    if not codes or any(type(code) is not int or not 100 <= code <= 599 for code in codes):
        raise ContractError(f"{path}.statusCodes: expected HTTP status codes from 100 to 599")
    return tuple(codes)


def _patterns(source: Mapping[str, Any], key: str, path: str) -> tuple[str, ...]:
    listed = fields.sequence(source.get(key) or [], f"{path}.{key}", at_most=MAX_PATTERNS)
    return tuple(read_pattern(each, f"{path}.{key}[{i}]") for i, each in enumerate(listed))


def _headers(source: Mapping[str, Any], key: str, path: str, *, is_sent: bool) -> tuple[Header, ...]:
    listed = fields.sequence(source.get(key) or [], f"{path}.{key}", at_most=MAX_HEADERS)
    return tuple(_header(each, f"{path}.{key}[{i}]", is_sent=is_sent) for i, each in enumerate(listed))


def _header(value: object, path: str, *, is_sent: bool) -> Header:
    source = fields.mapping(value, path)
    name = fields.text(source, "name", path)
    if not re.fullmatch(FIELD_NAME, name):
        raise ContractError(f"{path}.name: {shown(name)} is not the name of a header field")
    if not is_sent:
        return Header(name, read_pattern(source.get("pattern"), f"{path}.pattern"))
    if name.lower() in OWN_FIELDS:
        raise ContractError(
            f"{path}.name: {name} is written by the prober: there are fields for what it says"
        )
    content = fields.text(source, "value", path)
    if not re.fullmatch(FIELD_VALUE, content):
        raise ContractError(f"{path}.value: expected printable ASCII without blanks at the ends")
    return Header(name, content)


def _written(headers: tuple[Header, ...], key: str) -> list[dict[str, str]] | None:
    return [{"name": each.name, key: each.value} for each in headers] or None


def _traffic(options: HttpOptions, size: int, turns: int) -> Traffic:
    sent = REQUEST + Traffic(0, sum(len(each) for pair in options.headers for each in pair))
    sent += Traffic(0, len((options.body or "").encode()))
    if options.password_file or options.token_file:
        sent += CREDENTIALS
    if options.url.startswith("https:") or options.max_redirects:  # they may lead there
        sent += options.tls.handshake
    return (CONNECTION + sent).times(turns * (1 + options.max_redirects))


def _asked_for(url: str, flags: Mapping[str, Any]) -> HttpOptions:
    given = fields.present(
        url=url,
        method=flags["method"],
        host=flags["host_header"],
        headers=[_split(each, "value") for each in flags["header"] or ()],
        body=flags["data"],
        username=flags["user"],
        passwordFile=flags["password_file"],
        tokenFile=flags["token_file"],
        insecureCredentials=flags["insecure_credentials"],
        maxRedirects=flags["max_redirects"],
        gzip=flags["gzip"],
        sequenceHeader=flags["sequence"],
        statusCodes=flags["status"],
        bodyMatches=flags["body_matches"],
        bodyNotMatches=flags["body_not_matches"],
        headerMatches=[_split(each, "pattern") for each in flags["header_matches"] or ()],
        headerNotMatches=[_split(each, "pattern") for each in flags["header_not_matches"] or ()],
        tls=TlsOptions.of_flags(flags).to_json(),
        connectTo="Target",
    )
    return HttpOptions.from_json(given, "--http")


def _split(text: str, key: str) -> dict[str, str]:
    name, _, value = text.partition(":")
    return {"name": name, key: value.strip()}


METHOD = MethodSpec(
    name=ProbeType.HTTP,
    member="http",
    module="http",
    options=HttpOptions,
    has_port=False,
    turn="connections",
    figures=(CertificateExpiry,),
    traffic=_traffic,
    flag=Flag("URL", "GET this URL from HOST, whatever host the URL names", is_port=False, read=_asked_for),
)
