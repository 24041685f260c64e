"""Whatever a target says of packets, numbers, times and addresses: the round's result keeps the rules."""

from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import LossReason, check_result
from ipsecping.contract.check import LOSS_REASONS
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.measure.summary import summarise
from ipsecping.probes.stamp import StampCodec
from ipsecping.wire import arrival

from .ledgers import CHECK, MS, PROBE, TIMEOUT

numbers = st.integers(0, 12) | st.integers(0, 2**32 - 1)
times = st.none() | st.integers(-TIMEOUT, 3 * TIMEOUT) | st.integers(-(2**63), 2**63)
sources = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
answers = st.none() | st.builds(
    lambda ttl, address, bits: (
        bytes(40) + bytes([ttl, 0, 0, 0])
        + bytes([0, 2, 0, 8 + len(address), 0, 0, 0, 0, 0, 8 + len(address) // 16, 0, len(address)]) + address
        + bytes([0, 4, 0, 4]) + bits + bytes(2)
    ),
    st.integers(0, 255), sources, st.binary(min_size=2, max_size=2),
)  # fmt: skip


@st.composite
def conversations(draw: st.DrawFn) -> Ledger:
    """A session of some rounds, each of which is looked at when it is over."""
    ledger, now = Ledger(timeout=TIMEOUT), 0
    codec = StampCodec(80, questions=arrival.questions(source=True, dscp=46), sent_ttl=64)
    for _ in range(draw(st.integers(1, 3))):
        packets = []
        for _ in range(draw(st.integers(1, 6))):
            now += MS
            packets.append(ledger.record(at=now))
            packets[-1].departed_at = draw(times)
        for packet in packets:
            fate = draw(st.sampled_from(["", "", "", "refused", "not sent", "failed here"]))
            if fate == "refused":
                ledger.refused(packet.sequence, draw(st.sampled_from(list(LOSS_REASONS.values()))))
            elif fate:
                ledger.not_sent(packet, LossReason.UNREACHABLE if fate == "not sent" else None)
        for _ in range(draw(st.integers(0, 15))):
            now += draw(st.integers(0, TIMEOUT))
            arrived = draw(answers)
            told = Answer(
                sequence=draw(numbers),
                reply=draw(st.none() | numbers),
                residence=draw(st.integers(-(2**64), 2**64) | st.integers(-MS, MS)),
                failure=draw(st.none() | st.none() | st.sampled_from(list(LOSS_REASONS.values()))),
                seen=None if arrived is None else codec._seen(arrived, None),
            )
            ledger.answered(told, arrived_at=draw(times), read_at=now)
        lost = ledger.attribute(packets)
        check_result(
            summarise(
                check=CHECK,
                probe=PROBE,
                packets=packets,
                started_at=0,
                duration=now,
                directions=lost,
                figures=codec.figures(packets),
            )
        )
    return ledger


@given(conversations())
def test_no_far_end_can_make_a_result_that_its_reader_refuses(ledger: Ledger) -> None:
    assert not ledger._packets  # all its rounds are closed


def test_answers_with_and_without_a_number_leave_the_direction_unknown() -> None:
    """The one without took number 0 or 1, and so did the reply that was lost, or the packet never arrived."""
    ledger = Ledger(timeout=TIMEOUT)
    packets = [ledger.record(at=n * MS) for n in range(3)]
    ledger.answered(Answer(sequence=packets[0].sequence), arrived_at=None, read_at=4 * MS)
    ledger.answered(Answer(sequence=packets[2].sequence, reply=2), arrived_at=None, read_at=5 * MS)
    lost = ledger.attribute(packets)
    assert ledger.stateful
    assert (lost.forward, lost.reverse) == (None, None)
