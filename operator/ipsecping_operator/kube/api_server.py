"""The API server's own addresses: those that this process reaches it at, and those behind its Service."""

import asyncio
import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from .client import KubeClient
from .errors import ApiError
from .kinds import ENDPOINT_SLICE

_log = logging.getLogger(__name__)

SERVICE_NAMESPACE, SERVICE = "default", "kubernetes"
"""The API servers write their addresses into the EndpointSlice of this Service."""
LOOKUP_SECONDS = 5.0
MOST = 32
"""Addresses that are remembered: each is in every plan."""


async def api_server_addresses(client: KubeClient, url: str, *, clusterwide: bool) -> tuple[str, ...]:
    """Its addresses as they are now, in order, at most 32; `url` is where this process reaches it.

    `clusterwide`: whether the operator has a right beyond certain namespaces, and so may ask for those behind
    the Service. What cannot be found out is logged and left out.
    """
    found = set(
        await _addresses_of(filter(None, (os.environ.get("KUBERNETES_SERVICE_HOST"), urlsplit(url).hostname)))
    )
    if clusterwide:
        try:
            found.update(_endpoints(await client.get(ENDPOINT_SLICE, SERVICE_NAMESPACE, SERVICE) or {}))
        except ApiError as error:
            _log.info("checks may probe the addresses behind the API server's Service: %s", error)
    return tuple(sorted(found))[:MOST]


async def _addresses_of(hosts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for host in hosts:
        if (address := _address(host)) is not None:
            found.append(address)
            continue
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answers = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:  # a timeout is one
            _log.info("checks may probe the API server's address: %s: %s", host, error)
            continue
        found += [address for answer in answers if (address := _address(str(answer[4][0]))) is not None]
    return found


def _endpoints(slice_: Mapping[str, Any]) -> Iterator[str]:
    for endpoint in slice_.get("endpoints") or ():
        yield from (address for each in endpoint.get("addresses") or () if (address := _address(str(each))))


def _address(text: str) -> str | None:
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None
