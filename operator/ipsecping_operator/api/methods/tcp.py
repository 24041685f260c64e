"""TCP connect."""

from typing import Any

from ipsecping.contract import ProbeType, TcpOptions

from ..scalars import Port
from .base import Given, Method
from .tls import CERTIFICATE_EXPIRY, Tls, effective_tls, tls_options


class Tcp(Method):
    """TCP connect, and a TLS handshake where asked for."""

    port: Port
    """TCP port that is connected to."""
    tls: Tls | None = None
    """Adds a TLS handshake; `tls: {}` is enough. Default: none."""

    kind = ProbeType.TCP
    summary = "Measure the time to connect by TCP, with TLS the handshake too."
    status_fields = (CERTIFICATE_EXPIRY,)

    def options(self, given: Given) -> TcpOptions:
        """See Method."""
        return TcpOptions(tls=None if self.tls is None else tls_options(self.tls, given))

    @classmethod
    def effective(cls, options: TcpOptions) -> dict[str, Any]:
        """See Method."""
        return {} if options.tls is None else {"tls": effective_tls(options.tls)}
