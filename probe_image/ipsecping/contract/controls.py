"""Control addresses: hosts beside the target whose silence or answer tells where a path is broken."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from . import fields
from .fields import ContractError

MAX_NAME = 253
"""Characters of a DNS name (RFC 1035 section 2.3.4)."""


class Control(StrEnum):
    """Which place on the way a control address stands for."""

    FAR_INSIDE = "FarInside"
    """Inside of the tunnel, on the far gateway or right behind it."""
    NEAR_INSIDE = "NearInside"
    """On our own gateway, before the tunnel."""
    GATEWAY = "Gateway"
    """The far gateway's public address, outside of the tunnel."""


NO_CONTROLS: Mapping[Control, str] = MappingProxyType({})
_BY_NAME = {control.value: control for control in Control}


def controls_to_json(controls: Mapping[Control, str]) -> dict[str, str]:
    """Hosts by the name of their control."""
    return {control.value: host for control, host in controls.items()}


def controls_from_json(value: object, path: str) -> Mapping[Control, str]:
    """Read hosts by control: addresses, of the gateway also a name. Raises ContractError."""
    if value is None:
        return NO_CONTROLS
    source = fields.mapping(value, path)
    found: dict[Control, str] = {}
    for name in source:
        if name not in _BY_NAME:
            raise fields.not_one_of(name, path, _BY_NAME)
        control = _BY_NAME[name]
        found[control] = _host(source, name, path, is_name=control is Control.GATEWAY)
    if len(set(found.values())) < len(found):
        raise ContractError(f"{path}: two controls are the same host")
    return MappingProxyType(found) if found else NO_CONTROLS


def _host(source: Mapping[str, Any], key: str, path: str, *, is_name: bool) -> str:
    if not is_name:
        return fields.address(source[key], f"{path}.{key}")
    host = fields.text(source, key, path)
    if len(host) > MAX_NAME:
        raise ContractError(f"{path}.{key}: longer than a name may be ({MAX_NAME} characters)")
    return fields.canonical_address(host) or host
