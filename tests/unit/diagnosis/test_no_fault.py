"""What is no fault is not called one, however odd it looks; and what was not reproduced is said to be so."""

import random
from dataclasses import replace

import pytest

from ipsecping.diagnosis import Confidence, Evidence, Outcome, Part, diagnose, facts
from ipsecping.diagnosis.evidence import (
    ErrorKind,
    Hop,
    HopKind,
    HostFound,
    IkeAnswer,
    IkeFound,
    OtherPath,
    PastOutage,
    PastRound,
    PathMtuFound,
)
from ipsecping.diagnosis.fact import FactName

from .catalogue import bursts
from .worlds import (
    BEHIND,
    ECHO,
    GATEWAY,
    ICMP,
    MS,
    NOW,
    SOURCE,
    STAMP,
    TARGET,
    TCP,
    UNDERLAY,
    batch,
    dead,
    healthy,
    losing,
    lossy,
    rates,
    refused,
    silent,
    with_batches,
    without,
)


def icmp_dead(evidence: Evidence) -> Evidence:
    quiet = with_batches(evidence, lambda b: dead(b) if b.type == ICMP else b)
    assert evidence.baseline is not None
    return replace(
        quiet, baseline=replace(evidence.baseline, methods=frozenset({ECHO}), controls=frozenset())
    )


def with_bursts(*, reverse: bool, after: int = 60) -> Evidence:
    return replace(healthy(), batches=(*healthy().batches, *bursts(reverse=reverse, after=after)))


def on_demand() -> tuple[PastRound, ...]:
    return tuple(
        PastRound(
            at=NOW - n * MS, sent=10, answers="0001111111", spacing=500 * MS, forward_lost=3, reverse_lost=0
        )
        for n in range(5)
    )


GATEWAY_IPV6 = "2001:db8:3:2::1"


def with_controls(evidence: Evidence, changed: dict[Part, str]) -> Evidence:
    controls = {**evidence.expected.controls, **changed}
    return replace(evidence, expected=replace(evidence.expected, controls=controls))


NO_FAULT: dict[str, Evidence] = {
    "one lost packet": with_batches(
        healthy(), {Part.METHODS: lambda b: losing(b, forward=[3][: b.sent // 40])}, window=2
    ),
    "duplicates": with_batches(healthy(), lambda b: replace(b, duplicates=b.sent // 2)),
    "reordering": with_batches(healthy(), lambda b: replace(b, reordered=b.sent // 2)),
    "ECN marks on all": with_batches(healthy(), lambda b: replace(b, congestion_marks=b.sent)),
    "DSCP bleached": with_batches(healthy(), lambda b: replace(b, dscp_seen=0)),
    "delays of a busy host": with_batches(healthy(), lambda b: replace(b, rtt_p90=60 * MS)),
    "ICMP filtered everywhere": icmp_dead(healthy()),
    "hops all silent": replace(
        healthy(), hops=tuple(Hop(type=ECHO, ttl=ttl, kind=HopKind.SILENT) for ttl in range(1, 11))
    ),
    "IKE silent to strangers": replace(
        icmp_dead(healthy()), ike=IkeFound(ports={500: IkeAnswer.SILENT, 4500: IkeAnswer.SILENT})
    ),
    "NAT with keep-alive": replace(healthy(), ike=IkeFound(ports={4500: IkeAnswer.ANSWERED}, nat=True)),
    "on-demand start": replace(healthy(), rounds=on_demand()),
    "on-demand start, by pauses": with_bursts(reverse=False),
    "the first packets lost after one pause": with_bursts(reverse=True, after=120),
    "path MTU above the threshold": replace(
        healthy(), path_mtu=PathMtuFound(forward=1446, reverse=1446, forward_told=False, reverse_told=False)
    ),
    "far gateway's own public address among the hops": replace(
        healthy(),
        hops=(
            Hop(type=ECHO, ttl=2, kind=HopKind.TIME_EXCEEDED, address="10.99.0.2"),
            Hop(type=ECHO, ttl=3, kind=HopKind.TIME_EXCEEDED, address=GATEWAY, quoted=True),
        ),
    ),
    "the far gateway among the hops, of which only its address in the other version of IP is known": replace(
        with_controls(healthy(), {Part.GATEWAY: GATEWAY_IPV6}),
        hops=(
            Hop(type=ECHO, ttl=2, kind=HopKind.TIME_EXCEEDED, address="10.99.0.2", quoted=True),
            Hop(type=ECHO, ttl=3, kind=HopKind.TIME_EXCEEDED, address=UNDERLAY, quoted=True),
            Hop(type=ECHO, ttl=4, kind=HopKind.REACHED, address=TARGET),
        ),
    ),
    "an error of the underlay that quotes too little to have seen our packet": replace(
        healthy(), hops=(Hop(type=ECHO, ttl=3, kind=HopKind.TIME_EXCEEDED, address=UNDERLAY),)
    ),
    "a node with a public address": replace(
        healthy(), hops=(Hop(type=ECHO, ttl=1, kind=HopKind.TIME_EXCEEDED, address="8.8.4.4", quoted=True),)
    ),
    "ICMP limited by a router": with_batches(
        healthy(),
        {Part.METHODS: lambda b: losing(b, forward=range(0, b.sent, 2)) if b.type == ICMP else b},
    ),
    "delays that vary as much to our own gateway as the rate makes them grow": with_batches(
        healthy(),
        {
            Part.RATES: lambda b: replace(b, rtt_p50=26 * MS, rtt_p90=70 * MS) if b.spacing < 20 * MS else b,
            Part.NEAR_INSIDE: lambda b: replace(b, rtt_min=MS, rtt_p90=49 * MS),
        },
    ),
    "one round of thirty invalid": replace(
        healthy(), host=HostFound(source=SOURCE, rounds=30, invalid={"LateTicks": 1})
    ),
    "a control that never answers": with_batches(replace(healthy(), baseline=None), {Part.FAR_INSIDE: dead}),
    "a few outages in the past": replace(
        healthy(), outages=tuple(PastOutage(start=NOW - n * n * 977 * MS) for n in (11, 9, 7, 4, 2, 1))
    ),
    "another path is dead": replace(healthy(), paths=(OtherPath(name="b", sent=20, answered=0),)),
}


@pytest.mark.parametrize("name", NO_FAULT)
def test_it_is_no_fault(name: str) -> None:
    diagnosis = diagnose(NO_FAULT[name])
    assert [finding.reason for finding in diagnosis.findings] == []
    assert diagnosis.outcome is Outcome.NO_FAULT


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
    assert said.endswith("0 of 20 answered; it answered 4 min before")


def test_random_loss_is_never_taken_for_a_fault_of_flows_classes_or_rates() -> None:
    """Of 120 samples with 1 to 20 % loss: chance must not accuse a bundle, a class or a policer."""
    chance = random.Random(7)
    kinds = set[str]()
    for seed in range(120):
        evidence = lossy(healthy(), forward=chance.uniform(0.01, 0.2), seed=seed)
        kinds |= {symptom.kind for finding in diagnose(evidence).findings for symptom in finding.symptoms}
    assert kinds == {"Loss"}


def test_what_was_so_in_one_window_only_is_not_reproduced() -> None:
    flapping = with_batches(
        healthy(), {Part.METHODS: lambda b: losing(b, forward=range(5, b.sent))}, window=1
    )
    diagnosis = diagnose(flapping)
    assert diagnosis.outcome is Outcome.NOT_REPRODUCED
    assert diagnosis.findings == ()
    assert "did not last" in diagnosis.notes[0]


def test_a_method_that_is_never_answered_does_not_make_a_loss_of_one_window_last() -> None:
    """ICMP that is filtered loses in both windows, and many at that."""
    flapping = with_batches(
        healthy(), {Part.METHODS: lambda b: losing(b, forward=range(30, b.sent))}, window=1
    )
    twice = replace(flapping, batches=(*flapping.batches, batch(kind=ICMP, sent=20, window=2)))
    filtered = with_batches(twice, {Part.METHODS: lambda b: dead(b) if b.type == ICMP else b})
    assert diagnose(filtered).outcome is Outcome.NOT_REPRODUCED


def test_silence_that_is_over_is_not_reproduced_either() -> None:
    quiet = silent(healthy(), *BEHIND)
    back = with_batches(quiet, {Part.METHODS: lambda b: batch(window=2)}, window=2)
    assert diagnose(back).outcome is Outcome.NOT_REPRODUCED


def test_too_few_packets_decide_nothing() -> None:
    few = replace(silent(healthy()), batches=(dead(batch(sent=8)), dead(batch(sent=8, window=2))))
    (finding,) = diagnose(few).findings
    assert finding.confidence == "Undetermined"


def test_nothing_measured_is_no_good_news() -> None:
    assert diagnose(replace(healthy(), batches=())).outcome is Outcome.NOT_MEASURED


def test_a_path_mtu_like_the_links_is_a_hint_and_no_finding() -> None:
    diagnosis = diagnose(replace(healthy(), path_mtu=PathMtuFound(forward=1500, reverse=1500)))
    assert diagnosis.outcome is Outcome.NO_FAULT
    assert any("no proof" in note for note in diagnosis.notes)


def test_how_packets_arrive_is_told_where_it_is_not_as_they_left() -> None:
    odd = with_batches(
        healthy(), {Part.METHODS: lambda b: replace(b, dscp=46, dscp_seen=0, ttl_seen=60, congestion_marks=1)}
    )
    diagnosis = diagnose(odd)
    assert diagnosis.findings == ()
    said = " ".join(diagnosis.notes)
    assert "TTL 60, before it was 61" in said
    assert "DSCP 46 arrives as 0" in said
    assert "marked by ECN" in said


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


def test_ike_that_is_silent_beside_a_dead_tunnel_stays_among_the_causes() -> None:
    quiet = replace(
        silent(healthy(), *BEHIND), ike=IkeFound(ports={500: IkeAnswer.SILENT, 4500: IkeAnswer.SILENT})
    )
    (finding,) = diagnose(quiet).findings
    assert {"IkeUnreachable", "PolicyConflict", "EspBlocked"} <= set(finding.causes)


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


def test_a_router_before_the_last_is_not_the_far_gateway_whatever_its_address() -> None:
    hops = tuple(
        Hop(type=ECHO, ttl=ttl, kind=HopKind.TIME_EXCEEDED, address=address, quoted=True)
        for ttl, address in ((2, "10.99.0.2"), (3, "198.51.100.126"), (4, "198.51.100.65"))
    )
    leaking = replace(with_controls(healthy(), {Part.GATEWAY: GATEWAY_IPV6}), hops=hops)
    (finding,) = diagnose(leaking).findings
    assert finding.reason == "LeavesInClear"
    assert "198.51.100.126" in str(finding.proof)


@pytest.mark.parametrize(
    ("known", "sender"),
    [(GATEWAY, "10.244.0.1"), (GATEWAY, "10.99.0.2"), (GATEWAY_IPV6, "fd00:10:244::1")],
)
def test_a_cluster_without_a_way_to_public_addresses_says_nothing_of_the_line(
    known: str, sender: str
) -> None:
    quiet = with_batches(
        silent(healthy(), *BEHIND, Part.GATEWAY),
        {Part.GATEWAY: lambda b: refused(b, ErrorKind.NET_UNREACHABLE, sender)},
    )
    assert "UnderlayDown" not in {
        finding.reason
        for finding in diagnose(with_controls(quiet, {Part.GATEWAY: known})).findings
        if finding.confidence is Confidence.PROVEN
    }


def test_the_far_gateway_is_no_router_before_itself() -> None:
    """It quotes a packet that used up its TTL, and refuses the next one."""
    hops = tuple(
        Hop(type=ECHO, ttl=ttl, kind=kind, address=UNDERLAY, quoted=True)
        for ttl, kind in ((3, HopKind.TIME_EXCEEDED), (4, HopKind.PROHIBITED))
    )
    seen = replace(with_controls(healthy(), {Part.GATEWAY: GATEWAY_IPV6}), hops=hops)
    assert diagnose(seen).findings == ()


@pytest.mark.parametrize(
    "kind", [ErrorKind.PORT_UNREACHABLE, ErrorKind.PROTOCOL_UNREACHABLE, ErrorKind.RESET]
)
def test_a_firewall_on_our_side_may_reject_by_any_word(kind: ErrorKind) -> None:
    world = silent(healthy(), *BEHIND)
    ours = world.expected.controls[Part.NEAR_INSIDE]
    rejected = with_batches(world, {Part.METHODS: lambda b: refused(b, kind, ours)})
    (finding,) = diagnose(rejected).findings
    assert (finding.reason, finding.confidence) == ("LocalPolicyDenied", Confidence.PROVEN)
    assert ours in str(finding.proof)


def test_a_reset_of_a_target_that_answers_nothing_else_may_be_a_firewall_s() -> None:
    world = with_batches(
        silent(healthy(), *BEHIND),
        {Part.METHODS: lambda b: refused(b, ErrorKind.RESET, TARGET) if b.type == TCP else dead(b)},
    )
    said = [str(finding.proof) for finding in diagnose(world).findings if finding.reason == "ResponderDown"]
    assert said == [each for each in said if "or a firewall in its name" in each] != []


def test_who_stands_behind_the_far_gateway_proves_no_leak_by_an_address_between_the_gateways() -> None:
    world = healthy()
    behind = world.expected.controls[Part.FAR_INSIDE]
    for kind, address in ((HopKind.TIME_EXCEEDED, behind), (HopKind.REACHED, TARGET)):
        through = Hop(type=ECHO, ttl=3, kind=kind, address=address, quoted=kind is not HopKind.REACHED)
        forged = replace(through, ttl=4, kind=HopKind.TIME_EXCEEDED, address=UNDERLAY, quoted=True)
        assert diagnose(replace(world, hops=(through, forged))).findings == ()
    before = replace(forged, ttl=2)
    (finding,) = diagnose(replace(world, hops=(before, through))).findings
    assert finding.reason == "LeavesInClear"
    assert str(finding.proof).endswith("unless the ICMP error is forged")


def test_a_refusal_of_the_far_gateway_is_no_leak_where_its_address_is_not_known() -> None:
    refusing = with_batches(
        silent(healthy(), Part.NEIGHBOUR),
        {Part.METHODS: lambda b: refused(b, ErrorKind.PROHIBITED, UNDERLAY)},
    )
    findings = diagnose(with_controls(refusing, {Part.GATEWAY: GATEWAY_IPV6})).findings
    assert "LeavesInClear" not in {finding.reason for finding in findings}


def test_a_router_of_the_declared_underlay_says_that_the_line_is_dead_in_either_version_of_ip() -> None:
    quiet = with_batches(
        silent(healthy(), *BEHIND, Part.GATEWAY),
        {Part.GATEWAY: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, "2001:db8:3:1::fe")},
    )
    changed = with_controls(quiet, {Part.GATEWAY: GATEWAY_IPV6})
    underlay = (*changed.expected.underlay, "2001:db8:3:1::/64")
    (finding,) = diagnose(replace(changed, expected=replace(changed.expected, underlay=underlay))).findings
    assert (finding.reason, finding.confidence) == ("UnderlayDown", Confidence.PROVEN)


def test_a_host_that_stood_still_once_is_no_queue() -> None:
    """Seen in the lab: a guest that had no processor for 0.3 s while the high rate was sent."""
    fast = replace(rates()[1], rtt_p50=90 * MS, rtt_p90=140 * MS)
    calm = replace(rates()[1], window=2)
    for again, found in ((calm, []), (replace(fast, window=2), ["Congested"])):
        world = healthy()
        others = tuple(each for each in world.batches if each.part is not Part.RATES)
        told = diagnose(replace(world, batches=(*others, rates()[0], fast, again)))
        assert [finding.reason for finding in told.findings] == found
