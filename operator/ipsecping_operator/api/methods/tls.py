"""The TLS handshake that probes of several types can ask for."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping.contract import CertificateExpiry, TlsOptions

from ..mounted import MountedKey, SecretKey
from ..rules import Model, Rule, matching
from ..scalars import DataKey, ObjectName, Time
from .base import Given, StatusField

_SERVER_NAME = "^([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?[.])*[a-z0-9]([-a-z0-9_]{0,61}[a-z0-9_])?$"


class TlsAuthority(MountedKey):
    """Where the certificates of the authorities to trust are."""

    config_map_name: ObjectName
    """ConfigMap in the check's namespace, whose name begins with ipsecping- or is permitted by the operator
    (--allow-config-maps), mounted into the probe pod by name. While it is missing, Ready is False with the
    reason KeyMissing."""
    key: DataKey
    """Key in its data that holds the certificates, in PEM form, such as ca.crt."""

    kind = "ConfigMap"
    name_field = "configMapName"
    use = "trusts"
    content = "certificates"

    @property
    def object_name(self) -> str:
        """See MountedKey."""
        return self.config_map_name

    @property
    def data_key(self) -> str:
        """See MountedKey."""
        return self.key


class ClientCertificate(SecretKey):
    """Where a certificate, or the key of one, is that the prober shows of itself."""

    use = "shows of itself"
    content = "certificate or key"


class Tls(Model):
    """A TLS handshake and what is asked of the certificate."""

    server_name: (
        Annotated[
            str,
            Field(min_length=1, max_length=253),
            matching(
                _SERVER_NAME, "must be a DNS name in lower case, without a port, such as www.dc1.example"
            ),
        ]
        | None
    ) = None
    """Name for SNI and the certificate's verification. Default: the host that is connected to, as written."""
    ca: TlsAuthority | None = None
    """Authorities to trust instead of the system's: for certificates of one's own."""
    insecure_skip_verify: bool | None = None
    """True accepts a certificate that cannot be verified. Default: false."""
    strict: bool | None = None
    """True asks the strict profile of RFC 5280 of every certificate up to the authority's: key usage, key
    identifiers and the like, which many private authorities lack. Default: false."""
    client_certificate: ClientCertificate | None = None
    """Certificate that the prober shows of itself, in PEM form, with the authorities between, such as key
    tls.crt of a Secret of type kubernetes.io/tls. Default: none."""
    client_key: ClientCertificate | None = None
    """The certificate's key in PEM form, without a password, such as tls.key."""
    min_valid_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """Days that the certificate must still be valid, or the check is unhealthy with the reason ProbeFailed.
    Default: not judged."""

    rules = (
        Rule(
            cel="has(self.clientCertificate) == has(self.clientKey)",
            holds=lambda self: (self.client_certificate is None) == (self.client_key is None),
            field=".clientKey",
            reason="FieldValueRequired",
            message="clientCertificate and clientKey belong together",
        ),
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


CERTIFICATE_EXPIRY = StatusField(
    name="certificateExpiry",
    annotation=Time,
    description="When the target's TLS certificate ends.",
    figure=CertificateExpiry,
    read=lambda figure: figure.nanoseconds,
    is_time=True,
)


def tls_options(tls: Tls | None, given: Given) -> TlsOptions:
    """Return what the prober gets."""
    tls = tls or Tls()
    return TlsOptions(
        server_name=tls.server_name,
        ca_file=given.files.get("tls.ca"),
        verify=not tls.insecure_skip_verify,
        strict=bool(tls.strict),
        certificate_file=given.files.get("tls.clientCertificate"),
        certificate_key_file=given.files.get("tls.clientKey"),
    )


def effective_tls(options: TlsOptions) -> dict[str, Any]:
    """Return `tls` with every default, without what no plan has."""
    effective: dict[str, Any] = {"insecureSkipVerify": not options.verify, "strict": options.strict}
    if options.server_name is not None:
        effective["serverName"] = options.server_name
    return effective
