"""Whom the operator takes for the API server."""

import socket
from typing import Any

import pytest

from ipsecping_operator.kube.api_server import MOST, api_server_addresses
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Forbidden
from ipsecping_operator.kube.kinds import Kind


class FakeClient(KubeClient):
    """Answers with one EndpointSlice, or refuses."""

    def __init__(self, slice_: Any) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self._slice = slice_

    async def get(self, kind: Kind, namespace: str, name: str) -> Any | None:
        self.asked.append((kind.name, namespace, name))
        if isinstance(self._slice, ApiError):
            raise self._slice
        return self._slice


def endpoints(*addresses: str) -> dict[str, Any]:
    return {"endpoints": [{"addresses": [each]} for each in addresses]}


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")


async def test_the_service_its_endpoints_and_the_server_that_is_talked_to() -> None:
    client = FakeClient(endpoints("192.0.2.11", "2001:db8::11"))
    found = await api_server_addresses(client, "https://[2001:db8::1]:6443", clusterwide=True)
    assert found == ("10.96.0.1", "192.0.2.11", "2001:db8::1", "2001:db8::11")
    assert client.asked == [("EndpointSlice", "default", "kubernetes")]


async def test_an_operator_of_some_namespaces_asks_for_nothing_that_it_has_no_right_to() -> None:
    client = FakeClient(endpoints("192.0.2.11"))
    assert await api_server_addresses(client, "https://10.96.0.1", clusterwide=False) == ("10.96.0.1",)
    assert client.asked == []


@pytest.mark.parametrize(
    "slice_",
    [
        None,
        {},
        {"endpoints": None},
        endpoints("no address"),
        Forbidden("no"),
        {"endpoints": [{}]},
    ],
)
async def test_what_cannot_be_found_out_is_left_out(slice_: Any) -> None:
    found = await api_server_addresses(FakeClient(slice_), "https://10.96.0.1", clusterwide=True)
    assert found == ("10.96.0.1",)


async def test_a_name_counts_by_its_addresses_and_one_without_any_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        if host != "api.example":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, 0, 0, "", ("192.0.2.12", 0))] * 2

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client = FakeClient(None)
    assert await api_server_addresses(client, "https://api.example:6443", clusterwide=True) == ("192.0.2.12",)
    assert await api_server_addresses(client, "https://gone.example:6443", clusterwide=True) == ()


async def test_a_great_many_are_cut() -> None:
    client = FakeClient(endpoints(*(f"192.0.2.{number}" for number in range(100))))
    found = await api_server_addresses(client, "https://10.96.0.1", clusterwide=True)
    assert len(found) == MOST
