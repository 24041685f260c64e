"""Rounds of the path MTU probe over loopback: what is counted, and what a dead path looks like."""

import asyncio
import itertools
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from ipsecping.contract import (
    Expect,
    Invalidity,
    LossReason,
    PathMtu,
    PathMtuOptions,
    PlannedProbe,
    ProbeType,
    RoundResult,
    result_from_json,
    result_to_json,
)
from ipsecping.contract.methods import path_mtu
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.responder import EchoResponder, Reply, Request, Responder, StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.rounds import round_method
from ipsecping.rounds.pause import PauseWatch
from ipsecping.rounds.prober import PathProber
from ipsecping.wire.ntp import UNSYNCHRONIZED

from ...plans import check_of
from .far_ends import closed_port

HOSTS = ["127.0.0.1", "::1"]
EVERYBODY = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


def admission() -> Admission:
    return Admission(allow=EVERYBODY, rate=100_000, total_rate=100_000)


KEY, OTHER_KEY = b"the key of both sides", b"the key of somebody else"


def stamp_responder(_: int, keys: Callable[[], list[bytes]] | None = None) -> StampResponder:
    return StampResponder(
        admission=admission(),
        sessions=SessionTable(),
        own_ports=(),
        error_estimate=lambda _: UNSYNCHRONIZED,
        keys=keys,
    )


def signed_responder(_: int) -> StampResponder:
    return stamp_responder(0, lambda: [KEY])


def signed_options(folder: Path, *keys: bytes) -> PathMtuOptions:
    file = folder / "mtu.keys"
    file.write_bytes(b"\n".join(keys))
    return PathMtuOptions(key_file=str(file))


def echo_responder(_: int) -> EchoResponder:
    return EchoResponder(admission=admission(), own_ports=())


class Narrow:
    """A stateful reflector behind a path that takes 1,400 bytes there and 1,350 back."""

    def __init__(self, responder: StampResponder) -> None:
        self._responder = responder

    def answer(self, request: Request) -> Reply | Drop:
        size = len(request.data) + 28
        if size > 1400:
            return Drop.SEND_FAILED  # it never arrived
        reply = self._responder.answer(request)
        return Drop.SEND_FAILED if size > 1350 else reply

    def finish(self, reply: Reply, sent_at: int) -> None:
        self._responder.finish(reply, sent_at)


async def one_round(host: str, port: int | None, **changes: object) -> RoundResult:
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
    assert result.figure(PathMtu) == PathMtu(forward=1500, reverse=1500, too_big=False)
    assert result.received == result.sent >= 2
    assert result.remote_ip == host


class Sleepy(EchoResponder):
    """Stands still before the first answers, and with it the prober, which is in the same process."""

    def answer(self, request: Request) -> Reply | Drop:
        time.sleep(0.9)
        return super().answer(request)


async def test_a_host_that_stood_still_lost_nothing_on_the_path(far: Far) -> None:
    port = far("127.0.0.1", lambda _: Sleepy(admission=admission(), own_ports=()))
    result = await one_round("127.0.0.1", port, count=1, timeout_ms=300)
    assert (result.losses, result.invalid) == ({LossReason.TIMEOUT: 1}, Invalidity.LATE_TICKS)
    nobody = await one_round("127.0.0.1", far("127.0.0.1", Nobody), count=1, timeout_ms=300)
    assert (nobody.losses, nobody.invalid) == ({LossReason.TIMEOUT: 1}, None)


def suspended(clock: Clock) -> PauseWatch:
    asleep = itertools.count(0, 30 * 1_000_000_000)
    return PauseWatch(clock, asleep=lambda: next(asleep))


def stopped_by_its_hypervisor(_: Clock) -> PauseWatch:
    """What it runs on sets its wall clock when it goes on."""
    reads = itertools.count(0, 30 * 1_000_000_000)
    return PauseWatch(Clock(realtime=lambda: time.monotonic_ns() + next(reads)), asleep=lambda: 0)


@pytest.mark.parametrize("paused", [suspended, stopped_by_its_hypervisor])
async def test_what_a_machine_that_was_paused_has_lost_is_not_the_paths(
    far: Far, monkeypatch: pytest.MonkeyPatch, paused: Callable[[Clock], PauseWatch]
) -> None:
    monkeypatch.setattr(round_method, "PauseWatch", paused)
    lost = await one_round("127.0.0.1", far("127.0.0.1", Nobody), count=1, timeout_ms=100)
    assert (lost.losses, lost.invalid) == ({LossReason.TIMEOUT: 1}, Invalidity.LATE_TICKS)
    assert (await one_round("127.0.0.1", far("127.0.0.1", stamp_responder))).invalid is None


class Nobody:
    """Answers nothing."""

    def __init__(self, _: int) -> None:
        pass

    def answer(self, request: Request) -> Reply | Drop:
        return Drop.SEND_FAILED

    def finish(self, reply: Reply, sent_at: int) -> None:
        raise AssertionError("there is no answer")


class Short(asyncio.DatagramProtocol):
    """Sends back at most so many bytes, as responders with a small buffer do."""

    def __init__(self, most: int) -> None:
        self.most = most

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data[: self.most], addr)


UDP_ECHO = PathMtuOptions(responder=path_mtu.Responder.UDP_ECHO)


@pytest.mark.parametrize("host", HOSTS)
async def test_a_responder_that_cuts_its_answers_short_is_no_limit_of_the_path(host: str) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Short(512), local_addr=(host, 0))
    try:
        result = await one_round(host, transport.get_extra_info("sockname")[1], options=UDP_ECHO)
    finally:
        transport.close()
    assert result.figure(PathMtu) == PathMtu(forward=1500, reverse=None, too_big=False)


@pytest.mark.parametrize("host", HOSTS)
async def test_icmp_echo_serves_where_there_is_no_responder(host: str) -> None:
    options = PathMtuOptions(responder=path_mtu.Responder.ICMP)
    result = await one_round(host, port=None, options=options)
    if result.invalid is Invalidity.PING_FORBIDDEN:
        pytest.skip("this user may not open ping sockets")
    assert result.figure(PathMtu) == PathMtu(forward=1500, reverse=1500, too_big=False)


@pytest.mark.parametrize("host", HOSTS)
async def test_an_echo_responder_serves_as_well(host: str, far: Far) -> None:
    result = await one_round(host, far(host, echo_responder))
    assert result.figure(PathMtu) == PathMtu(forward=1500, reverse=1500, too_big=False)


async def test_packets_beyond_the_limit_do_not_count_as_lost(far: Far) -> None:
    result = await one_round("127.0.0.1", far("127.0.0.1", lambda _: Narrow(stamp_responder(0))))
    assert result.figure(PathMtu) == PathMtu(forward=1400, reverse=1350, too_big=False)
    assert result.received == result.sent
    assert not result.losses


async def test_a_port_where_nobody_listens_refuses_every_packet() -> None:
    result = await one_round("127.0.0.1", closed_port(socket.SOCK_DGRAM))
    assert (result.sent, result.received, result.figure(PathMtu)) == (4, 0, None)
    assert result.losses == {LossReason.REFUSED: 4}


async def test_a_dead_path_loses_as_many_packets_as_the_plan_counts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        result = await one_round("127.0.0.1", silent.getsockname()[1], timeout_ms=200)
    assert (result.sent, result.losses, result.figure(PathMtu)) == (4, {LossReason.TIMEOUT: 4}, None)


async def test_traffic_that_has_to_be_blocked_is_tried_with_small_packets_only(far: Far) -> None:
    result = await one_round("127.0.0.1", far("127.0.0.1", stamp_responder), expect=Expect.BLOCKED)
    assert result.received >= 1
    assert result.figure(PathMtu) is None


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


@pytest.mark.parametrize("host", HOSTS)
async def test_an_authenticated_reflector_answers_signed_packets(host: str, far: Far, tmp_path: Path) -> None:
    result = await one_round(
        host, far(host, signed_responder), options=signed_options(tmp_path, KEY, OTHER_KEY)
    )
    assert result.figure(PathMtu) == PathMtu(forward=1500, reverse=1500, too_big=False)
    assert result.received == result.sent >= 2


async def test_both_directions_are_told_apart_with_signed_packets_too(far: Far, tmp_path: Path) -> None:
    port = far("127.0.0.1", lambda _: Narrow(signed_responder(0)))
    result = await one_round("127.0.0.1", port, options=signed_options(tmp_path, KEY))
    assert result.figure(PathMtu) == PathMtu(forward=1400, reverse=1350, too_big=False)
    assert not result.losses


@pytest.mark.parametrize("responder", [signed_responder, stamp_responder, echo_responder])
async def test_who_does_not_know_the_key_gives_no_answer(
    responder: Callable[[int], Responder], far: Far, tmp_path: Path
) -> None:
    """An echo of our own packet is signed with the right key, and proves nothing of the target."""
    options = signed_options(tmp_path, OTHER_KEY)
    result = await one_round("127.0.0.1", far("127.0.0.1", responder), options=options, timeout_ms=200)
    assert (result.received, result.losses, result.figure(PathMtu)) == (0, {LossReason.TIMEOUT: 4}, None)


class Forger:
    """Has the key of requests, and signs answers with another."""

    def __init__(self) -> None:
        self._responder = signed_responder(0)

    def answer(self, request: Request) -> Reply | Drop:
        return self._responder.answer(request)

    def finish(self, reply: Reply, sent_at: int) -> None:
        self._responder.finish(replace(reply, key=OTHER_KEY), sent_at)


async def test_an_answer_under_a_wrong_key_is_lost_with_its_reason(far: Far, tmp_path: Path) -> None:
    port = far("127.0.0.1", lambda _: Forger())
    result = await one_round("127.0.0.1", port, options=signed_options(tmp_path, KEY))
    assert (result.received, result.losses, result.figure(PathMtu)) == (0, {LossReason.AUTH_FAILED: 4}, None)


async def test_without_a_usable_key_nothing_is_sent(far: Far, tmp_path: Path) -> None:
    options = PathMtuOptions(key_file=str(tmp_path / "absent"))
    result = await one_round("127.0.0.1", far("127.0.0.1", signed_responder), options=options)
    assert (result.sent, result.invalid) == (0, Invalidity.KEY_MISSING)


async def test_a_key_that_is_text_signs_nothing_where_the_plan_wants_marked_ones(
    far: Far, tmp_path: Path
) -> None:
    port = far("127.0.0.1", signed_responder)
    options = replace(signed_options(tmp_path, b"correct horse battery staple"), marked_keys=True)
    result = await one_round("127.0.0.1", port, options=options)
    assert (result.sent, result.invalid) == (0, Invalidity.KEY_NOT_PERMITTED)
    file = tmp_path / "mtu.keys"
    file.write_text(f"hex:{'0f' * 32}\n")
    result = await one_round("127.0.0.1", port, options=options, timeout_ms=100)
    assert (result.sent > 0, result.invalid) == (True, None)
