"""The operator's /metrics under a crowd: made once for all, complete, and no burden on anything else."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from ipsecping.serving.server import DEFAULT, Refusal, Server
from ipsecping_operator.metrics.cached import REST, CachedExposition, handed_out
from ipsecping_operator.metrics.exposition import PIECE, Family
from ipsecping_operator.metrics.health import Health, Phase
from ipsecping_operator.metrics.server import serve_health, serve_metrics

from ...peers.processes import PATIENCE

SAMPLES = 40_000
"""As of some two hundred checks."""


class Fleet(Collector):
    """Many series; counts how often they are asked for."""

    def __init__(self, samples: int = SAMPLES) -> None:
        self.samples = samples
        self.made = 0
        self.broken = False

    def collect(self) -> Iterator[Metric]:
        self.made += 1
        if self.broken:
            raise RuntimeError("out of luck")
        yield Family("x", "Help.", "gauge", (Sample("x", {"n": str(n)}, n) for n in range(self.samples)))


def registry_of(fleet: Fleet) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(fleet)
    fleet.made = 0
    return registry


@asynccontextmanager
async def serving(fleet: Fleet) -> AsyncIterator[tuple[Server, str]]:
    server = await serve_metrics(registry_of(fleet), address=("127.0.0.1", 0), before=lambda: None)
    try:
        yield server, f"http://127.0.0.1:{server.port}/metrics"
    finally:
        await server.stop(grace=0)


async def scraped(url: str, **headers: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_the_text_is_whole_packed_or_not() -> None:
    async with serving(Fleet()) as (_, url):
        packed = await scraped(url)
        assert await scraped(url, **{"Accept-Encoding": "identity"}) == packed
        assert await scraped(url, **{"Accept-Encoding": "gzip;q=0"}) == packed
    assert packed.count("# TYPE x gauge") == 1
    assert packed.count("\n") == SAMPLES + 2
    assert packed.endswith(f'x{{n="{SAMPLES - 1}"}} {float(SAMPLES - 1)}\n')


async def test_it_is_one_gzip_stream_that_any_reader_takes() -> None:
    async with serving(Fleet(3)) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /metrics HTTP/1.0\r\nAccept-Encoding: br, gzip\r\n\r\n")
        head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE)).partition(b"\r\n\r\n")
        writer.close()
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body).decode().endswith('x{n="2"} 2.0\n')


async def test_many_who_ask_at_once_get_one_text_and_others_their_turns() -> None:
    fleet, turns = Fleet(), 0
    made = CachedExposition(registry_of(fleet), before=lambda: None, clock=lambda: 0.0)
    asked = asyncio.gather(*(made.pieces() for _ in range(500)))
    while not asked.done():
        await asyncio.sleep(0)
        turns += 1
    texts = await asked
    assert fleet.made == 1
    assert all(text is texts[0] for text in texts), "the same bytes, however many hold them"
    assert turns > SAMPLES / PIECE
    assert sum(map(len, texts[0])) < SAMPLES * 6, "kept compressed"


async def test_of_many_who_take_it_one_gets_a_piece_in_a_turn() -> None:
    packed = await CachedExposition(registry_of(Fleet()), before=lambda: None).pieces()
    turn, pieces, turns = asyncio.Lock(), 0, 0

    async def take() -> None:
        nonlocal pieces
        async for _ in handed_out(packed, turn, gzip=False):
            pieces += 1

    taken = asyncio.gather(*(take() for _ in range(20)))
    while not taken.done():
        await asyncio.sleep(0)
        turns += 1
    assert pieces > 20 * 10
    assert turns >= pieces


async def test_a_text_is_handed_out_for_some_time_that_grows_with_its_cost() -> None:
    fleet, now = Fleet(3), [0.0]
    costs = [10.0]

    def before() -> None:
        now[0] += costs[0]

    made = CachedExposition(registry_of(fleet), before=before, clock=lambda: now[0])
    await made.pieces()
    now[0] += REST * 10.0 - 1
    await made.pieces()
    assert fleet.made == 1
    now[0] += 2
    await made.pieces()
    assert fleet.made == 2


async def test_one_who_goes_while_it_is_made_takes_it_from_nobody() -> None:
    fleet = Fleet()
    made = CachedExposition(registry_of(fleet), before=lambda: None)
    impatient, patient = asyncio.create_task(made.pieces()), asyncio.create_task(made.pieces())
    await asyncio.sleep(0)
    impatient.cancel()
    text = b"".join([piece async for piece in handed_out(await patient, asyncio.Lock(), gzip=False)])
    assert text.count(b"\n") == SAMPLES + 2
    assert fleet.made == 1


async def test_a_fault_of_a_collector_is_an_error_and_not_an_old_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fleet = Fleet(3)
    fleet.broken = True
    async with serving(fleet) as (_, url), aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert answer.status == 500
        assert "out of luck" in caplog.text
        fleet.broken = False
        async with session.get(url) as answer:
            assert answer.status == 200


async def test_five_hundred_slow_scrapers_hold_a_bounded_number_of_connections_and_health_answers() -> None:
    fleet = Fleet(SAMPLES // 4)
    health = Health(ticked=1e12, phase=Phase.LEADING)
    healthy = await serve_health(health, address=("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    async with serving(fleet) as (server, url), AsyncExitStack() as stack:
        for _ in range(500):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.bind(("127.0.0.2", 0))
            sock.setblocking(False)
            with suppress(ConnectionResetError):
                await loop.sock_connect(sock, ("127.0.0.1", server.port))
                # And takes no more than the kernel holds for it.
                await loop.sock_sendall(sock, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert (await scraped(f"http://127.0.0.1:{healthy.port}/healthz")) == "ok\n"
        assert (await scraped(url)).count("\n") == SAMPLES // 4 + 2
        assert server.connections <= DEFAULT.strangers
        assert server.refused[Refusal.DISPLACED] > 0
        assert fleet.made < 100, "made for many at a time"
    await healthy.stop(grace=0)
