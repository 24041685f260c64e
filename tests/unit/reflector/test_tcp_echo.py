"""TCP echo on loopback: what is echoed, and what is cut off."""

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from ipsecping.reflector import tcp_echo
from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.tcp_echo import Refusal, TcpEcho, tls_context

from ...peers.openssl import openssl
from ...peers.processes import PATIENCE


@asynccontextmanager
async def listening(allow: str = "127.0.0.0/8", rate: int = 1000, **settings: Any) -> AsyncIterator[TcpEcho]:
    admission = Admission(allow=[ip_network(allow)], rate=rate, total_rate=1000)
    server = TcpEcho(admission=admission, **settings)
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.stop()


async def refused(port: int) -> bool:
    """Whether a connection ends before a single byte comes back."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"?")
        answer = await reader.read(1)
    except ConnectionError:
        return True
    writer.close()
    return not answer


async def write_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(bytes(1 << 20))
        await asyncio.wait_for(writer.drain(), PATIENCE)


async def until_closed(server: TcpEcho) -> None:
    async with asyncio.timeout(PATIENCE):
        while server.counters.open:
            await asyncio.sleep(0.005)


async def test_what_is_sent_comes_back_until_the_sender_ends() -> None:
    async with listening() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        content = bytes(range(256)) * 1000
        writer.write(content)
        writer.write_eof()
        assert await reader.read(-1) == content
        writer.close()
        await until_closed(server)
        assert server.counters.accepted == 1
        assert server.counters.octets == len(content)


async def test_strangers_and_floods_are_cut_off() -> None:
    async with listening(allow="192.0.2.0/24") as server:
        assert await refused(server.port)
        assert server.counters.refused == {Drop.NOT_ALLOWED: 1}
        assert server.counters.last == {Drop.NOT_ALLOWED: "127.0.0.1"}
    async with listening(rate=1) as server:
        assert not await refused(server.port)
        assert await refused(server.port)
        assert server.counters.refused == {Drop.RATE_LIMITED: 1}


@pytest.mark.parametrize("limits", [{"max_connections": 1}, {"max_per_peer": 1}])
async def test_connections_are_bounded_and_a_place_becomes_free_again(limits: Any) -> None:
    async with listening(**limits) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"mine")
        assert await reader.readexactly(4) == b"mine"
        assert await refused(server.port)
        assert server.counters.refused == {Refusal.TOO_MANY: 1}
        writer.close()
        await until_closed(server)
        assert not await refused(server.port)


async def test_the_addresses_of_an_ipv6_host_are_one_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    # Loopback has one IPv6 address only: two of IPv4 stand for two of a /64.
    monkeypatch.setattr(tcp_echo, "source_of", {"127.0.0.1": "::/64", "127.0.0.2": "::/64"}.get)
    async with listening(max_per_peer=1) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
        assert await refused(server.port)
        assert server.counters.refused == {Refusal.TOO_MANY: 1}
        writer.close()
        await until_closed(server)


async def test_a_silent_connection_is_closed() -> None:
    async with listening(idle_seconds=0.05) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read(1) == b""
        writer.close()
        await until_closed(server)
        assert server.counters.timed_out == 1


async def test_a_reader_that_takes_nothing_is_cut_off() -> None:
    async with listening(idle_seconds=0.05) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with pytest.raises(ConnectionError):
            await write_for_ever(writer)
        writer.close()
        await until_closed(server)
        assert server.counters.timed_out == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    chain, key = folder / "chain.pem", folder / "key.pem"
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
        "-subj", "/CN=reflector.example", "-addext", "subjectAltName=DNS:reflector.example",
        "-keyout", key, "-out", chain,
    )  # fmt: skip
    return chain, key


async def test_tls_is_spoken_where_there_is_a_certificate(certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    client = ssl.create_default_context(cafile=str(chain))
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with listening(tls=tls_context(str(chain), str(key))) as server:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=client, server_hostname="reflector.example"
        )
        writer.write(b"secret")
        assert await reader.readexactly(6) == b"secret"
        writer.close()
        await writer.wait_closed()
        await until_closed(server)
        assert server.counters.accepted == 1
    await asyncio.sleep(0)
    gc.collect()  # what became of the connection's task is told at the latest now
    assert not faults


async def test_a_handshake_that_does_not_come_or_is_none_is_cut_off(certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    tls = tls_context(str(chain), str(key))
    async with listening(tls=tls, handshake_seconds=0.05, max_connections=1) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read(1) == b""  # silent: it held the only place, for so long and no longer
        writer.close()
        await until_closed(server)
        assert await refused(server.port)  # speaks, but not TLS
        await until_closed(server)
        assert server.counters.refused == {Refusal.HANDSHAKE_FAILED: 2}
        assert server.counters.accepted == 0
