"""What is no fault is not called one, however odd it looks; and what was not reproduced is said to be so."""

import random
from dataclasses import replace

import pytest

from ipsecping.diagnosis import Evidence, Outcome, Part, diagnose
from ipsecping.diagnosis.evidence import (
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

from .catalogue_tunnel import bursts
from .worlds import (
    BEHIND,
    ECHO,
    GATEWAY,
    GATEWAY_IPV6,
    ICMP,
    MS,
    NOW,
    SOURCE,
    TARGET,
    UNDERLAY,
    batch,
    dead,
    healthy,
    losing,
    lossy,
    rates,
    silent,
    with_batches,
    with_controls,
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
    "jitter of which no packet happens to be spared": with_batches(
        healthy(), lambda b: replace(b, rtt_min=15 * MS, rtt_p50=24 * MS, rtt_p90=30 * MS)
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
    assert any("which this does not prove" in note for note in diagnosis.notes)


def test_how_packets_arrive_is_told_where_it_is_not_as_they_left() -> None:
    odd = with_batches(
        healthy(), {Part.METHODS: lambda b: replace(b, dscp=46, dscp_seen=0, ttl_seen=60, congestion_marks=1)}
    )
    diagnosis = diagnose(odd)
    assert diagnosis.findings == ()
    said = " ".join(diagnosis.notes)
    assert "TTL 60, before with 61" in said
    assert "DSCP 46 arrives as 0" in said
    assert "with an ECN mark" in said


def test_a_host_that_stood_still_once_is_no_queue() -> None:
    """Seen in the lab: a guest that had no processor for 0.3 s while the high rate was sent."""
    fast = replace(rates()[1], rtt_p50=90 * MS, rtt_p90=140 * MS)
    calm = replace(rates()[1], window=2)
    for again, found in ((calm, []), (replace(fast, window=2), ["Congested"])):
        world = healthy()
        others = tuple(each for each in world.batches if each.part is not Part.RATES)
        told = diagnose(replace(world, batches=(*others, rates()[0], fast, again)))
        assert [finding.reason for finding in told.findings] == found
