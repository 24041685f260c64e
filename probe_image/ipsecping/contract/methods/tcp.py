"""TCP connect (RFC 9293), and TLS where asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from .. import fields
from ..check import ProbeType
from .spec import CONNECTION, HANDSHAKE, Flag, MethodSpec, Options, Traffic
from .tls import CertificateExpiry, TlsOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOptions(Options):
    """TCP connect, and TLS where asked for."""

    tls: TlsOptions | None = None

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        tls = source.get("tls")
        return cls(tls=None if tls is None else TlsOptions.from_json(tls, f"{path}.tls"))

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(tls=None if self.tls is None else self.tls.to_json())

    def named(self, host: str) -> Self:
        """See Options."""
        if self.tls is None or self.tls.server_name is not None:
            return self
        return replace(self, tls=replace(self.tls, server_name=host))


def _traffic(options: TcpOptions | None, size: int, turns: int) -> Traffic:
    tls = None if options is None else options.tls
    return (CONNECTION + (Traffic(0, 0) if tls is None else HANDSHAKE)).times(turns)


def _asked_for(_: str, flags: Mapping[str, Any]) -> TcpOptions:
    return TcpOptions(tls=TlsOptions.of_flags(flags) if flags["tls"] else None)


METHOD = MethodSpec(
    name=ProbeType.TCP,
    member="tcp",
    module="tcp",
    options=TcpOptions,
    turn="connections",
    figures=(CertificateExpiry,),
    traffic=_traffic,
    flag=Flag("PORT", "connect to this TCP port", read=_asked_for),
)
