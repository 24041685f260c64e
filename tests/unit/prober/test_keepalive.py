"""Packets between rounds keep a probe's mapping, and no figure tells of them, whatever becomes of them."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import PlannedProbe, ProbeType, Refusal, RefusedAnswers, RoundResult, check_result
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.measure.packet import Packet
from ipsecping.rounds.prober import PathProber

from ...plans import check_of
from .far_ends import probe, prober
from .reflecting import Reflector, answering, reflecting

MS = 1_000_000
KEEPALIVE_MS = 60
"""Shorter than a plan may have it, for tests are in a hurry."""
COUNT = 3


def keeping(reflector: Reflector, **fields: object) -> PlannedProbe:
    usual = {"port": reflector.sock.getsockname()[1], "size": 44, "count": COUNT}
    return probe(ProbeType.STAMP, **{**usual, "keepalive_ms": KEEPALIVE_MS, **fields})


async def one_round(made: PathProber, planned: PlannedProbe) -> RoundResult:
    (result,) = await made.round(check_of(planned, interval_ms=3_600_000))
    check_result(result)
    assert result.invalid is None
    return result


async def until_came(reflector: Reflector, packets: int) -> None:
    while len(reflector.ports) < packets:
        await asyncio.sleep(0.005)


async def test_a_packet_follows_in_each_pause_from_the_rounds_own_port_and_counts_nowhere() -> None:
    with reflecting() as reflector, prober() as made:
        first = await one_round(made, keeping(reflector))
        await until_came(reflector, COUNT + 3)
        second = await one_round(made, keeping(reflector))
        kept = len(reflector.ports) - 2 * COUNT
    assert kept >= 3
    assert len(set(reflector.ports)) == 1
    assert [(each.sent, each.received, each.duplicates) for each in (first, second)] == [
        (COUNT, COUNT, 0)
    ] * 2


async def test_nothing_is_sent_in_a_pause_without_a_keepalive_nor_once_the_path_is_not_measured() -> None:
    with reflecting() as reflector:
        with prober() as made:
            await one_round(made, keeping(reflector, keepalive_ms=None))
            await asyncio.sleep(3 * KEEPALIVE_MS / 1000)
            assert len(reflector.ports) == COUNT
        with prober() as made:
            await one_round(made, keeping(reflector))
        await asyncio.sleep(3 * KEEPALIVE_MS / 1000)  # suspended, or the plan has changed
        assert len(reflector.ports) == 2 * COUNT


async def test_each_flow_keeps_its_own_mapping() -> None:
    with reflecting() as reflector, prober() as made:
        planned = keeping(reflector, flows=4)
        await one_round(made, planned)
        await until_came(reflector, 4 * (COUNT + 2))
        result = await one_round(made, planned)
    each = Counter(reflector.ports)
    assert len(each) == 4
    assert min(each.values()) >= 2 * COUNT + 1
    assert (result.sent, result.received) == (4 * COUNT, 4 * COUNT)


def late(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
    """What comes between rounds is answered too short, with a wrong timestamp, and several times."""
    answer = reflector.answer(data, port)
    if place < COUNT:
        return [answer]
    wrong = bytearray(answer)
    wrong[28 + 4 + 3] ^= 1  # in the sender's timestamp
    return [answer[:20], bytes(wrong), answer, answer, answer]


async def test_wrong_answers_to_it_are_not_told_of() -> None:
    with reflecting(late) as reflector, prober() as made:
        await one_round(made, keeping(reflector))
        await until_came(reflector, COUNT + 2)
        reflector.behave = answering
        result = await one_round(made, keeping(reflector))
    assert result.figure(RefusedAnswers) is None
    assert (result.received, result.duplicates) == (COUNT, 0)


@pytest.mark.parametrize(("there", "lost"), [(True, (1, 0)), (False, (0, 1))])
async def test_directions_are_told_as_without_it(there: bool, lost: tuple[int, int]) -> None:
    """The reflector has counted the keepalives, which are no packets that the round lost."""
    drop = False

    def losing(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
        nonlocal drop
        if not drop:
            return answering(reflector, data, place, port)
        drop = False
        if not there:
            reflector.answer(data, port)
        return []

    with reflecting(losing) as reflector, prober() as made:
        planned = keeping(reflector, timeout_ms=500, keepalive_ms=500)  # none comes between drop and round
        await one_round(made, planned)
        await until_came(reflector, COUNT + 1)
        await asyncio.sleep(0.01)  # its answer has come
        drop = True
        result = await one_round(made, planned)
    assert (result.sent - result.received, (result.forward_lost, result.reverse_lost)) == (1, lost)


async def test_a_keepalive_that_is_lost_is_no_loss_of_a_round() -> None:
    def silent_between(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
        return answering(reflector, data, place, port) if place < COUNT else []

    with reflecting(silent_between) as reflector, prober() as made:
        planned = keeping(reflector, timeout_ms=500)
        await one_round(made, planned)
        await until_came(reflector, COUNT + 2)
        reflector.behave = answering
        result = await one_round(made, planned)
    assert (result.received, result.forward_lost, result.reverse_lost) == (COUNT, 0, 0)
    assert len(set(reflector.ports)) == 1


FATES = st.sampled_from(["answered", "lost there", "lost back"])


@given(st.lists(st.tuples(st.booleans(), st.lists(FATES, min_size=1, max_size=4)), min_size=2, max_size=6))
def test_no_fate_of_keepalives_makes_a_direction_wrong(parts: list[tuple[bool, list[str]]]) -> None:
    """Rounds and keepalives in any order: what a round is said to have lost in a direction, it did."""
    ledger, now, replies = Ledger(timeout=10 * MS), 0, 0
    for is_round, fates in parts:
        packets = list[Packet]()
        for fate in fates if is_round else fates[:1]:
            now += 20 * MS
            packets.append(ledger.record(at=now))
            if not is_round:
                ledger.leave_out(packets[-1])
            if fate != "lost there":
                replies += 1
            if fate == "answered":
                answer = Answer(packets[-1].sequence, reply=replies - 1)
                assert ledger.answered(answer, arrived_at=now + MS, read_at=now + 2 * MS)
        lost = ledger.attribute(packets)
        if is_round and lost.forward is not None:
            assert (lost.forward, lost.reverse) == (fates.count("lost there"), fates.count("lost back"))


def test_what_cannot_be_read_is_told_of_once_it_cannot_be_an_answer_to_it() -> None:
    ledger = Ledger(timeout=10 * MS)
    keepalive = ledger.record(at=0)
    ledger.leave_out(keepalive)
    ledger.refuse(Refusal.TOO_SHORT, 20)
    ledger.record(at=1)  # a round begins
    ledger.refuse(Refusal.TOO_SHORT, 20)
    assert not ledger.take_refused()
    ledger.attribute([keepalive])
    ledger.refuse(Refusal.TOO_SHORT, 20)
    assert sum(ledger.take_refused().values()) == 1


def test_refusals_of_the_packets_behind_it_are_told_of() -> None:
    ledger = Ledger(timeout=10 * MS)
    keepalive = ledger.record(at=0, token=1)
    ledger.leave_out(keepalive)
    later = ledger.record(at=1, token=2)
    for packet in (keepalive, later):
        ledger.answered(Answer(packet.sequence, token=9), arrived_at=None, read_at=5)
        assert ledger.astray(Answer(packet.sequence, token=packet.token), "192.0.2.9", 7)
        ledger.answered(Answer(packet.sequence, token=packet.token), arrived_at=None, read_at=99 * MS)
    assert sum(ledger.take_refused().values()) == 3
