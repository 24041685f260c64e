"""A reflector told `:PORT` answers on both address families, from the address that was asked."""

import asyncio
import socket
from ipaddress import ip_network

import pytest

from ipsecping.cli.arguments import listen_address
from ipsecping.reflector.responder import StampPolicy
from ipsecping.reflector.service import Service, Settings
from ipsecping.wire.stamp import BASE_SIZE

from ...peers.processes import PATIENCE


def settings() -> Settings:
    everywhere = listen_address(":0")
    return Settings(
        allow=[ip_network("127.0.0.0/8"), ip_network("::1/128")],
        rate=100,
        total_rate=100,
        stamp=[everywhere],
        udp_echo=[everywhere],
        tcp_echo=[everywhere],
        policy=StampPolicy(),
        metrics=everywhere,
    )


def echoed(family: socket.AddressFamily, address: str, port: int, data: bytes) -> tuple[bytes, str]:
    """What is answered, and from where."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(data, (address, port))
        answer, source = sock.recvfrom(2000)
        return answer, source[0]


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.3"), (socket.AF_INET6, "::1")],
)
async def test_every_listener_answers_on_both(family: socket.AddressFamily, address: str) -> None:
    service, stop = Service(settings()), asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    while len(service.tcp) < 2:
        await asyncio.sleep(0.01)
    ports = {protocol: listener.port for protocol, listener in service.datagram}
    assert len(service.datagram) == 4, "two sockets for each protocol, on one port"
    assert {listener.port for _, listener in service.datagram} == set(ports.values())
    for port, data in ((ports["STAMP"], bytes(BASE_SIZE)), (ports["UDPEcho"], b"hello")):
        answer, source = await asyncio.to_thread(echoed, family, address, port, data)
        assert len(answer) == len(data)
        assert source == address
    for port, words, expected in (
        (service.tcp[0].port, b"hello", b"hello"),
        (service._http.port if service._http else 0, b"GET /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
    ):
        reader, writer = await asyncio.open_connection(address, port)
        writer.write(words)
        assert await asyncio.wait_for(reader.readexactly(len(expected)), PATIENCE) == expected
        writer.close()
    stop.set()
    await running
