"""Several source ports side by side: each keeps its port and its figures, and harms no other."""

import asyncio
import socket
from collections import Counter
from contextlib import ExitStack, suppress
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import (
    Flows,
    Invalidity,
    LossShape,
    PlannedProbe,
    ProbeType,
    RoundResult,
    TcpOptions,
    TlsOptions,
    check_result,
)
from ipsecping.contract.planned_probe import LEAST_REST_MS
from ipsecping.net.clocks import Clock
from ipsecping.net.lookup import lookup
from ipsecping.net.resolve import Resolver
from ipsecping.net.socket_pool import running_pool
from ipsecping.probes.flows import FIRST_PORT, ROWS
from ipsecping.rounds.flow_order import FlowOrder
from ipsecping.rounds.prober import PathProber

from ...plans import check_of
from ...ports import free_port
from .far_ends import LOOPBACK, measure, probe, prober, silent, tcp_server, udp_echo

MS, SECOND = 1_000_000, 1_000_000_000


SHORT_MS = 300
"""Timeout of rounds in which packets are lost; in others a busy machine has time."""


def echo(port: int, **changes: object) -> PlannedProbe:
    return probe(ProbeType.UDP_ECHO, **{"port": port, "size": 16, "flows": 8, "timeout_ms": 5000, **changes})


def connect(port: int, **changes: object) -> PlannedProbe:
    values = {"port": port, "flows": 4, "timeout_ms": 100, "spacing_ms": 100 + LEAST_REST_MS, "count": 2}
    return probe(ProbeType.TCP, **{**values, **changes})


def flows_of(result: RoundResult) -> Flows:
    check_result(result)
    assert result.invalid is None
    found = result.figure(Flows)
    assert found is not None
    return found


@pytest.mark.parametrize("host", LOOPBACK)
async def test_dead_flows_are_told_by_their_ports(host: str) -> None:
    async with udp_echo(host, lose=lambda _, port: port % 4 == 1) as port:
        result = await measure(echo(port, timeout_ms=SHORT_MS), host)
    found = flows_of(result)
    assert (result.sent, result.received) == (24, 18)
    assert found.first_port is not None
    assert [found.first_port + flow for flow in found.silent] == [
        port for port in range(found.first_port, found.first_port + 8) if port % 4 == 1
    ]
    assert [found.sent(flow) for flow in range(8)] == [3] * 8
    assert all((found.mean_rtt(flow) is None) == (flow in found.silent) for flow in found.flows)
    assert (found.remark() or "").startswith("2 of 8 flows lost every packet: source ports ")


async def test_flows_keep_their_ports_over_rounds_sessions_and_restarts() -> None:
    seen = Counter[int]()

    def note(_: int, port: int) -> bool:
        seen[port] += 1
        return False

    async with udp_echo(lose=note) as port:
        for _ in range(2):
            with prober() as made:
                for _ in range(2):
                    (result,) = await made.round(check_of(echo(port)))
                    assert result.received == 24
    assert len(seen) == 8
    assert set(seen.values()) == {12}


async def test_a_fixed_port_is_that_of_the_first_flow() -> None:
    first = free_port(socket.SOCK_DGRAM, count=3)
    async with udp_echo() as port:
        assert flows_of(await measure(echo(port, source_port=first, flows=3))).first_port == first


async def test_a_fixed_port_that_is_taken_is_no_loss() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        taken = other.getsockname()[1]
        result = await measure(echo(7, source_port=taken - 1, flows=2))
    assert (result.sent, result.invalid) == (0, Invalidity.SOURCE_UNAVAILABLE)


async def test_where_a_port_is_taken_all_flows_have_others() -> None:
    async with udp_echo() as port:
        first = flows_of(await measure(echo(port))).first_port or 0
        with ExitStack() as taken:
            sock = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with suppress(OSError):  # somebody else has taken it meanwhile
                sock.bind(("0.0.0.0", first + 7))
            elsewhere = flows_of(await measure(echo(port))).first_port or 0
    assert not first <= elsewhere < first + 8
    assert FIRST_PORT <= elsewhere < FIRST_PORT + 16 * ROWS


async def test_two_probes_of_one_target_have_flows_of_their_own_and_those_of_others_share_sockets() -> None:
    clock, resolver = Clock(), Resolver(lookup)
    async with udp_echo() as port, udp_echo("127.0.0.2") as far_port:
        paths = [(echo(port), "127.0.0.1")] * 2 + [(echo(far_port), "127.0.0.2")]
        with ExitStack() as stack:
            rounds = []
            for planned, target in paths:
                made = PathProber(clock, resolver)
                stack.callback(made.close)
                rounds.append(made.round(check_of(planned, target=target)))
            results = [result for (result,) in await asyncio.gather(*rounds)]
            sockets = [each for row in running_pool()._sockets.values() for each in row if not each.closed]
    ports = [flows_of(result).first_port for result in results]
    assert [result.received for result in results] == [24, 24, 24]
    assert ports[0] != ports[1]
    assert ports[2] == ports[0]
    assert len(sockets) == 16


async def test_connections_of_a_flow_come_from_one_port() -> None:
    seen = Counter[int]()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen[writer.get_extra_info("peername")[1]] += 1
        await silent(reader, writer)

    async with tcp_server(note) as port:
        with prober() as made:
            for _ in range(2):
                (result,) = await made.round(check_of(connect(port)))
                found = flows_of(result)
                assert result.received == 8
    first = found.first_port or 0
    assert seen == {first + flow: 4 for flow in range(4)}


async def test_two_tcp_probes_of_one_target_do_not_fight_for_a_port() -> None:
    async with tcp_server(silent) as port:
        with prober() as one, prober() as other:
            rounds = one.round(check_of(connect(port))), other.round(check_of(connect(port)))
            results = [result for (result,) in await asyncio.gather(*rounds)]
    assert [(result.received, result.invalid) for result in results] == [(8, None), (8, None)]
    assert flows_of(results[0]).first_port != flows_of(results[1]).first_port


async def test_a_tcp_port_of_another_process_is_left_alone() -> None:
    async with tcp_server(silent) as port:

        async def first_port() -> int:
            return flows_of(await measure(connect(port))).first_port or 0

        for _ in range(
            5
        ):  # the ports are the machine's: another run of these tests may have had one for a moment
            first = await first_port()
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    other.bind(("0.0.0.0", first))
                except OSError:
                    continue
                assert await first_port() != first
            if await first_port() == first:
                return
    pytest.fail("the port of the first flow is not taken again when it is free")


async def test_a_flow_whose_connection_is_under_way_blames_this_host(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rounds closer than the schema lets them be: the path has lost nothing."""
    async with tcp_server(silent) as port:
        slow = TcpOptions(tls=TlsOptions(verify=False))
        result = await measure(connect(port, timeout_ms=1000, spacing_ms=50, options=slow))
    assert result.invalid is Invalidity.LOCAL_SEND_FAILED
    assert "under way already" in caplog.text


async def test_jitter_and_runs_of_loss_are_those_of_each_flow() -> None:
    """Of 8 flows each third packet in a row would be no run and a loss at even distances."""
    async with udp_echo(lose=lambda _, port: port % 8 == 3) as port:
        result = await measure(echo(port, count=5, timeout_ms=SHORT_MS))
    shape = result.figure(LossShape)
    assert shape is not None
    assert (shape.packets, shape.period) == (5, None)
    assert result.jitter_count == 7 * 4


def sends(order: FlowOrder, count: int) -> list[int]:
    """Which flow sends, in the order of time."""
    at = []
    for flow in range(order.flows):
        delay, place = order.place(flow)
        for step in (*islice(place.steps, count - 1), 0):
            at.append((delay, flow))
            delay += step
    return [flow for _, flow in sorted(at)]


@given(
    st.integers(2, 16),
    st.integers(1, 12),
    st.sampled_from([10 * MS, 100 * MS, 1000 * MS]),
    st.integers(0, 2**64),
)
def test_each_flow_sends_once_in_each_turn_and_turns_do_not_overlap(
    flows: int, count: int, spacing: int, seed: int
) -> None:
    sent = sends(FlowOrder(flows, spacing, seed), count)
    for turn in range(count):
        assert sorted(sent[turn * flows : (turn + 1) * flows]) == list(range(flows))


@given(st.integers(2, 16), st.integers(2, 20), st.integers(0, 2**64))
def test_whoever_drops_every_so_many_packets_kills_no_flow(flows: int, every: int, seed: int) -> None:
    sent = sends(FlowOrder(flows, 100 * MS, seed), 30)
    passed = {flow for number, flow in enumerate(sent) if number % every}
    assert passed == set(range(flows))


def test_a_train_goes_on_in_the_same_order() -> None:
    order = FlowOrder(4, 100 * MS, 7)
    delay, place = order.place(1)
    steps = list(islice(place.steps, 20))
    later, place = order.place(1, turn=10)
    assert delay + sum(steps[:10]) - 10 * 100 * MS == later
    assert list(islice(place.steps, 10)) == steps[10:]
