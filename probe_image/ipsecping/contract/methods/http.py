"""HTTP GET (RFC 9110)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from .. import fields
from ..check import ProbeType
from ..fields import ContractError
from ..web_url import parse_url
from .spec import CONNECTION, HANDSHAKE, Flag, MethodSpec, Options, Traffic
from .tls import CertificateExpiry, TlsOptions

MAX_STATUS_CODES = 16
REQUEST = Traffic(8, 1500)
"""With the acknowledgements of a short answer."""

_AS_USUAL = TlsOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions(Options):
    """An HTTP GET."""

    url: str
    """Absolute, http or https. Its host is connected to, which may be another than the target."""
    status_codes: tuple[int, ...] = (200,)
    tls: TlsOptions = _AS_USUAL

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        url = fields.text(source, "url", path)
        try:
            parse_url(url)
        except ValueError as error:
            raise ContractError(f"{path}.url: {error}") from None
        listed = source.get("statusCodes", [200])
        codes = fields.sequence(listed, f"{path}.statusCodes", at_most=MAX_STATUS_CODES)
        if not codes or any(type(code) is not int or not 100 <= code <= 599 for code in codes):
            raise ContractError(f"{path}.statusCodes: expected HTTP status codes from 100 to 599")
        return cls(
            url=url,
            status_codes=tuple(codes),
            tls=TlsOptions.from_json(source.get("tls") or {}, f"{path}.tls"),
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            url=self.url, statusCodes=list(self.status_codes), tls=self.tls.to_json() or None
        )

    def destination(self, target: str) -> str:
        """See Options."""
        return parse_url(self.url).host


def _traffic(options: HttpOptions, size: int, turns: int) -> Traffic:
    secure = HANDSHAKE if options.url.startswith("https:") else Traffic(0, 0)
    return (CONNECTION + secure + REQUEST).times(turns)


def _asked_for(url: str, flags: Mapping[str, Any]) -> HttpOptions:
    return HttpOptions.from_json({"url": url, "tls": TlsOptions.of_flags(flags).to_json()}, "--http")


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
