"""A plan may limit where packets go: what a name resolves to decides, not the name."""

import asyncio
from dataclasses import replace

import pytest

from ipsecping.contract import Invalidity, ProbeType

from ...plans import check_of
from .far_ends import probe, prober, silent, tcp_server


async def test_an_address_outside_of_the_networks_gets_nothing_sent_and_the_round_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await silent(reader, writer)

    async with tcp_server(count) as port:
        planned = check_of(probe(ProbeType.TCP, port=port), target="far.example")
        with prober(find=lambda name: ["127.0.0.1"]) as made:
            (refused,) = await made.round(replace(planned, allowed=("10.0.0.0/8",)))
            assert connections == 0
            (permitted,) = await made.round(replace(planned, allowed=("10.0.0.0/8", "127.0.0.1/32")))
    assert (refused.invalid, refused.sent, refused.remote_ip) == (Invalidity.NOT_PERMITTED, 0, "127.0.0.1")
    assert "127.0.0.1 (far.example) is not an allowed target" in caplog.text
    assert (permitted.invalid, permitted.received) == (None, 3)


async def test_each_probe_is_looked_at_by_where_it_goes() -> None:
    async with tcp_server(silent) as port:
        probes = (probe(ProbeType.TCP, port=port), probe(ProbeType.TCP, port=port, name="q"))
        planned = replace(check_of(*probes, target="127.0.0.1"), allowed=("192.0.2.0/24",))
        with prober() as made:
            results = await made.round(planned)
    assert [result.invalid for result in results] == [Invalidity.NOT_PERMITTED] * 2


async def test_an_address_that_is_refused_gets_nothing_sent_whatever_spells_it() -> None:
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await silent(reader, writer)

    async with tcp_server(count) as port:
        for target in ("127.0.0.1", "far.example", "::ffff:127.0.0.1"):
            planned = check_of(probe(ProbeType.TCP, port=port), target=target)
            with prober(find=lambda name: ["127.0.0.1"]) as made:
                (result,) = await made.round(replace(planned, refused=("127.0.0.0/8",)))
            assert (result.invalid, result.sent) == (Invalidity.NOT_PERMITTED, 0)
    assert connections == 0
