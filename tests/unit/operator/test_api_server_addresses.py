"""Whom the operator takes for the API server."""

import socket
from typing import Any

import pytest

from ipsecping_operator.kube.api_server import MOST, api_server_addresses
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Forbidden
from ipsecping_operator.kube.kinds import Kind


class FakeClient(KubeClient):
    """Answers with the EndpointSlice and the Service, or refuses."""

    def __init__(self, slice_: Any = None, *, service: Any = None) -> None:
        self.asked: list[str] = []
        self._held = {"EndpointSlice": slice_, "Service": service}

    async def get(self, kind: Kind, namespace: str, name: str) -> Any | None:
        self.asked.append(f"{kind.name} {namespace}/{name}")
        found = self._held[kind.name]
        if isinstance(found, ApiError):
            raise found
        return found


def endpoints(*addresses: str) -> dict[str, Any]:
    return {"endpoints": [{"addresses": [each]} for each in addresses]}


def answers(**hosts: list[str]) -> Any:
    """A look-up that knows these names, in which _ stands for a dot."""
    known = {host.replace("_", "."): found for host, found in hosts.items()}

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_UNSPEC, 0, 0, "", (address, 0)) for address in known[host]]

    return look_up


@pytest.fixture(autouse=True)
def pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pod of a cluster whose DNS knows nothing."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", answers())


async def test_the_service_its_endpoints_and_the_server_that_is_talked_to() -> None:
    service = {"spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00:96::1"]}}
    client = FakeClient(endpoints("192.0.2.11", "2001:db8::11"), service=service)
    found = await api_server_addresses(client, "https://[2001:db8::1]:6443", clusterwide=True)
    assert found == ("10.96.0.1", "192.0.2.11", "2001:db8::1", "2001:db8::11", "fd00:96::1")
    assert client.asked == ["Service default/kubernetes", "EndpointSlice default/kubernetes"]


async def test_addresses_that_lead_to_the_service_from_outside_count_too() -> None:
    service = {
        "spec": {"clusterIP": "None", "externalIPs": ["198.51.100.1"]},
        "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.2"}, {"hostname": "lb.example"}]}},
    }
    found = await api_server_addresses(FakeClient(service=service), "https://10.96.0.1", clusterwide=True)
    assert found == ("10.96.0.1", "198.51.100.1", "198.51.100.2")


async def test_an_operator_of_some_namespaces_asks_for_nothing_that_it_has_no_right_to() -> None:
    client = FakeClient(endpoints("192.0.2.11"))
    assert await api_server_addresses(client, "https://10.96.0.1", clusterwide=False) == ("10.96.0.1",)
    assert client.asked == []


async def test_an_operator_of_some_namespaces_knows_the_other_family_by_the_services_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(kubernetes_default_svc=["10.96.0.1", "fd00:96::1"]))
    found = await api_server_addresses(FakeClient(), "https://10.96.0.1", clusterwide=False)
    assert found == ("10.96.0.1", "fd00:96::1")


async def test_one_that_cannot_be_read_keeps_none_from_the_other() -> None:
    client = FakeClient(endpoints("192.0.2.11"), service=Forbidden("no"))
    found = await api_server_addresses(client, "https://10.96.0.1", clusterwide=True)
    assert found == ("10.96.0.1", "192.0.2.11")


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

    monkeypatch.setattr(socket, "getaddrinfo", answers(api_example=["192.0.2.12", "192.0.2.12"]))
    client = FakeClient()
    assert await api_server_addresses(client, "https://api.example:6443", clusterwide=True) == ("192.0.2.12",)
    assert await api_server_addresses(client, "https://gone.example:6443", clusterwide=True) == ()


async def test_a_great_many_are_cut() -> None:
    client = FakeClient(endpoints(*(f"192.0.2.{number}" for number in range(100))))
    found = await api_server_addresses(client, "https://10.96.0.1", clusterwide=True)
    assert len(found) == MOST
