"""The API models of the probe types: one for each type that the contract declares."""

from ipsecping.contract import ProbeType

from .audit import Audit
from .base import LONGEST_LOSS, LOSS_PERIOD, Given, Method, StatusField
from .dns import Dns
from .echo import Icmp, UdpEcho
from .http import Http
from .ike import Ike
from .path_mtu import Mtu, PathMtu
from .stamp import Stamp
from .tcp import Tcp
from .tls import Tls

__all__ = [
    "MODELS",
    "Audit",
    "Dns",
    "Given",
    "Http",
    "Icmp",
    "Ike",
    "Method",
    "Mtu",
    "PathMtu",
    "Stamp",
    "StatusField",
    "Tcp",
    "Tls",
    "UdpEcho",
    "status_fields",
]

MODELS: dict[ProbeType, type[Method]] = {
    model.kind: model for model in (Icmp, UdpEcho, Stamp, Tcp, Http, Dns, PathMtu, Ike, Audit)
}


def status_fields() -> list[StatusField]:
    """Return the fields of `status.probes[]` that show figures, each once, in the order of the figures."""
    found = {field.name: field for model in MODELS.values() for field in model.status_fields}
    found |= {field.name: field for field in (LONGEST_LOSS, LOSS_PERIOD)}
    return sorted(found.values(), key=lambda field: field.figure.position)
