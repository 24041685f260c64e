"""The measuring methods, one model each: what a probe of the type needs beyond count, spacing and timeout."""

import re
from typing import Annotated

from pydantic import Field

from ipsecping.contract import ProbeType, RecordType
from ipsecping.contract.options import LEAST_MTU, MAX_STATUS_CODES, MOST_MTU

from . import defaults
from .rules import Model, Rule, Rules
from .scalars import DataKey, ObjectName, Port

UNTIMED = frozenset({ProbeType.PATH_MTU, ProbeType.IKE})
"""Types whose round-trip times say nothing of the tunnel: limits of time do not apply to them."""
UNPACED = frozenset({ProbeType.IKE})
"""Types whose rounds are no series of packets: count and spacing do not apply to them."""

_SERVER_NAME = "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?[.])*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
# No user or password, which would stand in the plan for all to read, and no fragment, which is never sent.
_URL = (
    "^https?://([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*|\\[[0-9a-f:.]{2,45}\\])"
    f"(:{_PORT})?(/[!$-&(-~]*)?$"
)
_LABEL = "[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?"
_QUERY = f"^({_LABEL}[.])*{_LABEL}[.]?$"


class Icmp(Model):
    """ICMP or ICMPv6 echo request (RFC 792, RFC 4443)."""


class UdpEcho(Model):
    """UDP datagrams that any plain echo responder (RFC 862) sends back."""

    port: Port
    """UDP port of the echo responder."""


class StampAuth(Model):
    """Where the keys of STAMP's authenticated mode are (HMAC-SHA-256, RFC 8762 section 4.4)."""

    secret_name: ObjectName
    """Secret in the check's namespace. It is mounted into the probe pod by name; the operator does not read
    it. While it is missing, Ready is False with the reason KeyMissing."""
    key: DataKey
    """Key in the Secret's data that holds the STAMP keys: the first one signs, all are accepted."""


class Stamp(Model):
    """STAMP, RFC 8762; TWAMP Light reflectors answer its unauthenticated mode too."""

    port: Port | None = None
    """UDP port of the Session-Reflector. Default: 862."""
    auth: StampAuth | None = None
    """Authenticated mode. Default: unauthenticated."""


class TlsAuthority(Model):
    """Where the certificates of the authorities to trust are."""

    config_map_name: ObjectName
    """ConfigMap in the check's namespace, mounted into the probe pod by name. While it is missing, Ready is
    False with the reason KeyMissing."""
    key: DataKey
    """Key in its data that holds the certificates, in PEM form, such as ca.crt."""


class Tls(Model):
    """A TLS handshake and what is asked of the certificate."""

    server_name: Annotated[str, Field(min_length=1, max_length=253, pattern=_SERVER_NAME)] | None = None
    """Name for SNI and the certificate's verification. Default: the host that is connected to, as written."""
    ca: TlsAuthority | None = None
    """Authorities to trust instead of the system's: for certificates of one's own."""
    insecure_skip_verify: bool | None = None
    """True accepts a certificate that cannot be verified. Default: false."""
    strict: bool | None = None
    """True asks the strict profile of RFC 5280 of every certificate up to the authority's: key usage, key
    identifiers and the like, which many private authorities lack. Default: false."""
    min_valid_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """Days that the certificate must still be valid, or the check is unhealthy with the reason ProbeFailed.
    Default: not judged."""

    rules = (
        Rule(
            cel="!has(self.ca) || !has(self.insecureSkipVerify) || !self.insecureSkipVerify",
            holds=lambda self: self.ca is None or not self.insecure_skip_verify,
            field=".ca",
            reason="FieldValueForbidden",
            message="nothing is verified with insecureSkipVerify: remove one of the two",
        ),
        Rule(
            cel="!has(self.strict) || !has(self.insecureSkipVerify) || "
            "!(self.strict && self.insecureSkipVerify)",
            holds=lambda self: not self.strict or not self.insecure_skip_verify,
            field=".strict",
            reason="FieldValueForbidden",
            message="nothing is verified with insecureSkipVerify: remove one of the two",
        ),
    )


class Tcp(Model):
    """TCP connect, and a TLS handshake where asked for."""

    port: Port
    """TCP port that is connected to."""
    tls: Tls | None = None
    """Adds a TLS handshake; `tls: {}` is enough. Default: none."""


class Http(Model):
    """An HTTP GET."""

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
    """What is asked for, on every path of the check."""
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
    """Status codes of a good answer. Redirects are not followed. Default: 200."""
    tls: Tls | None = None
    """What is asked of the certificate of an https URL."""

    rules = (
        Rule(
            cel="!has(self.tls) || self.url.startsWith('https://')",
            holds=lambda self: self.tls is None or self.url.startswith("https://"),
            field=".tls",
            reason="FieldValueForbidden",
            message="needs a url that begins with https://",
        ),
    )


class Dns(Model):
    """A DNS query over UDP to the target."""

    query: Annotated[str, Field(min_length=1, max_length=253, pattern=_QUERY)]
    """Name that is asked for."""
    record_type: RecordType | None = None
    """Type of the records that are asked for. Default: A."""
    port: Port | None = None
    """UDP port of the name server. Default: 53."""


Mtu = Annotated[int, Field(ge=LEAST_MTU, le=MOST_MTU)]


class PathMtu(Model):
    """A search for the largest IP packet that passes unfragmented (RFC 4821, RFC 8899), with the help of a
    STAMP Session-Reflector. It begins with small packets, up to `count` until one is answered, and has the
    time of a round: (count - 1) x spacing + timeout."""

    min: Mtu | None = None
    """Smallest packet tried, in octets. Default: 1280."""
    max: Mtu | None = None
    """Largest packet tried, in octets. Default: 1500."""
    port: Port | None = None
    """UDP port of the Session-Reflector. Default: 862."""
    auth: StampAuth | None = None
    """Authenticated mode of STAMP. Default: unauthenticated."""

    rules = (
        Rule(
            cel=f"(has(self.min) ? self.min : {defaults.MTU_MIN}) <= "
            f"(has(self.max) ? self.max : {defaults.MTU_MAX})",
            holds=lambda self: self.least <= self.most,
            field=".max",
            message=f"must not be below min (defaults: min {defaults.MTU_MIN}, max {defaults.MTU_MAX})",
        ),
    )

    @property
    def least(self) -> int:
        """The smallest packet tried, default included."""
        return self.min or defaults.MTU_MIN

    @property
    def most(self) -> int:
        """The largest packet tried, default included."""
        return self.max or defaults.MTU_MAX


class Ike(Model):
    """An IKE_SA_INIT request (RFC 7296) to ports 500 and 4500 of spec.tunnel.gateway: is the gateway's IKE
    daemon alive? Asked at most once a minute, whatever the schedule."""

    detect_nat: Annotated[bool | None, Field(alias="detectNAT")] = None
    """True also finds out whether there is NAT on the way to the gateway (RFC 7296 section 2.23), which
    status.probes[].nat shows: at most every ten minutes, whatever the interval, by a request that leaves a
    half-open SA at the gateway for a while. A cron line must not fire more often. Each request then has a
    quarter of timeout. Default: false."""
