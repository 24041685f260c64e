"""Answers from another address or port than was asked are lost packets, and are said to be there."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ipsecping.contract import (
    PlannedProbe,
    ProbeType,
    Refusal,
    RefusedAnswers,
    RefusedKind,
    RoundResult,
    check_result,
    result_from_json,
    result_to_json,
)
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.net.astray import MOST_LOOKS, SECOND, AstrayAnswers
from ipsecping.net.flow import Flow
from ipsecping.net.message_batch import raw_address
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from .sessions import LOOPBACK, one_round, planned

ELSEWHERE = "127.0.0.9"


def reflected(request: bytes) -> bytes:
    packet = stamp.parse_sender(request)
    assert packet is not None
    reply = stamp.ReflectorPacket(
        packet.sequence, 0, UNSYNCHRONIZED, 0, packet.sequence, packet.timestamp, packet.error_estimate, 64
    )
    return bytes(stamp.pack_reflector(reply, request))


@contextmanager
def answering_from(address: str, *, echo: bool = False, noise: int = 0) -> Iterator[tuple[int, int]]:
    """A target whose answers leave from another socket, behind some noise; its port and that socket's."""
    loop = asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        asked.bind((LOOPBACK, 0))
        other.bind((address, 0))
        asked.setblocking(False)

        def readable() -> None:
            data, source = asked.recvfrom(2048)
            for _ in range(noise):
                other.sendto(b"noise" * 20, source)
            other.sendto(data if echo else reflected(data), source)

        loop.add_reader(asked, readable)
        try:
            yield asked.getsockname()[1], other.getsockname()[1]
        finally:
            loop.remove_reader(asked)


def refused_of(result: RoundResult) -> dict[RefusedKind, int]:
    found = result.figure(RefusedAnswers)
    return {} if found is None else dict(found.counts)


@pytest.mark.parametrize("echo", [False, True], ids=["STAMP", "UDP echo"])
@pytest.mark.parametrize("address", [ELSEWHERE, LOOPBACK], ids=["another address", "another port"])
async def test_they_are_counted_with_where_they_come_from(address: str, echo: bool) -> None:
    with answering_from(address, echo=echo, noise=3) as (port, other):
        probe: PlannedProbe = replace(planned(port), timeout_ms=200)
        if echo:
            probe = replace(probe, type=ProbeType.UDP_ECHO, options=None)
        result = await one_round(probe)
    assert (result.sent, result.received) == (3, 0)
    assert refused_of(result) == {RefusedKind(Refusal.OTHER_SOURCE, source=address, port=other): 3}
    figure = result.figure(RefusedAnswers)
    assert figure is not None
    assert figure.remark() == (
        f"3 answers were refused: from {address} port {other}, not from the address and port that were asked"
    )
    assert figure.by_reason == {Refusal.OTHER_SOURCE: 3}
    check_result(result)
    assert result_from_json(result_to_json(result)) == result


async def test_what_answers_nothing_of_ours_is_nobodys() -> None:
    with answering_from(ELSEWHERE) as (port, _):
        with answering_from(ELSEWHERE) as (silent, _):
            assert silent != port
        result = await one_round(replace(planned(port), timeout_ms=100))
    assert sum(refused_of(result).values()) == 3


def test_only_an_answer_with_the_timestamp_of_a_packet_that_left_is_ours() -> None:
    ledger = Ledger(timeout=SECOND)
    packet, kept = ledger.record(at=0, token=5), ledger.record(at=0, token=5)
    ledger.not_sent(kept, None)
    assert not ledger.astray(Answer(packet.sequence, 6), ELSEWHERE, 862)
    assert not ledger.astray(Answer(packet.sequence + 9, 5), ELSEWHERE, 862)
    assert not ledger.astray(Answer(kept.sequence, 5), ELSEWHERE, 862)
    assert not ledger.take_refused()
    assert ledger.astray(Answer(packet.sequence, 5), ELSEWHERE, 862)
    assert not packet.answered
    assert ledger.take_refused() == {RefusedKind(Refusal.OTHER_SOURCE, source=ELSEWHERE, port=862): 1}


def test_an_answer_behind_the_timeout_is_lost_and_said_to_be_late() -> None:
    ledger = Ledger(timeout=SECOND)
    late, again = ledger.record(at=0, token=5), ledger.record(at=0, token=5)
    assert ledger.answered(Answer(late.sequence, 5), arrived_at=None, read_at=SECOND + 1)
    assert not late.answered
    assert ledger.answered(Answer(again.sequence, 5), arrived_at=None, read_at=SECOND)
    assert not ledger.answered(Answer(again.sequence, 5), arrived_at=None, read_at=2 * SECOND), "a copy"
    assert ledger.take_refused() == {RefusedKind(Refusal.TOO_LATE): 1}


class Counting:
    """Counts how often it is asked."""

    def __init__(self, *, mine: bool = False) -> None:
        self.asked = 0
        self._mine = mine

    def astray(self, data: bytes, address: str, port: int) -> bool:
        ip_address(address)
        self.asked += 1
        return self._mine


def flows(*receivers: Counting) -> list[Flow]:
    made = [Flow.__new__(Flow) for _ in receivers]
    for flow, receiver in zip(made, receivers, strict=True):
        flow.receiver = receiver  # type: ignore[assignment]
    return made


def test_a_flood_of_them_costs_a_bounded_number_of_looks_a_second() -> None:
    receivers = [Counting() for _ in range(1000)]
    many, astray = flows(*receivers), AstrayAnswers()
    source = raw_address(socket.AF_INET, (ELSEWHERE, 862))
    for _ in range(100_000):
        astray.came(b"?", source, many, now=SECOND)
    assert sum(each.asked for each in receivers) == MOST_LOOKS
    astray.came(b"?", source, many, now=2 * SECOND)
    assert sum(each.asked for each in receivers) == MOST_LOOKS + 1000


def test_the_first_flow_that_knows_it_ends_the_look_and_a_zone_is_left_out() -> None:
    mine, other = Counting(mine=True), Counting()
    source = raw_address(socket.AF_INET6, ("fe80::9", 862, 0, 2))
    AstrayAnswers().came(b"!", source, flows(mine, other), now=SECOND)
    assert (mine.asked, other.asked) == (1, 0)


def test_a_source_is_named_as_results_want_it_whatever_the_c_library_writes() -> None:
    ledger = Ledger(timeout=SECOND)
    packet = ledger.record(at=0, token=5)

    class Receiver(Counting):
        def astray(self, data: bytes, address: str, port: int) -> bool:
            return ledger.astray(Answer(packet.sequence, 5), address, port)

    source = raw_address(socket.AF_INET6, ("::10.0.0.1", 862, 0, 0))
    AstrayAnswers().came(b"!", source, flows(Receiver()), now=SECOND)
    figure = RefusedAnswers.of(ledger.take_refused())
    figure.check("result", sent=1, received=0)
