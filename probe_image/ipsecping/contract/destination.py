"""Where the packets of a probe go, and what the far end is called."""

from dataclasses import replace

from .options import HttpOptions, IkeOptions, TcpOptions
from .plan import PlannedProbe
from .web_url import parse_url


def destination(probe: PlannedProbe, target: str) -> str:
    """The host that the packets go to, an address or a name: the check's target but for HTTP and IKE."""
    match probe.options:
        case HttpOptions(url=url):
            return parse_url(url).host
        case IkeOptions(gateway=gateway):
            return gateway
        case _:
            return target


def named(probe: PlannedProbe, host: str) -> PlannedProbe:
    """The probe with `host` as the name that a certificate must bear, where the plan names none."""
    match probe.options:
        case TcpOptions(tls=tls) if tls is not None and tls.server_name is None:
            return replace(probe, options=TcpOptions(tls=replace(tls, server_name=host)))
        case _:
            return probe
