"""The TCP probe against real sockets on loopback."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from ipsecping.contract import ClockSource, Invalidity, LossReason, PlannedProbe, ProbeType, TcpOptions
from ipsecping.net.clocks import Clock
from ipsecping.net.tcp import Stream
from ipsecping.probes import tcp

from ...news import News
from ...plans import check_of
from .far_ends import (
    LOOPBACK,
    Handler,
    closed_port,
    full_backlog,
    hang_up,
    measure,
    probe,
    prober,
    reset,
    silent,
    tcp_server,
)


def tcp_probe(port: int, **fields: int) -> PlannedProbe:
    return probe(ProbeType.TCP, port=port, options=TcpOptions(), **fields)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(autouse=True)
def no_socket_is_left_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() <= before


@pytest.mark.parametrize("host", LOOPBACK)
async def test_each_connect_is_an_answer_timed_by_the_kernel(host: str) -> None:
    async with tcp_server(silent, host) as port:
        result = await measure(tcp_probe(port), host)
    assert (result.sent, result.received, result.rtt.count) == (3, 3, 3)
    assert result.clock is ClockSource.KERNEL
    assert result.remote_ip == host
    assert result.invalid is None


async def test_the_round_trip_time_does_not_include_the_probers_own_delay() -> None:
    async with tcp_server(silent) as port:
        session = tcp.open_session(tcp_probe(port), "127.0.0.1", Clock())
        told = News()
        packet = session.send(told)
        clock = Clock()
        while clock.read().monotonic < packet.sent_at + 200_000_000:
            pass  # the event loop is held up: the answer waits in the kernel
        await told.wait()
        session.close()
    assert packet.rtt is not None
    assert packet.rtt < 100_000_000


async def test_a_closed_port_refuses() -> None:
    result = await measure(tcp_probe(closed_port()))
    assert result.losses == {LossReason.REFUSED: 3}
    assert [(each.packets, each.left, each.icmp) for each in result.refused] == [(3, True, None)]
    assert result.invalid is None


async def test_a_syn_without_answer_times_out() -> None:
    with full_backlog() as port:
        result = await measure(tcp_probe(port, timeout_ms=100))
    assert result.losses == {LossReason.TIMEOUT: 3}


async def test_a_syn_that_had_to_be_sent_again_counts_with_its_whole_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first:
        first.connect(server.getsockname())
        session = tcp.open_session(tcp_probe(server.getsockname()[1]), "127.0.0.1", Clock())
        told = News()
        packet = session.send(told)
        server.accept()[0].close()  # the SYN was dropped; the next one, after about a second, finds room
        await told.wait()
        session.close()
    assert packet.answered
    assert packet.rtt is not None
    assert packet.rtt > 900_000_000
    assert packet.clock is ClockSource.USER


@pytest.mark.parametrize("behaviour", [hang_up, reset], ids=["closes", "resets"])
async def test_a_server_that_ends_what_it_has_accepted_has_answered(behaviour: Handler) -> None:
    async with tcp_server(behaviour) as port:
        result = await measure(tcp_probe(port))
    assert result.received == 3


async def test_connections_are_reset_so_that_none_stays_in_time_wait() -> None:
    ends: list[Exception | None] = []
    over = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
            ends.append(None)
        except ConnectionResetError as error:
            ends.append(error)
        over.set()

    async with tcp_server(watch) as port:
        await measure(tcp_probe(port, count=1))
        await over.wait()
    assert isinstance(ends[0], ConnectionResetError)


async def test_rounds_that_overlap_keep_their_packets_apart() -> None:
    async with tcp_server(silent) as port:
        with prober() as made:
            planned = check_of(tcp_probe(port, count=5))
            rounds = await asyncio.gather(made.round(planned), made.round(planned))
    assert [(result.sent, result.received) for (result,) in rounds] == [(5, 5), (5, 5)]


async def test_want_of_descriptors_is_our_fault_and_no_loss_of_the_path() -> None:
    with mock.patch("ipsecping.probes.tcp.Stream", side_effect=OSError(errno.EMFILE, "Too many open files")):
        result = await measure(tcp_probe(1))
    assert result.invalid is Invalidity.LOCAL_SEND_FAILED


async def test_no_route_is_the_paths_fault() -> None:
    with mock.patch("ipsecping.probes.tcp.Stream", side_effect=OSError(errno.ENETUNREACH, "unreachable")):
        result = await measure(tcp_probe(1))
    assert result.losses == {LossReason.UNREACHABLE: 3}
    assert result.invalid is None


async def test_a_fault_of_the_prober_amid_an_exchange_makes_the_round_invalid() -> None:
    async with tcp_server(silent) as port:
        with mock.patch.object(Stream, "connect_rtt", side_effect=RuntimeError("bug")):
            result = await measure(tcp_probe(port))
    assert result.invalid is Invalidity.LOCAL_SEND_FAILED


async def test_closing_a_session_breaks_off_what_is_under_way() -> None:
    with full_backlog() as port:
        session = tcp.open_session(tcp_probe(port), "127.0.0.1", Clock())
        packet = session.send()
        session.close()
        await asyncio.sleep(0)  # the cancelled task ends
        await asyncio.sleep(0)
        assert not packet.settled
        assert len(asyncio.all_tasks()) == 1
