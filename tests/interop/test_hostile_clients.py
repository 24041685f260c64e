"""Hostile clients of reflector and agent: none holds the event loop, and others are answered meanwhile."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from ipsecping.reflector.admission import Admission
from ipsecping.reflector.responder import EchoResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.tcp_echo import TcpEcho, tls_context
from ipsecping.serving.messages import Request, Response
from ipsecping.serving.server import Server

from .. import holds
from ..peers.openssl import openssl
from .hostile_peers import tormented

PLAIN = ["client-silent", "client-flood", "client-greedy"]
TLS = ["client-silent", "client-flood", "client-tls-records", "client-tls-garbage"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    chain, key = folder / "chain.pem", folder / "key.pem"
    request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=r")
    openssl(*request, "-keyout", key, "-out", chain)
    return chain, key


@contextmanager
def crowd(kinds: list[str], port: int) -> Iterator[None]:
    """All of these clients at once, from 127.0.0.1."""
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(tormented(kind, port))
        yield


async def echoed(port: int, context: ssl.SSLContext | None) -> bytes:
    """What comes back to an honest client, which has an address of its own."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, local_addr=("127.0.0.9", 0), ssl=context, server_hostname="r" if context else None
    )
    writer.write(b"honest")
    answer = await reader.readexactly(6)
    writer.close()
    return answer


async def serve_a_crowd(kinds: list[str], server: TcpEcho, context: ssl.SSLContext | None) -> int:
    """How many honest clients were answered, one after the other, beside hostile ones."""
    await server.start("127.0.0.1", 0)
    try:
        await echoed(server.port, context)  # what is imported on first use is no hold
        with crowd(kinds, server.port):
            await asyncio.sleep(1)  # they have begun
            with holds.measured() as held:
                for _ in range(20):
                    async with asyncio.timeout(10):
                        assert await echoed(server.port, context) == b"honest"
                    await asyncio.sleep(0.1)
        assert server.counters.open <= 64
    finally:
        await server.stop()
    assert held.longest_ms < holds.LIMIT_MS, held
    return 20


def admission() -> Admission:
    return Admission(allow=[ip_network("127.0.0.0/8")], rate=100_000, total_rate=100_000)


async def test_hostile_clients_of_the_tcp_echo_do_not_hold_up_others() -> None:
    assert await serve_a_crowd(PLAIN, TcpEcho(admission=admission(), max_connections=64), None)


async def test_hostile_clients_of_the_tls_echo_do_not_hold_up_others(certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    server = TcpEcho(admission=admission(), tls=tls_context(str(chain), str(key)), max_connections=64)
    assert await serve_a_crowd(TLS, server, context)


async def test_datagrams_of_strangers_do_not_hold_a_reflector() -> None:
    responder = EchoResponder(admission=admission(), own_ports=set())
    listener = Listener("127.0.0.1", 0, lambda _: responder)
    try:
        with tormented("client-datagrams", listener.port), holds.measured() as held:
            # On a busy machine it takes seconds to begin.
            async with asyncio.timeout(60):
                while listener.counters.received <= 1000:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1)
    finally:
        listener.close()
    assert held.longest_ms < holds.LIMIT_MS, held


async def test_hostile_clients_of_an_agent_do_not_hold_it() -> None:
    async def answer(_: Request) -> Response:
        return Response(body=b"ok\n")

    server = Server({"/": answer})
    port = await server.start("127.0.0.1", 0)
    try:
        with crowd(PLAIN, port), holds.measured() as held:
            await asyncio.sleep(2)
    finally:
        await server.stop(grace=0)
    assert held.longest_ms < holds.LIMIT_MS, held
