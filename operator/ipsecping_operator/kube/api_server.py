"""The API server's own addresses: where this process reaches it, its Service's, and those behind that."""

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
from .kinds import ENDPOINT_SLICE, SERVICE

_log = logging.getLogger(__name__)

NAMESPACE, NAME = "default", "kubernetes"
"""The Service of the API servers, and the EndpointSlice that they write their addresses into."""
DNS_NAME = f"{NAME}.{NAMESPACE}.svc"
LOOKUP_SECONDS = 5.0
MOST = 32
"""Addresses that are remembered: each is in every plan."""


async def api_server_addresses(client: KubeClient, url: str, *, clusterwide: bool) -> tuple[str, ...]:
    """Return its addresses of both families as they are now, in order, at most 32.

    `url` is where this process reaches it.
    `clusterwide`: whether the operator has a right beyond certain namespaces, and so may ask for the Service
    and the addresses behind it. What cannot be found out is logged and left out.
    """
    # In a pod the environment has one address of the Service; its name has those of both families.
    in_pod = os.environ.get("KUBERNETES_SERVICE_HOST")
    found = set(await _addresses_of(filter(None, (in_pod, urlsplit(url).hostname, in_pod and DNS_NAME))))
    if clusterwide:
        for ask in (_of_service, _behind_service):
            try:
                found.update(await ask(client))
            except ApiError as error:
                _log.info("checks may probe some addresses of the API server: %s", error)
    return tuple(sorted(found))[:MOST]


async def _of_service(client: KubeClient) -> list[str]:
    service = await client.get(SERVICE, NAMESPACE, NAME) or {}
    spec, balancer = service.get("spec") or {}, (service.get("status") or {}).get("loadBalancer") or {}
    texts = [spec.get("clusterIP"), *(spec.get("clusterIPs") or ()), *(spec.get("externalIPs") or ())]
    texts += [each.get("ip") for each in balancer.get("ingress") or ()]
    return [address for text in texts if (address := _address(str(text))) is not None]


async def _behind_service(client: KubeClient) -> list[str]:
    return list(_endpoints(await client.get(ENDPOINT_SLICE, NAMESPACE, NAME) or {}))


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
