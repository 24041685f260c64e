"""Losses, their direction, duplicates and reordering in words."""

from collections import Counter

import pytest

from ipsecping.cli.flow_table import flow_table
from ipsecping.cli.live import packet_line
from ipsecping.cli.summary import Outcome, as_json, rows, text
from ipsecping.cli.terminal import Mood
from ipsecping.contract import ClockSource, Histogram, LossReason, PlannedProbe, ProbeType
from ipsecping.measure.ledger import FIRST_SEQUENCE
from ipsecping.measure.packet import Packet
from ipsecping.measure.totals import Totals

MS = 1_000_000


def outcome(
    kind: ProbeType = ProbeType.STAMP, *, forward: int | None = 1, reverse: int | None = 2
) -> Outcome:
    probe = PlannedProbe(name="ping", type=kind, count=1, spacing_ms=10, timeout_ms=100, size=56, port=862)
    totals = Totals(
        sent=10,
        received=7,
        duplicates=2,
        reordered=1,
        forward_lost=forward,
        reverse_lost=reverse,
        losses=Counter({LossReason.TIMEOUT: 2, LossReason.REFUSED: 1}),
        rtt=Histogram.of([MS * ms for ms in range(1, 8)]),
        jitter_sum=3 * MS,
        jitter_count=6,
        clocks={ClockSource.KERNEL},
    )
    return Outcome("hq", "203.0.113.10", probe, totals)


def test_the_summary_tells_loss_by_reason_and_direction() -> None:
    assert text(outcome()) == [
        "--- hq STAMP statistics ---",
        "10 sent, 7 received, 30.00 % lost, 2 duplicates, 1 reordered",
        "lost: 2 Timeout, 1 Refused",
        "direction: 1 on the way there, 2 on the way back",
        "rtt min/avg/p50/p90/p99/max = 1.000/4.000/4.006/7.000/7.000/7.000 ms, clock: Kernel",
        "jitter 0.500 ms",
    ]


def test_losses_of_neither_direction_are_said_to_be_so() -> None:
    said = "0 on the way there, 2 on the way back, 1 in neither (not sent, or answered too late)"
    assert f"direction: {said}" in text(outcome(forward=0))
    assert rows([outcome(forward=0)])[1].endswith(f"2 Timeout, 1 Refused; {said}")


def test_answers_without_a_round_trip_time_are_told_with_the_reason() -> None:
    made = outcome()
    untimed = Totals(sent=3, received=3)
    assert text(made._replace(totals=untimed))[-1] == (
        "rtt unknown: a clock was set, or the reflector's times are wrong"
    )
    assert "rtt" not in "".join(text(made._replace(totals=Totals(sent=3))))


def test_an_unknown_direction_is_said_and_a_method_that_cannot_tell_says_nothing() -> None:
    assert "direction: unknown" in text(outcome(forward=None, reverse=None))
    assert rows([outcome(forward=None, reverse=None)])[1].endswith("2 Timeout, 1 Refused; direction unknown")
    assert "direction" not in "".join(text(outcome(ProbeType.ICMP, forward=None, reverse=None)))


def test_the_row_of_a_host_ends_with_what_was_wrong() -> None:
    heading, line = rows([outcome()])
    assert heading.split()[-1] == "REMARK"
    assert line.endswith("0.500ms  2 Timeout, 1 Refused; 1 on the way there, 2 on the way back")


def test_a_host_that_could_not_be_pinged_has_a_row_and_an_object_with_the_reason() -> None:
    failed = outcome()._replace(totals=Totals(), address=None, trouble="hq: no address")
    assert rows([failed])[1].split()[-2:] == ["no", "address"]
    assert as_json(failed)["error"] == "hq: no address"
    assert as_json(failed)["loss_percent"] is None


@pytest.mark.parametrize(
    ("changes", "line", "mood"),
    [
        ({"answered": True, "arrivals": 1, "rtt": 1_234_567}, "rtt=1.235 ms", Mood.PLAIN),
        (
            {"answered": True, "arrivals": 1},
            "rtt unknown: a clock was set, or the reflector's times are wrong",
            Mood.ODD,
        ),
        ({"answered": True, "arrivals": 2, "rtt": 1}, "duplicate", Mood.ODD),
        ({"arrivals": 1}, "late, counts as lost", Mood.BAD),
        ({"reason": LossReason.UNREACHABLE}, "Unreachable", Mood.BAD),
        ({"reason": LossReason.PROHIBITED, "left": False}, "Prohibited", Mood.BAD),
        ({}, "Timeout", Mood.BAD),
        ({"left": False}, "not sent, this host could not", Mood.BAD),
    ],
)
def test_a_packets_line_says_what_became_of_it(changes: dict[str, object], line: str, mood: Mood) -> None:
    packet = Packet(sequence=FIRST_SEQUENCE, sent_at=0)
    for name, value in changes.items():
        setattr(packet, name, value)
    assert packet_line(packet) == (f"seq=1 {line}", mood)


def test_flows_are_a_table_and_the_dead_ones_are_named() -> None:
    alive, dead = Totals(sent=3, received=3, rtt=Histogram.of([MS, MS, 4 * MS])), Totals(sent=3)
    spread = outcome()._replace(flows={61_000: alive, 61_001: dead})
    assert flow_table(spread) == [
        "",
        "hq flows:",
        "1 of 2 flows lost every packet: source port 61001",
        "SOURCE PORT  SENT  RECV   LOSS%      MIN      AVG      MAX  REMARK",
        "      61000     3     3    0.00  1.000ms  2.000ms  4.000ms",
        "      61001     3     0  100.00        -        -        -  dead",
    ]
    assert [(each["source_port"], each["loss_percent"]) for each in as_json(spread)["flows"]] == [
        (61_000, 0.0),
        (61_001, 100.0),
    ]


def test_a_host_with_one_flow_has_no_table_and_without_an_answer_no_flow_is_to_blame() -> None:
    assert flow_table(outcome()) == []
    assert "flows" not in as_json(outcome())
    down = outcome()._replace(flows={61_000: Totals(sent=3), 61_001: Totals(sent=3)}, totals=Totals(sent=6))
    assert "dead" not in "".join(flow_table(down))


def test_flows_of_one_address_of_several_are_told_from_those_of_the_others() -> None:
    flows = {61_000: Totals(sent=3), 61_001: Totals(sent=3)}
    spread = outcome()._replace(flows=flows, shown_as="hq 203.0.113.10")
    assert flow_table(spread)[1] == "hq 203.0.113.10 flows:"
