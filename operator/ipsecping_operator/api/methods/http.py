"""HTTP."""

import re
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from ipsecping.contract import HttpOptions, ProbeType
from ipsecping.contract.methods import http
from ipsecping.contract.methods.http import MAX_STATUS_CODES, ConnectTo, Header
from ipsecping.contract.pattern import MAX_PATTERN

from ..defaults import STATUS_CODE
from ..mounted import SecretKey
from ..rules import Model, Rule, Rules, matching
from .base import Given, Method
from .tls import CERTIFICATE_EXPIRY, Tls, effective_tls, tls_options

_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
# No user or password, which would stand in the plan for all to read, and no fragment, which is never sent.
_URL = (
    "^https?://([a-z0-9_]([-a-z0-9_]*[a-z0-9_])?([.][a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*|\\[[0-9a-f:.]{2,45}\\])"
    f"(:{_PORT})?(/[!$-&(-~]*)?$"
)


Pattern: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN)]
Patterns: TypeAlias = Annotated[
    tuple[Pattern, ...],
    Field(
        min_length=1,
        max_length=http.MAX_PATTERNS,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    ),
]
FieldName: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=64),
    matching(
        f"^{http.FIELD_NAME}$",
        "must be the name of a header field (RFC 9110), such as Accept: no blank, no colon",
    ),
]
_OWN = ", ".join(f"'{name}'" for name in sorted(http.OWN_FIELDS))


class HeaderToSend(Model):
    """A header field of the request."""

    name: Annotated[
        FieldName,
        Rules(
            Rule(
                cel=f"!(self.lowerAscii() in [{_OWN}])",
                holds=lambda text: text.lower() not in http.OWN_FIELDS,
                message="is written by the prober: http has fields for what it says (credentials come from "
                "Secrets)",
            )
        ),
    ]
    """Name of the field."""
    value: Annotated[
        str,
        Field(min_length=1, max_length=512),
        matching(
            f"^{http.FIELD_VALUE}$", "must be printable ASCII, without blanks at the ends, such as text/html"
        ),
    ]
    """Its value, in printable ASCII. Whoever may read the check can read it."""


class HeaderPattern(Model):
    """A header field of the answer."""

    name: FieldName
    """Name of the field, in any case."""
    pattern: Pattern
    """Regular expression that is looked for in its value."""


HeaderPatterns: TypeAlias = Annotated[
    tuple[HeaderPattern, ...],
    Field(
        min_length=1,
        max_length=http.MAX_HEADERS,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    ),
]


class Credential(SecretKey):
    """Where a password or token is, which is sent as it is: one line of text, no key that signs packets."""

    use = "sends"
    content = "password or token"


class BasicAuth(Model):
    """User name and password (RFC 7617)."""

    username: Annotated[
        str, Field(min_length=1, max_length=256), matching("^[^:]+$", "must have no colon (RFC 7617)")
    ]
    """User name."""
    password: Credential
    """Where the password is."""


class Http(Method):
    """An HTTP/1.1 request and what is expected of its answer."""

    url: Annotated[
        str,
        Field(min_length=1, max_length=500),
        Rules(
            Rule(
                cel=f"self.matches(r'{_URL}')",
                holds=lambda text: re.fullmatch(_URL, text) is not None,
                message="must be an absolute URL in lower case up to its path, without user or fragment, "
                "such as http://203.0.113.10:8080/healthz",
            )
        ),
    ]
    """URL of the request, on every path of the check."""
    status_codes: (
        Annotated[
            tuple[Annotated[int, Field(ge=100, le=599)], ...],
            Field(
                min_length=1,
                max_length=MAX_STATUS_CODES,
                json_schema_extra={"x-kubernetes-list-type": "atomic"},
            ),
        ]
        | None
    ) = None
    """Status codes of a good answer. Default: 200."""
    connect_to: ConnectTo | None = None
    """URL: connect to the host in url. Target: connect to the path's target, at the port in url; the host in
    url is then used only for the Host field and the certificate. Default: URL."""
    method: http.Method | None = None
    """Request method. Default: GET."""
    host: (
        Annotated[
            str,
            Field(min_length=1, max_length=261),
            matching(
                f"^{http.AUTHORITY}$",
                "must be a host, with a port or without, such as www.dc1.example or [2001:db8::10]:8080",
            ),
        ]
        | None
    ) = None
    """The Host field. Default: as url has it."""
    headers: (
        Annotated[
            tuple[HeaderToSend, ...],
            Field(
                min_length=1,
                max_length=http.MAX_HEADERS,
                json_schema_extra={"x-kubernetes-list-type": "atomic"},
            ),
        ]
        | None
    ) = None
    """Header fields to send, only to the origin of url."""
    body: Annotated[str, Field(max_length=http.MAX_BODY)] | None = None
    """Body of the request, not with GET and HEAD."""
    basic_auth: BasicAuth | None = None
    """User name and password. Needs --allow-targets of the operator for the namespace."""
    bearer_token: Credential | None = None
    """Token of Bearer authentication (RFC 6750). Needs --allow-targets of the operator for the namespace."""
    insecure_credentials: bool | None = None
    """True sends credentials also by http, or with insecureSkipVerify. Default: false."""
    max_redirects: Annotated[int, Field(ge=0, le=http.MAX_REDIRECTS)] | None = None
    """Redirects that are followed: to the same host, with connectTo Target to any, never from https to http.
    Credentials, headers and client certificate are sent only to the origin of url. Default: 0."""
    gzip: bool | None = None
    """True asks for a compressed answer. Default: false."""
    sequence_header: bool | None = None
    """True adds the field X-IPsecPing with number and time of sending, to find requests in a server's log.
    Default: false."""
    body_matches: Patterns | None = None
    """Regular expressions that all have to be found in the first 64 KiB of the body."""
    body_not_matches: Patterns | None = None
    """Regular expressions none of which may be found there."""
    header_matches: HeaderPatterns | None = None
    """For each of these, some header field of this name has to match."""
    header_not_matches: HeaderPatterns | None = None
    """For each of these, no header field of this name may match."""
    tls: Tls | None = None
    """Requirements for the certificate of an https URL."""

    rules = (
        Rule(
            cel="!has(self.body) || (has(self.method) && !(self.method in ['GET', 'HEAD']))",
            holds=lambda self: self.body is None or self.method not in (None, "GET", "HEAD"),
            field=".body",
            reason="FieldValueForbidden",
            message="GET and HEAD have none: choose another method",
        ),
        Rule(
            cel="!has(self.basicAuth) || !has(self.bearerToken)",
            holds=lambda self: self.basic_auth is None or self.bearer_token is None,
            field=".bearerToken",
            reason="FieldValueForbidden",
            message="either basicAuth or bearerToken, not both",
        ),
        Rule(
            cel="!(has(self.basicAuth) || has(self.bearerToken)) || "
            "(has(self.insecureCredentials) && self.insecureCredentials) || "
            "(self.url.startsWith('https://') && !(has(self.tls) && has(self.tls.insecureSkipVerify) && "
            "self.tls.insecureSkipVerify))",
            holds=lambda self: self.credential is None or self.may_disclose,
            field=".insecureCredentials",
            reason="FieldValueRequired",
            message="credentials need an https url and a verified certificate, or true here",
        ),
        Rule(
            cel="!has(self.tls) || self.url.startsWith('https://')",
            holds=lambda self: self.tls is None or self.url.startswith("https://"),
            field=".tls",
            reason="FieldValueForbidden",
            message="needs a url that begins with https://",
        ),
    )

    kind = ProbeType.HTTP
    summary = "Measure the time to the answer to an HTTP request."
    status_fields = (CERTIFICATE_EXPIRY,)

    @property
    def credential(self) -> Credential | None:
        """What is sent as it is."""
        return self.bearer_token or (self.basic_auth.password if self.basic_auth else None)

    @property
    def may_disclose(self) -> bool:
        """Whether credentials are sent to a verified host, or may be sent to any."""
        verified = self.url.startswith("https://") and not (self.tls and self.tls.insecure_skip_verify)
        return verified or bool(self.insecure_credentials)

    def options(self, given: Given) -> HttpOptions:
        """See Method."""
        return HttpOptions(
            url=self.url,
            connect_to=self.connect_to or ConnectTo.URL,
            method=self.method or http.Method.GET,
            host=self.host,
            headers=tuple(Header(each.name, each.value) for each in self.headers or ()),
            body=self.body,
            username=self.basic_auth.username if self.basic_auth else None,
            password_file=given.files.get("basicAuth.password"),
            token_file=given.files.get("bearerToken"),
            insecure_credentials=bool(self.insecure_credentials),
            max_redirects=self.max_redirects or 0,
            gzip=bool(self.gzip),
            sequence_header=bool(self.sequence_header),
            status_codes=self.status_codes or (STATUS_CODE,),
            body_matches=self.body_matches or (),
            body_not_matches=self.body_not_matches or (),
            header_matches=tuple(Header(each.name, each.pattern) for each in self.header_matches or ()),
            header_not_matches=tuple(
                Header(each.name, each.pattern) for each in self.header_not_matches or ()
            ),
            tls=tls_options(self.tls, given),
        )

    @classmethod
    def host_field(cls, options: HttpOptions) -> str:
        """See Method."""
        return "" if options.connect_to is ConnectTo.TARGET else ".url"

    @classmethod
    def effective(cls, options: HttpOptions) -> dict[str, Any]:
        """See Method."""
        effective = options.to_json()
        for name in ("passwordFile", "tokenFile", "username"):
            effective.pop(name, None)
        effective |= {
            "connectTo": options.connect_to.value,
            "method": options.method.value,
            "maxRedirects": options.max_redirects,
            "gzip": options.gzip,
            "sequenceHeader": options.sequence_header,
        }
        if options.username is not None:
            effective["basicAuth"] = {"username": options.username}
        effective.pop("tls", None)
        if options.url.startswith("https:"):
            effective["tls"] = effective_tls(options.tls)
        return effective
