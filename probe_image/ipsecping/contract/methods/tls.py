"""The TLS handshake that probes of several types can ask for, and what it tells of the certificate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from .. import fields
from ..bounds import MAX_EXPIRY
from ..fields import ContractError, out_of_range
from ..figure import Field, Gauge, Newest
from .names import is_domain_name
from .spec import HANDSHAKE, Traffic

MAX_SHOWN = 32_768
"""Bytes of the file with the certificates that a client shows, in PEM form: it sends all of them."""


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

    certificate_file: str | None = None
    """Certificate that the client shows of itself, with the authorities between; None: none."""
    certificate_key_file: str | None = None
    """Its key; None: in the same file."""

    @property
    def handshake(self) -> Traffic:
        """What one sends, at most."""
        return HANDSHAKE if self.certificate_file is None else HANDSHAKE + Traffic(20, MAX_SHOWN * 3 // 4)

    @classmethod
    def from_json(cls, value: object, path: str) -> Self:
        """Read them; raises ContractError."""
        source = fields.mapping(value, path)
        server_name = fields.optional_text(source, "serverName", path)
        if server_name is not None and not is_domain_name(server_name):
            raise ContractError(
                f"{path}.serverName: {server_name!r} is neither a domain name nor an IP address"
            )
        return cls(
            server_name=server_name,
            ca_file=fields.optional_text(source, "caFile", path),
            verify=fields.flag(source, "verify", path, default=True),
            strict=fields.flag(source, "strict", path),
            certificate_file=fields.optional_text(source, "certificateFile", path),
            certificate_key_file=fields.optional_text(source, "certificateKeyFile", path),
        )

    def to_json(self) -> dict[str, Any]:
        """Make the JSON object; empty when all is as usual."""
        return fields.present(
            serverName=self.server_name,
            caFile=self.ca_file,
            verify=None if self.verify else False,
            strict=self.strict or None,
            certificateFile=self.certificate_file,
            certificateKeyFile=self.certificate_key_file,
        )

    @classmethod
    def of_flags(cls, flags: Mapping[str, Any]) -> Self:
        """Read them from the command line of `ipsecping ping`."""
        return cls(
            server_name=flags["server_name"],
            ca_file=flags["ca_file"],
            verify=not flags["insecure"],
            strict=flags["tls_strict"],
            certificate_file=flags["client_certificate"],
            certificate_key_file=flags["client_key"],
        )


@dataclass(frozen=True, slots=True)
class CertificateExpiry(Newest):
    """When the target's TLS certificate ends."""

    name: ClassVar[str] = "certificateExpiry"
    position: ClassVar[int] = 20
    gauges: ClassVar[tuple[Gauge, ...]] = (
        Gauge(
            "ipsecping_certificate_expiry_timestamp_seconds",
            "When the target's TLS certificate ends, Unix time.",
            lambda figure: figure.at,
            of_invalid_rounds=True,
        ),
    )

    at: int
    """Seconds since the Unix epoch: 0 for one that ended before, `MAX_EXPIRY` for one that never ends."""

    @property
    def nanoseconds(self) -> int:
        """The same in nanoseconds."""
        return self.at * 1_000_000_000

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        return cls(fields.whole_number(value, path))

    def to_json(self) -> object:
        """See Figure."""
        return self.at

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        if not 0 <= self.at <= MAX_EXPIRY:
            raise out_of_range(self.at, path, 0, MAX_EXPIRY)

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"certificate_expiry": self.at}
