"""Several faults at once, several paths: which findings there are, and which causes they leave."""

from dataclasses import replace

import pytest

from ipsecping.diagnosis import Part, diagnose, facts
from ipsecping.diagnosis.evidence import IkeAnswer, IkeFound, OtherPath, PathMtuFound
from ipsecping.diagnosis.fact import FactName
from ipsecping.diagnosis.refusal import ErrorKind

from .worlds import (
    BEHIND,
    MS,
    NOW,
    STAMP,
    TARGET,
    TCP,
    batch,
    healthy,
    losing,
    lossy,
    refused,
    silent,
    with_batches,
    without,
)


def test_a_control_that_never_answered_is_left_out_and_one_that_did_halves_the_causes() -> None:
    down = silent(without(healthy(), Part.NEIGHBOUR), Part.FAR_INSIDE)
    assert down.baseline is not None
    known = replace(down.baseline, answered_at={Part.FAR_INSIDE: NOW - 240_000 * MS})
    never = replace(
        down.baseline,
        controls=down.baseline.controls - {Part.FAR_INSIDE},
        silent=frozenset({Part.FAR_INSIDE}),
    )
    with_known, with_never = (diagnose(replace(down, baseline=each)) for each in (known, never))
    untested = diagnose(without(down, Part.FAR_INSIDE))
    assert set(with_known.findings[0].causes) < set(with_never.findings[0].causes)
    assert set(with_never.findings[0].causes) == set(untested.findings[0].causes)
    assert any("did not answer before either" in note for note in with_never.notes)
    said = facts(replace(down, baseline=known))[FactName.FAR_GATEWAY_ANSWERS].text
    assert said.endswith("0 of 20 answered; it answered 4 min earlier")


def test_what_all_paths_lose_is_sought_in_what_they_share() -> None:
    others = (OtherPath(name="b", sent=100, answered=90), OtherPath(name="c", sent=100, answered=95))
    diagnosis = diagnose(replace(lossy(healthy(), forward=0.1), paths=others))
    assert any("b 10 of 100, c 5 of 100" in note for note in diagnosis.notes)


def test_what_lies_behind_a_silent_gateway_is_not_said_to_be_well() -> None:
    diagnosis = diagnose(silent(healthy(), *BEHIND))
    assert any(note.startswith("Not tested, because the far gateway is silent") for note in diagnosis.notes)
    assert diagnosis.not_tested[Part.PATH_MTU] == "the target is silent"


def test_five_percent_one_way_and_a_black_hole_the_other_are_two_findings() -> None:
    hole = PathMtuFound(forward=1446, reverse=1346, reverse_told=False)
    diagnosis = diagnose(replace(lossy(healthy(), forward=0.05, packets=200), path_mtu=hole))
    assert [(finding.reason, finding.direction) for finding in diagnosis.findings] == [
        ("PacketsLost", "Forward"),
        ("MtuBlackHole", "Reverse"),
    ]


def test_a_slow_line_and_a_class_that_loses_are_two_findings() -> None:
    both = with_batches(
        healthy(),
        {
            Part.RATES: lambda b: b if b.spacing > 10 * MS else replace(b, rtt_p50=80 * MS, rtt_p90=140 * MS),
            Part.CLASSES: lambda b: losing(b, reverse=range(0, 20, 2)) if b.dscp == 46 else b,
        },
    )
    assert [(finding.reason, finding.direction) for finding in diagnose(both).findings] == [
        ("ClassDependentLoss", "Reverse"),
        ("Congested", "Unknown"),
    ]


def test_a_rate_that_was_sent_by_a_dead_flow_is_no_loss_by_rate() -> None:
    by_flow = {
        Part.FLOWS: lambda b: losing(b, forward=range(b.sent)) if (b.source_port or 0) & 1 else b,
        Part.RATES: lambda b: b if b.spacing > 10 * MS else losing(b, forward=range(b.sent)),
    }
    (finding,) = diagnose(with_batches(healthy(), by_flow)).findings
    assert finding.reason == "FlowDependentLoss"


def test_ike_that_is_silent_beside_a_dead_tunnel_stays_among_the_causes() -> None:
    quiet = replace(
        silent(healthy(), *BEHIND), ike=IkeFound(ports={500: IkeAnswer.SILENT, 4500: IkeAnswer.SILENT})
    )
    (finding,) = diagnose(quiet).findings
    assert {"IkeUnreachable", "PolicyConflict", "EspBlocked"} <= set(finding.causes)


@pytest.mark.parametrize("silent_ports", [{500}, {4500}, {500, 4500}], ids=str)
@pytest.mark.parametrize(("each_way", "told"), [(0.2, False), (0.02, True)])
def test_ike_that_is_asked_three_times_is_not_called_silent_where_a_third_is_lost(
    silent_ports: set[int], each_way: float, told: bool
) -> None:
    ports = {port: IkeAnswer.SILENT if port in silent_ports else IkeAnswer.ANSWERED for port in (500, 4500)}
    lossy_path = lossy(healthy(), forward=each_way, reverse=each_way, packets=200)
    found = diagnose(replace(lossy_path, ike=IkeFound(ports=ports)))
    assert ("IkeUnreachable" in [each.reason for each in found.findings]) is told


def test_ike_that_is_refused_is_so_whatever_is_lost() -> None:
    lossy_path = lossy(healthy(), forward=0.2, reverse=0.2, packets=200)
    refused = IkeFound(ports={500: IkeAnswer.REFUSED, 4500: IkeAnswer.ANSWERED})
    found = diagnose(replace(lossy_path, ike=refused))
    assert "IkeUnreachable" in [each.reason for each in found.findings]


def test_losses_in_runs_are_said_to_be() -> None:
    runs = [*range(10, 20), *range(100, 112), *range(150, 160)]
    bursts = replace(
        healthy(),
        batches=(
            *healthy().batches,
            losing(batch(sent=200), reverse=runs),
            losing(batch(sent=200, window=2), reverse=runs),
        ),
    )
    assert any("runs, up to 12 in a row" in note for note in diagnose(bursts).notes)


def test_a_dead_path_beside_healthy_ones_is_told_as_if_alone() -> None:
    alone = silent(healthy(), *BEHIND)
    beside = replace(alone, paths=(OtherPath(name="b", sent=20, answered=20),))
    assert diagnose(beside).findings == diagnose(alone).findings


def test_what_fails_on_all_paths_is_sought_in_what_they_share() -> None:
    alone = replace(silent(healthy(), *BEHIND), hops=())
    everywhere = replace(alone, paths=(OtherPath(name="b", sent=20, answered=0),))
    before, after = (set(diagnose(each).findings[0].causes) for each in (alone, everywhere))
    assert {"LocalPolicyDenied", "NearRoutingWrong"} <= after < before
    assert "EspBlocked" not in after


@pytest.mark.parametrize("same_target", [False, True])
def test_a_gateway_that_has_lost_all_of_its_tunnels_is_no_line_that_is_down(same_target: bool) -> None:
    """Its daemon has stopped, say, while the far gateways answer outside of the tunnels."""
    alone = without(silent(healthy(), *BEHIND), Part.ELSEWHERE)
    others = tuple(OtherPath(name=name, sent=20, answered=0, same_target=same_target) for name in "bc")
    (finding,) = diagnose(replace(alone, paths=others)).findings
    assert {"SaMissing", "PolicyConflict"} <= set(finding.causes)
    assert "UnderlayDown" not in finding.causes
    assert not {"SaOutOfSync", "EspAuthFailed", "ReturnPathBroken"} & set(finding.causes) or same_target


def test_what_our_gateway_loses_and_nothing_behind_it_does_is_its_own_limit() -> None:
    """By accident it loses as much as the target; the way to the far gateway leads past it."""
    both = lossy(healthy(), forward=0.2, parts=(Part.METHODS, Part.NEAR_INSIDE), packets=200, seed=3)
    (finding,) = diagnose(both).findings
    assert finding.reason == "FarNetworkLoss"
    assert facts(both)[FactName.NEAR_GATEWAY_LOSES].value is None


def test_a_responder_down_behind_a_dead_tunnel_is_not_seen() -> None:
    (finding,) = diagnose(silent(healthy(), *BEHIND)).findings
    assert "ResponderDown" not in finding.causes


def test_a_refusal_of_one_method_leaves_the_silence_of_others_to_explain() -> None:
    mixed = with_batches(
        silent(healthy()),
        {Part.METHODS: lambda b: refused(b, ErrorKind.PORT_UNREACHABLE, TARGET) if b.type == STAMP else b},
    )
    first, second = diagnose(mixed).findings
    assert first.reason == "ResponderDown"
    assert "ProtocolFiltered" in second.causes


def test_two_refusals_of_two_methods_are_two_findings() -> None:
    refusals = {
        STAMP: (ErrorKind.PORT_UNREACHABLE, TARGET),
        TCP: (ErrorKind.PROHIBITED, "10.50.1.254"),
    }
    both = with_batches(
        healthy(), {Part.METHODS: lambda b: refused(b, *refusals[b.type]) if b.type in refusals else b}
    )
    diagnosis = diagnose(both)
    assert [(finding.reason, finding.lost) for finding in diagnosis.findings] == [
        ("ProtocolFiltered", 5),
        ("ResponderDown", 80),
    ]
    assert diagnosis.explained == diagnosis.lost
