"""Rounds of the path MTU probe over loopback: what is counted, and what a dead path looks like."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest

from ipsecping.contract import (
    Expect,
    LossReason,
    PathMtu,
    PathMtuOptions,
    PlannedProbe,
    ProbeType,
    RoundResult,
    result_from_json,
    result_to_json,
)
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.responder import EchoResponder, Reply, Request, Responder, StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.rounds.prober import PathProber
from ipsecping.wire.ntp import UNSYNCHRONIZED

from ...plans import check_of

HOSTS = ["127.0.0.1", "::1"]
EVERYBODY = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


def admission() -> Admission:
    return Admission(allow=EVERYBODY, rate=100_000, total_rate=100_000)


def stamp_responder(_: int) -> StampResponder:
    return StampResponder(
        admission=admission(),
        sessions=SessionTable(),
        own_ports=(),
        error_estimate=lambda _: UNSYNCHRONIZED,
    )


def echo_responder(_: int) -> EchoResponder:
    return EchoResponder(admission=admission(), own_ports=())


class Narrow:
    """A stateful reflector behind a path that takes 1,400 octets there and 1,350 back."""

    def __init__(self) -> None:
        self._responder = stamp_responder(0)

    def answer(self, request: Request) -> Reply | Drop:
        size = len(request.data) + 28
        if size > 1400:
            return Drop.SEND_FAILED  # it never arrived
        reply = self._responder.answer(request)
        return Drop.SEND_FAILED if size > 1350 else reply

    def finish(self, reply: Reply, sent_at: int) -> None:
        self._responder.finish(reply, sent_at)


async def one_round(host: str, port: int, **changes: object) -> RoundResult:
    given = {
        "name": "mtu", "type": ProbeType.PATH_MTU, "count": 4, "spacing_ms": 50, "timeout_ms": 3000,
        "size": 0, "port": port, "options": PathMtuOptions(min=1280, max=1500),
    }  # fmt: skip
    probe = PlannedProbe(**(given | changes))  # type: ignore[arg-type]
    check = check_of(probe, target=host, interval_ms=1000)
    prober = PathProber(Clock(), Resolver())
    try:
        (result,) = await prober.round(check)
    finally:
        prober.close()
    assert result_from_json(result_to_json(result)) == result
    return result


Far = Callable[[str, Callable[[int], Responder]], int]


@pytest.fixture
async def far() -> Iterator[Far]:  # type: ignore[misc]
    listeners: list[Listener] = []

    def start(host: str, responder: Callable[[int], Responder]) -> int:
        listeners.append(Listener(host, 0, responder))
        return int(listeners[-1].port)

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("host", HOSTS)
async def test_where_all_sizes_pass_the_largest_tried_is_found_both_ways(host: str, far: Far) -> None:
    result = await one_round(host, far(host, stamp_responder))
    assert result.path_mtu == PathMtu(forward=1500, reverse=1500, too_big=False)
    assert result.received == result.sent >= 2
    assert result.remote_ip == host


@pytest.mark.parametrize("host", HOSTS)
async def test_an_echo_responder_serves_as_well(host: str, far: Far) -> None:
    result = await one_round(host, far(host, echo_responder))
    assert result.path_mtu == PathMtu(forward=1500, reverse=1500, too_big=False)


async def test_packets_beyond_the_limit_do_not_count_as_lost(far: Far) -> None:
    result = await one_round("127.0.0.1", far("127.0.0.1", lambda _: Narrow()))
    assert result.path_mtu == PathMtu(forward=1400, reverse=1350, too_big=False)
    assert result.received == result.sent
    assert not result.losses


async def test_a_port_where_nobody_listens_refuses_every_packet() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    result = await one_round("127.0.0.1", port)
    assert (result.sent, result.received, result.path_mtu) == (4, 0, None)
    assert result.losses == {LossReason.REFUSED: 4}


async def test_a_dead_path_loses_as_many_packets_as_the_plan_counts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        result = await one_round("127.0.0.1", silent.getsockname()[1], timeout_ms=200)
    assert (result.sent, result.losses, result.path_mtu) == (4, {LossReason.TIMEOUT: 4}, None)


async def test_traffic_that_has_to_be_blocked_is_tried_with_small_packets_only(far: Far) -> None:
    result = await one_round("127.0.0.1", far("127.0.0.1", stamp_responder), expect=Expect.BLOCKED)
    assert result.received >= 1
    assert result.path_mtu is None


class Garbage(asyncio.DatagramProtocol):
    """Answers with everything but an answer."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in (b"", b"\xff" * 44, bytes(2000), data[:11], data[:4] + bytes(40), data[::-1]):
            self.transport.sendto(answer, addr)


async def test_foreign_answers_and_garbage_are_no_answers() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Garbage, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        result = await one_round("127.0.0.1", port, timeout_ms=200)
    finally:
        transport.close()
    assert (result.received, result.losses) == (0, {LossReason.TIMEOUT: 4})
