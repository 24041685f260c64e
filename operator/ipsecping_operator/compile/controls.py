"""Which control addresses a path has, and where the spec has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType

from ipsecping.contract import Control
from ipsecping.contract.controls import NO_CONTROLS
from ipsecping_operator.api.scalars import is_ip
from ipsecping_operator.api.spec import Path
from ipsecping_operator.api.tunnel import FIELDS, Tunnel

from .compiled import InvalidSpec

GATEWAY_FIELD = "spec.tunnel.gateway"


@dataclass(frozen=True, slots=True)
class PathControls:
    """Hosts by control, and the fields that name them."""

    hosts: Mapping[Control, str]
    fields: Mapping[Control, str]


_NONE = PathControls(NO_CONTROLS, NO_CONTROLS)
"""One for all: most checks name none."""


def compile_controls(tunnel: Tunnel, path: Path, *, own_field: str, target: str) -> PathControls:
    """Those of the tunnel, each one replaced that the path gives; `own_field` is where the spec has the path.

    A gateway that is the target itself is no control of it. Raises InvalidSpec for other hosts that stand for
    two places.
    """
    hosts, fields = dict[Control, str](), dict[Control, str]()
    for controls, whole in ((tunnel.controls, "spec.tunnel"), (path.controls, own_field)):
        for control, address in controls.by_part.items() if controls is not None else ():
            hosts[control], fields[control] = canonical(address), f"{whole}.controls.{FIELDS[control]}"
    if tunnel.gateway is not None and canonical(tunnel.gateway) != canonical(target):
        hosts[Control.GATEWAY], fields[Control.GATEWAY] = canonical(tunnel.gateway), GATEWAY_FIELD
    taken = {canonical(target): "the target"}
    for control in (Control.GATEWAY, *FIELDS):
        field, host = fields.get(control), hosts.get(control)
        if field is None or host is None:
            continue
        other = taken.setdefault(host, field)
        if other != field:
            raise InvalidSpec(
                field,
                f"{host} is {other} as well: name another host, as a control tells something of its own",
            )
    return PathControls(MappingProxyType(hosts), MappingProxyType(fields)) if hosts else _NONE


def canonical(host: str) -> str:
    """An address in its canonical form; a name as it is."""
    return str(ip_address(host)) if is_ip(host) else host


def effective_controls(hosts: Mapping[Control, str]) -> dict[str, str]:
    """Those of Controls, as a spec writes them."""
    return {FIELDS[control]: host for control, host in hosts.items() if control in FIELDS}
