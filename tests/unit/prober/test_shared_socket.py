"""Sessions that share a socket: each gets what is its own, over loopback with real peers."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ipsecping.contract import ClockSource, LossReason, PlannedProbe, ProbeType
from ipsecping.net import resending, timestamping
from ipsecping.net.clocks import Clock
from ipsecping.net.datagram import open_udp
from ipsecping.net.errors import NotSent
from ipsecping.net.flow import Flow
from ipsecping.probes import udp_echo
from ipsecping.probes.base import Session

from ...peers.processes import PATIENCE
from .far_ends import closed_port

ADDRESSES = [f"127.0.2.{i}" for i in range(1, 9)]


@dataclass(slots=True)
class Mark:
    """A packet as the socket knows it."""

    departed_at: int | None = None


@dataclass(slots=True)
class Inbox:
    """Keeps what a flow was told."""

    arrivals: list[bytes] = field(default_factory=list)
    refusals: list[LossReason] = field(default_factory=list)
    strays: list[tuple[bytes, str, int]] = field(default_factory=list)

    def arrived(self, data: bytes, at: int | None, read_at: int) -> None:
        assert at is not None
        assert at <= read_at
        self.arrivals.append(data)

    def astray(self, data: bytes, address: str, port: int) -> bool:
        self.strays.append((data, address, port))
        return data.startswith(b"mine")

    def refused(self, quote: bytes, reason: LossReason, _: object) -> None:
        self.refusals.append(reason)


class Peer:
    """A UDP socket on all of 127.0.0.0/8 that answers as it is told, from the address that was asked."""

    def __init__(self, replies: Callable[[bytes], list[bytes]]) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        self.sock.setblocking(False)
        self.sock.bind(("0.0.0.0", 0))
        self.port: int = self.sock.getsockname()[1]
        self.sources: list[tuple[str, int]] = []
        self._replies = replies
        asyncio.get_running_loop().add_reader(self.sock, self._readable)

    def _readable(self) -> None:
        data, items, _, source = self.sock.recvmsg(2048, 256)
        self.sources.append(source)
        control = [
            (level, kind, b"\0" * 4 + item[8:12] + b"\0" * 4) for level, kind, item in items if kind == 8
        ]
        for reply in self._replies(data):
            self.sock.sendmsg([reply], control, 0, source)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.005)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer(lambda data: [data])
    yield made
    made.close()


def flows_to(port: int, clock: Clock) -> list[tuple[Flow, Inbox]]:
    made = []
    for address in ADDRESSES:
        flow, inbox = open_udp(address, port, clock), Inbox()
        flow.receiver = inbox
        made.append((flow, inbox))
    return made


def session_to(address: str, port: int, clock: Clock) -> Session:
    probe = PlannedProbe(
        name="p", type=ProbeType.UDP_ECHO, count=1, spacing_ms=10, timeout_ms=5000, size=32, port=port
    )
    return udp_echo.METHOD.open(probe, address, clock)


async def test_many_far_ends_share_one_port_and_each_gets_its_own_answers(peer: Peer) -> None:
    flows = flows_to(peer.port, Clock())
    marks = [Mark() for _ in flows]
    for number, ((flow, _), mark) in enumerate(zip(flows, marks, strict=True)):
        flow.send(b"%d" % number, mark)
    await until(lambda: all(inbox.arrivals for _, inbox in flows))
    assert [inbox.arrivals for _, inbox in flows] == [[b"%d" % i] for i in range(len(flows))]
    assert all(mark.departed_at is not None for mark in marks)
    assert len(set(peer.sources)) == 1
    for flow, _ in flows:
        flow.close()


async def test_the_very_first_answer_of_a_process_has_the_kernels_timestamps(peer: Peer) -> None:
    session = session_to(ADDRESSES[0], peer.port, Clock())
    packet = session.send()
    await until(lambda: packet.settled)
    assert packet.clock is ClockSource.KERNEL
    session.close()


async def test_a_new_flow_to_the_same_far_end_comes_from_a_fresh_port(peer: Peer) -> None:
    clock = Clock()
    other = open_udp(ADDRESSES[1], peer.port, clock)
    ports = set()
    for _ in range(3):
        flow = open_udp(ADDRESSES[0], peer.port, clock)
        flow.send(b"x", Mark())
        await until(lambda: peer.sources)
        ports.add(peer.sources.pop()[1])
        flow.close()
    assert len(ports) == 3
    other.close()


async def test_a_refused_port_loses_its_own_packets_only_and_others_keep_their_timestamps(peer: Peer) -> None:
    clock = Clock()
    dead = session_to("127.0.3.1", closed_port(socket.SOCK_DGRAM), clock)
    live = session_to(ADDRESSES[0], peer.port, clock)
    refused, answered = [], []
    for _ in range(20):
        refused.append(dead.send())
        answered.append(live.send())
        await until(lambda: refused[-1].settled and answered[-1].settled)
    assert {packet.reason for packet in refused} == {LossReason.REFUSED}
    assert all(packet.answered and packet.rtt is not None for packet in answered)
    kernel = sum(packet.clock is ClockSource.KERNEL for packet in answered)
    assert kernel == len(answered)
    dead.close()
    live.close()


async def test_answers_from_another_address_and_garbage_count_for_nobody_else() -> None:
    peer = Peer(lambda data: [b"garbage", data[:15]])
    clock = Clock()
    asked, bystander = session_to(ADDRESSES[0], peer.port, clock), session_to(ADDRESSES[1], peer.port, clock)
    packet, waiting = asked.send(), bystander.send()
    await until(lambda: asked.ledger.foreign >= 2 and bystander.ledger.foreign >= 2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.9.9", 0))
        stranger.sendto(b"unasked", ("127.0.0.1", peer.sources[0][1]))
    again = asked.send()
    await until(lambda: asked.ledger.foreign >= 4)
    assert (asked.ledger.foreign, bystander.ledger.foreign) == (4, 2)
    assert not any(each.arrivals for each in (packet, waiting, again))
    asked.close()
    bystander.close()
    peer.close()


async def test_duplicates_are_counted_on_the_packet_that_they_answer() -> None:
    peer = Peer(lambda data: [data, data, data])
    session = session_to(ADDRESSES[0], peer.port, Clock())
    packet = session.send()
    await until(lambda: packet.arrivals == 3)
    assert packet.answered
    session.close()
    peer.close()


async def test_an_answer_that_comes_after_the_session_is_closed_disturbs_nobody(peer: Peer) -> None:
    clock = Clock()
    gone, stays = session_to(ADDRESSES[0], peer.port, clock), session_to(ADDRESSES[1], peer.port, clock)
    late, timely = gone.send(), stays.send()
    gone.close()
    await until(lambda: timely.answered)
    assert not late.arrivals
    assert not stays.ledger.foreign
    stays.close()


async def test_a_thousand_far_ends_are_answered_each_once(peer: Peer) -> None:
    clock = Clock()
    sessions = [session_to(f"127.{3 + i // 200}.1.{1 + i % 200}", peer.port, clock) for i in range(1000)]
    packets = []
    for start in range(0, len(sessions), 50):
        sent = [session.send() for session in sessions[start : start + 50]]
        await until(lambda sent=sent: all(packet.answered for packet in sent))  # type: ignore[misc]
        packets += sent
    assert {packet.arrivals for packet in packets} == {1}
    assert len({source[1] for source in peer.sources}) == 1
    for session in sessions:
        session.close()


async def test_an_overflow_of_the_queue_concerns_who_had_packets_under_way_and_nobody_later(
    peer: Peer,
) -> None:
    clock = Clock()
    flow = open_udp(ADDRESSES[2], peer.port, clock)
    flow.send(b"x", Mark())  # gives the socket its port
    under_way, idle = session_to(ADDRESSES[0], peer.port, clock), session_to(ADDRESSES[1], peer.port, clock)
    before = under_way.drops()
    under_way.send()
    await until(lambda: len(peer.sources) == 2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(6000):  # in one go: the event loop has no turn to read them
            stranger.sendto(bytes(1000), ("127.0.0.1", flow.local_port))
    for _ in range(2):  # each of the rounds that overlap notices it
        assert under_way.dropped_since(before)
    assert not under_way.dropped_since(under_way.drops())
    later = idle.drops()
    idle.send()
    assert not idle.dropped_since(later)
    for each in (under_way, idle, flow):
        each.close()


async def test_sockets_belong_to_their_event_loop_and_to_their_clock(peer: Peer) -> None:
    clock = Clock()
    flow = open_udp(ADDRESSES[0], peer.port, clock)
    same, other = open_udp(ADDRESSES[1], peer.port, clock), open_udp(ADDRESSES[1], peer.port, Clock())
    for each in (flow, same, other):
        each.send(b"x", Mark())
    assert flow.local_port == same.local_port != other.local_port
    mine = flow.local_port

    async def elsewhere() -> int:
        there = open_udp(ADDRESSES[2], peer.port, clock)
        there.send(b"x", Mark())
        port = there.local_port
        there.close()
        return port

    assert await asyncio.to_thread(asyncio.run, elsewhere()) != mine
    for each in (flow, same, other):
        each.close()


class Flooded:
    """A socket whose sends fail so many times, each by an ICMP error about somebody else's packet."""

    def __init__(self, sock: socket.socket, failures: int, number: int) -> None:
        self._sock, self.failures, self._number = sock, failures, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendto(self, data: bytes, target: tuple[str, int]) -> int:
        if self.failures:
            self.failures -= 1
            raise OSError(self._number, os.strerror(self._number))
        return self._sock.sendto(data, target)


def flood(flow: Flow, failures: int, number: int) -> Flooded:
    """Have the flow's socket fail so often with that error."""
    shared: Any = flow._shared
    shared._sock = flooded = Flooded(shared._sock, failures, number)
    return flooded


async def test_a_flood_of_errors_about_another_s_packets_keeps_none_from_being_sent(peer: Peer) -> None:
    ((flow, inbox), *_) = flows_to(peer.port, Clock())
    flooded = flood(flow, 100, errno.EHOSTUNREACH)
    flow.send(b"mine", Mark())
    await until(lambda: inbox.arrivals)
    assert flooded.failures == 0


async def test_no_flood_outlasts_the_tries_since_errors_are_not_heard_any_more_and_are_again(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bool] = []
    ((flow, inbox), *_) = flows_to(peer.port, Clock())
    monkeypatch.setattr(timestamping, "enable_errors", lambda _, *, enable=True: heard.append(enable))
    flooded = flood(flow, 10_000, errno.EHOSTUNREACH)
    send = flooded.sendto
    monkeypatch.setattr(
        flooded,
        "sendto",
        lambda data, target: flooded._sock.sendto(data, target) if heard == [False] else send(data, target),
    )
    flow.send(b"mine", Mark())
    await until(lambda: inbox.arrivals)
    assert heard == [False, True]


@pytest.mark.parametrize(("number", "tries"), [(errno.EPERM, 17), (errno.ENOBUFS, 1), (errno.EREMOTE, 1)])
async def test_an_error_that_is_no_other_s_is_the_packet_s_own(peer: Peer, number: int, tries: int) -> None:
    ((flow, _), *_) = flows_to(peer.port, Clock())
    flooded = flood(flow, 1000, number)
    with pytest.raises(NotSent):
        flow.send(b"mine", Mark())
    assert flooded.failures == 1000 - tries


async def test_where_the_kernel_has_no_way_the_packet_is_not_sent_for_ever(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((flow, _), *_) = flows_to(peer.port, Clock())
    flooded = flood(flow, 1000, errno.ENETUNREACH)
    monkeypatch.setattr(resending, "has_way", lambda *_: False)
    with pytest.raises(NotSent):
        flow.send(b"mine", Mark())
    assert flooded.failures == 1000 - 17
