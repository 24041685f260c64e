"""Floods on a shared socket: who is muted, for how long, and that others lose nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from ipsecping.contract import Invalidity, LossReason, ProbeType
from ipsecping.measure.ledger import MAX_COPIES, Answer, Ledger
from ipsecping.net import source_filter
from ipsecping.net.clocks import Clock
from ipsecping.net.floods import MAX_COUNTED, MOST_REFUSALS, MOST_STRANGE, MOST_UNWANTED, SECOND, Counts
from ipsecping.net.message_batch import raw_address
from ipsecping.net.resolve import Resolver
from ipsecping.rounds.prober import PathProber

from ...plans import check_of
from .far_ends import probe

A, B = b"a" * 28, b"b" * 28


def test_a_source_may_send_some_unwanted_datagrams_each_second_and_no_more() -> None:
    counts = Counts()
    assert not any(counts.is_flood(A, now=0) for _ in range(MOST_UNWANTED))
    assert counts.is_flood(A, now=SECOND - 1)
    assert not counts.is_flood(B, now=SECOND - 1)
    assert not counts.is_flood(A, now=SECOND)


def test_sources_made_up_take_a_bounded_place() -> None:
    counts = Counts()
    for number in range(3 * MAX_COUNTED):
        counts.is_flood(number.to_bytes(28, "big"), now=0)
    assert len(counts._by_source) <= MAX_COUNTED


def test_strangers_are_counted_together() -> None:
    counts = Counts()
    found = [counts.is_strange_flood(now=0) for _ in range(MOST_STRANGE + 1)]
    assert found.index(True) == MOST_STRANGE


def test_an_icmp_error_for_each_packet_is_no_flood() -> None:
    counts = Counts()
    assert not any(counts.is_refusal_flood(10, sent=10, now=0) for _ in range(10_000))
    assert counts.is_refusal_flood(MOST_REFUSALS + 1, sent=0, now=0)


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
    ("family", "here", "listed", "other"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.2", "127.0.0.3"),
        (socket.AF_INET, "127.0.0.1", "127.0.0.2", "127.0.0.2"),
        (socket.AF_INET6, "::1", "::1", "::1"),
    ],
    ids=["another address", "another port", "IPv6, another port"],
)
def test_the_kernel_keeps_out_whom_it_is_told_to(
    family: socket.AddressFamily, here: str, listed: str, other: str, allow: bool
) -> None:
    sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(3)]
    ours, first, second = sockets
    try:
        for sock, address in zip(sockets, (here, listed, other), strict=True):
            sock.bind((address, 0))
        code = source_filter.program(
            family, [raw_address(family, first.getsockname())], ports=True, allow=allow
        )
        assert code is not None
        source_filter.attach(ours, code)
        first.sendto(b"listed", ours.getsockname())
        second.sendto(b"other", ours.getsockname())
        ours.settimeout(5)
        assert ours.recv(100) == (b"listed" if allow else b"other")
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            ours.recv(100)
        source_filter.detach(ours)
        first.sendto(b"again", ours.getsockname())
        ours.settimeout(5)
        assert ours.recv(100) == b"again"
    finally:
        for sock in sockets:
            sock.close()


def test_more_sources_than_a_filter_has_room_for_are_none() -> None:
    sources = [raw_address(socket.AF_INET6, ("::1", port)) for port in range(1, 1000)]
    assert source_filter.program(socket.AF_INET6, sources, ports=True, allow=True) is None


class Responder:
    """A target that answers each packet as it is told."""

    def __init__(self, answers: Callable[[bytes], list[bytes]], host: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((host, 0))
        self.port: int = self.sock.getsockname()[1]
        self.asked_from: tuple[str, int] | None = None
        self._answers = answers
        asyncio.get_running_loop().add_reader(self.sock, self._readable)

    def _readable(self) -> None:
        data, self.asked_from = self.sock.recvfrom(2048)
        for answer in self._answers(data):
            self.sock.sendto(answer, self.asked_from)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()


@pytest.fixture
async def honest() -> AsyncIterator[Responder]:
    made = Responder(lambda data: [data])
    yield made
    made.close()


async def test_a_far_end_that_floods_is_muted_and_told_of_once_and_others_lose_nothing(
    honest: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    flooding = Responder(lambda data: [data] * (MOST_UNWANTED + 50))
    clock, resolver = Clock(), Resolver()
    probers = [PathProber(clock, resolver) for _ in range(2)]
    checks = [
        check_of(probe(ProbeType.UDP_ECHO, port=far.port, size=64, timeout_ms=300))
        for far in (flooding, honest)
    ]
    found = []
    for _ in range(2):
        pair = await asyncio.gather(*(made.round(check) for made, check in zip(probers, checks, strict=True)))
        found.append([result for (result,) in pair])
    for made in probers:
        made.close()
    flooding.close()
    assert [flood.invalid for flood, _ in found] == [Invalidity.RECEIVE_QUEUE_DROPS] * 2
    assert [(spared.received, spared.invalid) for _, spared in found] == [(3, None)] * 2
    told = [
        record.getMessage() for record in caplog.records if "datagrams in a second" in record.getMessage()
    ]
    assert len(told) == 1
    assert f"127.0.0.1 port {flooding.port}" in told[0]


async def test_strangers_that_flood_a_port_are_kept_out_and_far_ends_are_heard(honest: Responder) -> None:
    prober = PathProber(Clock(), Resolver())
    check = check_of(probe(ProbeType.UDP_ECHO, port=honest.port, size=64))
    await prober.round(check)
    assert honest.asked_from is not None
    for number in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((f"127.0.0.{10 + number}", 0))
            for _ in range(MOST_STRANGE // 8):
                stranger.sendto(bytes(64), honest.asked_from)
        await asyncio.sleep(0)
    (result,) = await prober.round(check)
    (later,) = await prober.round(check)
    prober.close()
    assert (result.received, result.invalid) == (3, None)
    assert (later.received, later.invalid) == (3, None)


def test_of_answers_without_end_few_numbers_are_kept_and_no_direction_is_told() -> None:
    ledger = Ledger(timeout=SECOND)
    packets = [ledger.record(at=number) for number in range(3)]
    for reply in range(10_000):
        ledger.answered(Answer(packets[0].sequence, reply=reply), arrived_at=None, read_at=10)
    ledger.answered(Answer(packets[2].sequence, reply=20_000), arrived_at=None, read_at=10)
    assert packets[0].arrivals == 10_000
    assert len(packets[0].copies) == MAX_COPIES
    made = ledger.attribute(packets)
    assert (made.forward, made.reverse) == (None, None)


def test_the_ledger_says_whether_an_answer_is_news() -> None:
    ledger = Ledger(timeout=SECOND)
    packet, refused = ledger.record(at=0), ledger.record(at=0)
    answer = Answer(packet.sequence)
    assert ledger.answered(answer, arrived_at=None, read_at=1)
    assert not ledger.answered(answer, arrived_at=None, read_at=1)
    assert not ledger.answered(Answer(packet.sequence + 9), arrived_at=None, read_at=1)
    assert ledger.refused(refused.sequence, LossReason.UNREACHABLE)
    assert not ledger.refused(refused.sequence, LossReason.UNREACHABLE)
