"""What a diagnosis sends to: its target and its controls, looked up and permitted."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..addresses import is_address
from ..contract.fields import packet_address
from ..diagnosis.evidence import NameAnswer, NamesFound, Part
from ..net.resolve import NoSuchName, ResolveError, Resolver
from .steps import Asked

MAX_NAMED = 16
"""Addresses of a name that the evidence has."""


class Found(NamedTuple):
    """Addresses to send to."""

    address: str | None
    """Of the target; None: it has none, or none that is permitted."""
    names: NamesFound
    controls: Mapping[Part, str]
    refused: Mapping[Part, str]
    """Why a part is left out."""


async def look_up(asked: Asked, resolver: Resolver) -> Found:
    """Find the addresses; whatever is not permitted is left out, as in rounds."""
    refused = dict[Part, str]()
    names = await _target(asked, resolver)
    address = _chosen(asked, names)
    if address is not None and not asked.permits(address):
        refused[Part.METHODS] = f"{address} is not an allowed target of this path"
        address = None
    controls = dict[Part, str]()
    for part, host in asked.controls.items():
        try:
            found = host if is_address(host) else (await resolver.resolve_all(host)).ips[0]
        except ResolveError as error:
            why: str | None = str(error)
        else:
            controls[part] = packet_address(found)
            why = None if asked.permits(found) else f"{found} is not an allowed target of this path"
        if why is not None:
            controls.pop(part, None)
            refused[part] = why
            if part is Part.GATEWAY:
                refused[Part.IKE] = why
    return Found(address, names, MappingProxyType(controls), MappingProxyType(refused))


async def _target(asked: Asked, resolver: Resolver) -> NamesFound:
    if asked.addresses is None and is_address(asked.host):
        return NamesFound(answer=NameAnswer.ADDRESS)
    before = asked.addresses_before
    if asked.addresses is not None:
        if not asked.addresses:
            return NamesFound(answer=NameAnswer.NO_SUCH_NAME, before=before)
        ips = asked.addresses
    else:
        try:
            ips = (await resolver.resolve_all(asked.host, family=asked.family)).ips
        except ResolveError as error:
            absent = isinstance(error, NoSuchName)
            answer = NameAnswer.NO_SUCH_NAME if absent else NameAnswer.FAILED
            return NamesFound(answer=answer, before=before)
    now = tuple(map(packet_address, ips[:MAX_NAMED]))
    return NamesFound(answer=NameAnswer.RESOLVED, now=now, before=before)


def _chosen(asked: Asked, names: NamesFound) -> str | None:
    if names.answer is NameAnswer.ADDRESS:
        return packet_address(asked.host)
    if asked.preferred in names.now:
        return asked.preferred
    return names.now[0] if names.now else None
