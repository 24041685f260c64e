"""Flows in plans and results: bounded, and never in contradiction with the round that they are of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import (
    ContractError,
    Flows,
    Plan,
    PlannedProbe,
    ProbeType,
    Refusal,
    RefusedAnswers,
    RefusedKind,
    Sources,
    TcpOptions,
    plan_from_json,
    plan_to_json,
)
from ipsecping.contract.bounds import MAX_DUPLICATES
from ipsecping.contract.methods.arrival import MAX_VALUES
from ipsecping.contract.refused_answers import MAX_REFUSALS

from ...plans import check_of

rows = st.tuples(st.integers(1, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 10**9)).map(
    lambda row: (row[0], min(row[:2]), min(row[:3]), row[3] if min(row[:3]) else 0)
)
figures = st.builds(
    lambda flows, first: Flows.of(flows, first_port=first),
    st.lists(rows, min_size=2, max_size=16),
    st.integers(1, 65_000),
)


def counts(figure: Flows) -> dict[str, int]:
    return {"sent": sum(map(figure.sent, figure.flows)), "received": sum(map(figure.received, figure.flows))}


@given(figures)
def test_a_figure_is_read_as_it_was_written(figure: Flows) -> None:
    assert Flows.from_json(figure.to_json(), "flows") == figure
    figure.check("flows", **counts(figure))


@given(st.lists(figures, min_size=1, max_size=6), st.data())
def test_what_has_left_a_window_is_subtracted(rounds: list[Flows], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(rounds) - 1))
    whole = Flows.total(reversed(rounds))
    assert whole is not None
    left = Flows.summed([(whole, 1), *((each, -1) for each in rounds[:gone])])
    assert left is not None
    again = Flows.total(reversed(rounds[gone:]))
    assert again is not None
    assert (left.counts, dict(left.times)) == (again.counts, dict(again.times))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"flows": [{"sent": 5, "received": 5}] * 17}, "17 items, at most 16"),
        ({"flows": [{"sent": 10, "received": 9}]}, "1 is outside 2..16"),
        ({"flows": [{"sent": 5}, {"sent": 6}]}, "do not add up"),
        ({"flows": [{"sent": 5, "received": 6}, {"sent": 5}]}, "6 is outside 0..5"),
        ({"flows": [{"sent": 0}, {"sent": 10}]}, "0 is outside 1.."),
        ({"flows": [{"sent": 5, "received": 5, "timed": 6}, {"sent": 5}]}, "6 is outside 0..5"),
        ({"flows": [{"sent": 5, "received": 5, "rttSum": 2**62}, {"sent": 5, "received": 4}]}, "rttSum"),
        ({"firstPort": 65_535}, "firstPort: 65535 is outside 1..65534"),
        ({"firstPort": 0}, "0 is outside 1..65535"),
        ({"firstPort": None}, "expected an integer, got nothing"),
        ({"flows": None}, "expected an array"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(change: dict[str, Any], says: str) -> None:
    sound = {"firstPort": 61_000, "flows": [{"sent": 5, "received": 5}, {"sent": 5, "received": 4}]}

    def read() -> None:
        figure = Flows.from_json(sound | change, "flows")
        assert figure is not None
        figure.check("flows", sent=10, received=9)

    with pytest.raises(ContractError, match=says):
        read()


def test_figures_of_many_flows_stay_within_the_bounds_of_one_round() -> None:
    sources = [Sources.of({f"10.0.0.{number}": number}) for number in range(1, 17)]
    seen = Sources.side_by_side(sources)
    assert seen is not None
    assert len(seen.counts) == MAX_VALUES
    assert seen.counts["10.0.0.16"] == 16
    kinds = [RefusedKind(Refusal.TOO_SHORT, number) for number in range(16)]
    flows = [RefusedAnswers.of({kind: MAX_DUPLICATES, kinds[0]: 9}) for kind in kinds]
    refused = RefusedAnswers.side_by_side(flows)
    assert refused is not None
    assert len(refused.counts) == MAX_REFUSALS
    refused.check("refusedAnswers", sent=16, received=0)


def planned(**changes: Any) -> PlannedProbe:
    values: dict[str, Any] = {"name": "p", "type": ProbeType.UDP_ECHO, "count": 10, "port": 7, "size": 56}
    return PlannedProbe(**{"spacing_ms": 100, "timeout_ms": 2000, **values, **changes})


TCP = {"type": ProbeType.TCP, "size": 0, "flows": 8, "options": TcpOptions()}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"flows": 17}, r"flows: 17 is outside 1..16"),
        ({"flows": 0}, r"flows: 0 is outside 1..16"),
        (
            {"flows": 2, "type": ProbeType.ICMP, "port": None},
            "one flow; several have udpEcho, stamp, tcp",
        ),
        ({"flows": 8, "count": 126}, r"1008 packets \(count x flows\), at most 1000"),
        ({"flows": 8, "source_port": 65_529}, r"sourcePort: 65529 is outside 1..65528"),
        (TCP | {"spacing_ms": 2249}, r"spacingMs: 2249, .* at least 2250"),
        ({"type": ProbeType.TCP, "size": 0, "source_port": 4000}, "has no port of its own to fix"),
    ],
)
def test_a_plan_that_no_prober_can_carry_out_is_refused(changes: dict[str, Any], says: str) -> None:
    written = plan_to_json(Plan(checks=(check_of(planned(**changes)),)))
    with pytest.raises(ContractError, match=says):
        plan_from_json(written)


@pytest.mark.parametrize(
    "changes",
    [
        {"flows": 8, "count": 125},
        {"flows": 8, "source_port": 65_528},
        TCP | {"spacing_ms": 2250},
        TCP | {"count": 1},
        TCP | {"count": 1, "source_port": 4000},
    ],
)
def test_a_plan_with_flows_is_read_as_it_was_written(changes: dict[str, Any]) -> None:
    plan = Plan(checks=(check_of(planned(**changes)),))
    assert plan_from_json(plan_to_json(plan)) == plan


def test_one_flow_is_what_a_plan_without_them_has() -> None:
    assert "flows" not in plan_to_json(Plan(checks=(check_of(planned()),)))["checks"][0]["probes"][0]
    assert check_of(planned(flows=2)).nonce != check_of(planned()).nonce
