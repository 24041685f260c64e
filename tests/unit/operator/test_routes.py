"""Packets that take another way than before: when that counts, when it is told, and how often."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import Invalidity, ProbeType, StampOptions
from ipsecping_operator.check.path_changes import PathChanges
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiled import HopLimits, Verified
from ipsecping_operator.report.events import of_paths
from ipsecping_operator.status.path_history import changes_from_json
from ipsecping_operator.verdict.instance import Instance
from ipsecping_operator.verdict.route import UNKNOWN, Change, RouteSign, Sender, follow
from ipsecping_operator.verdict.tally import Tally

from .assessments import assessed, seen
from .builders import MS, NOON, SECOND, check, plan, probe, result

ASKS = StampOptions(ask_hops=True, ask_source=True)
PLAN = plan(probe(type=ProbeType.STAMP, port=862, size=100, options=ASKS))
HERE = Sender("pod-1", "node-1", "203.0.113.10")
OLD, NEW = {"192.0.2.1": 10}, {"192.0.2.2": 10}


def told(*rounds: dict[str, Any], senders: tuple[Sender, ...] = ()) -> list[str]:
    """What is told of rounds of one probe, in the order of rounds."""
    route = UNKNOWN
    said = []
    for number, values in enumerate(rounds):
        at = NOON + number * 30 * SECOND
        made = Tally.of(result(of=PLAN, at=at, **values), start=at)
        sender = senders[number] if senders else HERE
        route, changes = follow(route, made, sender, timed=True)
        said += [f"{number}: {sign} {before} -> {after}" for sign, before, after in changes]
    return said


def hops(*values: int) -> dict[str, Any]:
    return {"hops": {value: 10 // len(values) for value in values}}


def test_two_rounds_in_succession_that_agree_are_another_way_and_it_is_told_once() -> None:
    assert told(*[hops(2)] * 3, *[hops(5)] * 9) == ["4: Hops 2 -> 5"]
    assert told(*[hops(2)] * 3, *[hops(5)] * 2, *[hops(2)] * 3) == ["4: Hops 2 -> 5", "6: Hops 5 -> 2"]
    assert told(*[{"sources": OLD}] * 2, *[{"sources": NEW}] * 3) == ["3: Source 192.0.2.1 -> 192.0.2.2"]


@pytest.mark.parametrize("round_", [hops(7), hops(2, 7), {"received": 0}, {}])
def test_one_odd_round_is_none(round_: dict[str, Any]) -> None:
    """Also the first of all."""
    assert told(*[hops(2)] * 3, round_, *[hops(2)] * 3, round_, *[hops(2)] * 3) == []
    assert told(round_, *[hops(2)] * 3) == []


def test_flows_over_two_ways_are_no_change_whichever_a_round_has() -> None:
    both, one, other = hops(2, 3), hops(2), hops(3)
    assert told(both, both, one, one, other, other, both, one, other) == []
    assert told(*[one] * 3, both, both) == ["4: Hops 2 -> 2, 3"]


def test_a_way_that_was_not_seen_for_long_is_another_one_again() -> None:
    assert told(*[hops(2, 3)] * 2, *[hops(2)] * 12, *[hops(3)] * 2) == ["15: Hops 2 -> 3"]


def test_a_round_that_the_prober_spoilt_tells_of_the_way_all_the_same() -> None:
    spoilt = {"invalid": Invalidity.LATE_TICKS}
    assert told(*[hops(2)] * 2, *[hops(5) | spoilt] * 2) == ["3: Hops 2 -> 5"]


def test_packets_of_another_node_or_to_another_address_have_a_way_of_their_own() -> None:
    elsewhere = HERE._replace(node="node-2", pod="pod-2")
    assert told(*[hops(2)] * 3, *[hops(5)] * 3, senders=(HERE,) * 3 + (elsewhere,) * 3) == []
    there = HERE._replace(address="203.0.113.11")
    assert told(*[hops(2)] * 3, *[hops(5)] * 3, senders=(HERE,) * 3 + (there,) * 3) == []


def test_another_pod_has_another_source_and_the_same_way() -> None:
    rounds = [{"sources": OLD, **hops(2)}] * 3 + [{"sources": NEW, **hops(2)}] * 3
    replaced = HERE._replace(pod="pod-2")
    assert told(*rounds, senders=(HERE,) * 3 + (replaced,) * 3) == []
    moved = [{"sources": OLD, **hops(2)}] * 3 + [{"sources": NEW, **hops(4)}] * 3
    assert told(*moved, senders=(HERE,) * 3 + (replaced,) * 3) == ["4: Hops 2 -> 4"]


def rtt(milliseconds: float, spread: float = 0.1) -> dict[str, Any]:
    return {"rtt_ms": [milliseconds + spread * each for each in range(10)]}


def test_a_step_of_the_least_round_trip_time_is_another_way() -> None:
    assert told(*[rtt(12)] * 4, *[rtt(40)] * 3) == ["5: RTT 12.00ms -> 40.00ms"]
    assert told(*[rtt(40)] * 4, *[rtt(12)] * 3) == ["5: RTT 40.00ms -> 12.00ms"]


@pytest.mark.parametrize(
    ("why", "rounds"),
    [
        ("one odd round", [rtt(12), rtt(40), rtt(12), rtt(40), rtt(12)]),
        ("less than 5 ms", [rtt(0.4)] * 3 + [rtt(5)] * 9),
        ("less than a quarter", [rtt(100)] * 3 + [rtt(120)] * 9),
        ("slow drift", [rtt(20 + number) for number in range(40)]),
        ("a queue, in which packets wait for as long as they like", [rtt(12)] * 3 + [rtt(20, 4)] * 5),
        ("two odd rounds that differ", [rtt(12)] * 3 + [rtt(40), rtt(80), rtt(12)]),
        ("too few answers", [rtt(12)] * 3 + [{"received": 4, "rtt_ms": [40] * 4}] * 3),
        ("the first round of all", [rtt(90), rtt(12), rtt(12), rtt(12)]),
    ],
)
def test_what_is_no_step(why: str, rounds: list[dict[str, Any]]) -> None:
    assert told(*rounds) == [], why


@settings(max_examples=50)
@given(st.lists(st.sampled_from([hops(2), hops(2, 5), {"received": 0}, {}]), max_size=20), st.data())
def test_no_order_of_odd_rounds_among_those_of_one_way_tells_of_a_change(
    rounds: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Whatever comes between, as long as no two rounds in succession agree."""
    kept = [hops(2), hops(2)]
    for each in rounds:
        kept += [each, hops(2)] if data.draw(st.booleans()) else [hops(2)]
    assert told(*kept) == []


CHECK = replace(check(PLAN), verified=Verified(hops=HopLimits(1, 9)))


def measure(state: CheckState, number: int, *, since: int = NOON, **values: Any) -> None:
    """A round every 30 s, from one pod."""
    one = result(of=PLAN, at=since + number * 30 * SECOND, remote_ip="203.0.113.10", **values)
    end = one.started_at + one.duration
    assert state.measured.accept(one, start=one.started_at, now=end, node="n", pod_uid="p") is None


def failed_over(of: CompiledCheck = CHECK) -> CheckState:
    state = seen(of=of)
    for number in range(6):
        measure(state, number, hops={2 if number < 3 else 5: 10}, sources=OLD)
    return state


def test_another_way_is_an_event_a_line_of_the_status_and_a_count() -> None:
    state = failed_over()
    made = assessed(state, at=160)
    assert made.urgent
    (notice,) = of_paths(made.paths)
    assert (notice.type, notice.reason) == ("Normal", "PathChanged")
    assert notice.note == "packets take another way: hops 2 -> 5 on default/ping"
    assert made.status["pathChanges"] == [
        {
            "time": "2026-11-23T12:02:02Z",
            "path": "default",
            "probe": "ping",
            "sign": "Hops",
            "from": "2",
            "to": "5",
        }
    ]
    assert dict(state.measured.path_changes.counts) == {("default", "Hops"): 1}
    assert of_paths(assessed(state, at=161).paths) == []


def test_a_restart_tells_no_change_again_that_an_earlier_run_has_told() -> None:
    before = dict(assessed(failed_over(), at=160).status)
    again = seen(before, now=NOON + 170 * SECOND, of=CHECK)
    for number in range(7):
        measure(again, number, hops={2 if number < 3 else 5: 10}, sources=OLD)
    made = assessed(again, at=190)
    assert made.paths.changes is None
    assert made.status["pathChanges"] == before["pathChanges"]
    for number in range(7, 9):
        measure(again, number, hops={2: 10}, sources=OLD)
    assert assessed(again, at=250).paths.changes == ("packets take another way: hops 5 -> 2 on default/ping")


def test_a_reflector_that_makes_up_ways_fills_no_more_than_ten_lines() -> None:
    state = seen(of=CHECK)
    for number in range(100):
        measure(state, number, hops={number // 2 % 9 + 1: 10}, sources=OLD)
    made = assessed(state, at=3000)
    assert len(made.status["pathChanges"]) == 10
    (notice,) = of_paths(made.paths)
    assert notice.spares
    assert notice.note.endswith("; 7 more")


def alternate(state: CheckState, rounds: range, *ways: dict[str, Any]) -> list[str]:
    """Two rounds on each way in turn; returns what is told, as it is told."""
    said = []
    for number in rounds:
        measure(state, number, **ways[number // 2 % len(ways)])
        made = assessed(state, at=number * 30 + 3).paths
        said += [made.changes] if made.changes else []
    return said


@pytest.mark.parametrize(
    ("ways", "last"),
    [
        (
            [{"hops": {2: 10}}, {"hops": {5: 10}}],
            "hops 5 -> 2 on default/ping, which alternates between 2 / 5",
        ),
        (
            [{"hops": {2: 10}}, {"hops": {3: 10}}, {"hops": {4: 10}}],
            "hops 3 -> 4 on default/ping, which alternates between 2 / 3 / 4",
        ),
        ([{"sources": OLD}, {"sources": NEW}], "which alternates between 192.0.2.1 / 192.0.2.2"),
        ([rtt(12), rtt(40.02), rtt(12.7), rtt(39)], "which alternates between"),
    ],
)
def test_packets_that_go_to_and_fro_are_told_of_once_and_counted_on(
    ways: list[dict[str, Any]], last: str
) -> None:
    state = seen(of=CHECK)
    said = alternate(state, range(100), *ways)
    distinct = len(ways) if len(ways) < 4 else 2
    assert len(said) == distinct - 1 + 3
    assert last in said[-1]
    assert "alternates" not in "".join(said[:-1])
    assert sum(state.measured.path_changes.counts.values()) == 49
    status = assessed(state, at=3000).status["pathChanges"]
    assert len(status) == len(said)
    assert len(status[0]["alternatesBetween"]) == distinct


def test_a_way_that_is_none_of_those_is_news_and_so_is_the_next_change_after_a_calm() -> None:
    state = seen(of=CHECK)
    assert alternate(state, range(40), hops(2), hops(5))
    assert alternate(state, range(40, 43), hops(9)) == [
        "packets take another way: hops 5 -> 9 on default/ping"
    ]
    for number in range(43, 180):
        measure(state, number, **hops(9))
    assert alternate(state, range(180, 183), hops(2)) == [
        "packets take another way: hops 9 -> 2 on default/ping"
    ]


def test_after_a_restart_an_alternation_is_not_told_again() -> None:
    state = seen(of=CHECK)
    alternate(state, range(40), hops(2), hops(5))
    before = dict(assessed(state, at=1203).status)
    again = seen(before, now=NOON + 1210 * SECOND, of=CHECK)
    assert alternate(again, range(32, 100), hops(2), hops(5)) == []
    assert again.measured.path_changes.counts["default", RouteSign.HOPS] > 20
    assert assessed(again, at=3000).status["pathChanges"] == before["pathChanges"]


def test_another_probe_or_node_that_alternates_is_told_of_for_itself() -> None:
    changes = PathChanges()
    for probe_, node in (("a", "n1"), ("a", "n2"), ("b", "n1")):
        for number in range(9):
            one, other = sorted("25", reverse=bool(number % 2))
            changes.note(
                [Change(RouteSign.HOPS, one, other)],
                at=NOON + number * SECOND, probe=("p", probe_), instance=Instance(node), interval=SECOND,
            )  # fmt: skip
    assert changes.noted == 3 * 4


@pytest.mark.parametrize("value", [[], "2", [{}], ["x" * 1000] * 99, None])
def test_what_a_status_says_of_ways_is_read_within_bounds(value: object) -> None:
    entry = {"time": "2026-11-23T12:00:00Z", "path": "p", "probe": "a", "sign": "RTT", "from": "1", "to": "?"}
    (read,) = changes_from_json([entry | {"alternatesBetween": value}], now=NOON)
    changes = PathChanges()
    changes.inherit([read], known_until=NOON)
    changes.note(
        [Change(RouteSign.RTT, "12.00ms", "40.00ms")],
        at=NOON + 9 * SECOND, probe=("p", "a"), instance=Instance(), interval=SECOND,
    )  # fmt: skip
    assert changes.noted == 1
    assert len(read.ways) <= 4


def test_a_change_that_a_clock_ahead_has_put_into_the_future_silences_none_that_follows() -> None:
    entry = {"time": "2036-01-01T00:00:00Z", "path": "p", "probe": "a", "sign": "RTT", "from": "1", "to": "2"}
    changes = PathChanges()
    changes.inherit(changes_from_json([entry], now=NOON), known_until=NOON)
    changes.note(
        [Change(RouteSign.RTT, "12.00ms", "40.00ms")],
        at=NOON + 9 * SECOND, probe=("p", "a"), instance=Instance(), interval=SECOND,
    )  # fmt: skip
    assert changes.noted == 1


def test_a_clock_that_was_set_keeps_what_is_known_of_the_way() -> None:
    state = seen(of=CHECK)
    for number in range(3):
        measure(state, number, hops={2: 10}, sources=OLD)
    back = -3600 * SECOND
    state.shift(back)
    for number in range(3, 5):
        measure(state, number, since=NOON + back, hops={5: 10}, sources=OLD)
    assert [change.change.after for change in state.measured.path_changes.newest] == ["5"]


@pytest.mark.parametrize("hours", [-1, 1])
def test_after_a_restart_a_clock_that_was_set_hides_no_change_and_repeats_none(hours: int) -> None:
    before = dict(assessed(failed_over(), at=160).status)
    again = seen(before, now=NOON + 170 * SECOND, of=CHECK)
    by = hours * 3600 * SECOND
    again.shift(by)
    for number in range(7):
        measure(again, number, since=NOON + by, hops={2 if number < 3 else 5: 10}, sources=OLD)
    assert assessed(again, at=190 + hours * 3600).paths.changes is None
    for number in range(7, 9):
        measure(again, number, since=NOON + by, hops={2: 10}, sources=OLD)
    assert assessed(again, at=250 + hours * 3600).paths.changes is not None


def test_the_level_follows_without_ever_holding_more_than_a_round() -> None:
    route = UNKNOWN
    for number in range(50):
        at = NOON + number * 30 * SECOND
        made = Tally.of(result(of=PLAN, at=at, **rtt(12 + number % 3)), start=at)
        route, _ = follow(route, made, HERE, timed=True)
    assert route.rtt is not None
    assert abs((route.rtt.known or 0) - 13 * MS) < MS
