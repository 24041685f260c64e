"""Who sends an ICMP error or a reset, and what that proves of the place of a fault."""

from dataclasses import replace

import pytest

from ipsecping.diagnosis import Confidence, Evidence, Part, diagnose
from ipsecping.diagnosis.evidence import Batch, Hop, HopKind
from ipsecping.diagnosis.refusal import ErrorKind, PathError
from ipsecping.diagnosis.report import report

from .worlds import (
    BEHIND,
    ECHO,
    FAR,
    GATEWAY,
    GATEWAY_IPV6,
    STAMP,
    TARGET,
    TCP,
    UNDERLAY,
    batch,
    dead,
    healthy,
    not_refused,
    refused,
    refused_too_big,
    silent,
    with_batches,
    with_controls,
)

HOST = ErrorKind.HOST_UNREACHABLE


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
    node = "10.244.0.1"
    world = with_batches(silent(healthy(), *BEHIND), {Part.METHODS: lambda b: refused(b, kind, node)})
    (finding,) = diagnose(world).findings
    assert (finding.reason, finding.confidence) == ("LocalPolicyDenied", Confidence.PROVEN)
    assert node in str(finding.proof)


@pytest.mark.parametrize("kind", [ErrorKind.PORT_UNREACHABLE, ErrorKind.PROHIBITED])
def test_a_gateway_that_lets_nothing_out_in_clear_proves_no_policy(kind: ErrorKind) -> None:
    """Once the tunnel is down, a route of type prohibit or a rule that asks for IPsec rejects all of it."""
    world = silent(healthy(), *BEHIND)
    ours = world.expected.controls[Part.NEAR_INSIDE]
    rejected = {Part.METHODS: lambda b: refused(b, kind, ours)}
    for evidence in (world, not_refused(world)):
        (finding,) = diagnose(with_batches(evidence, rejected)).findings
        assert (finding.reason, finding.confidence) == ("TunnelSilent", Confidence.ONE_OF)
        assert {"LocalPolicyDenied", "SaMissing", "EspBlocked"} <= set(finding.causes)
    # A tunnel that is up, or of a method that alone is rejected: then it is a policy.
    up = with_batches(silent(healthy()), rejected)
    some = with_batches(healthy(), {Part.METHODS: lambda b: refused(b, kind, ours) if b.type == TCP else b})
    for evidence in (up, some):
        finding = diagnose(evidence).findings[0]
        assert (finding.reason, finding.confidence) == ("LocalPolicyDenied", Confidence.PROVEN)


@pytest.mark.parametrize("kind", [ErrorKind.HOST_UNREACHABLE, ErrorKind.NET_UNREACHABLE])
@pytest.mark.parametrize("traced", [True, False])
def test_a_gateway_whose_route_or_interface_has_gone_with_the_tunnel_proves_no_wrong_routing_before_it(
    kind: ErrorKind, traced: bool
) -> None:
    """VTI and XFRM interfaces without an SA say so, as does a router whose route BGP or a monitor took."""
    world = silent(healthy(), *BEHIND)
    world = world if traced else replace(world, hops=None)
    ours = world.expected.controls[Part.NEAR_INSIDE]
    said = with_batches(world, {Part.METHODS: lambda b: refused(b, kind, ours)})
    for evidence in (said, not_refused(said), refused_too_big(said)):
        (finding,) = diagnose(evidence).findings
        assert (finding.reason, finding.confidence) == ("TunnelSilent", Confidence.ONE_OF)
        # Its own route may be the fault, or whatever the tunnel died of.
        assert {"NearRoutingWrong", "SaMissing", "EspBlocked"} <= set(finding.causes)
        assert not {"LocalPolicyDenied", "NearGatewayDown"} & set(finding.causes)
        assert any(f"({ours}), which says {kind.value}" in each.why for each in finding.ruled_out)
    # Beside a tunnel that is up, or of another router on our side, it is routing.
    up = with_batches(silent(healthy()), {Part.METHODS: lambda b: refused(b, kind, ours)})
    node = with_batches(world, {Part.METHODS: lambda b: refused(b, kind, "10.244.0.1")})
    asked = Hop(type=ECHO, ttl=2, kind=HopKind.UNREACHABLE, address=ours, rtt=3_000_000_000)
    own_link = replace(with_batches(world, {Part.METHODS: lambda b: refused(b, HOST, ours)}), hops=(asked,))
    for evidence in (up, node, own_link):
        (finding,) = diagnose(evidence).findings
        assert (finding.reason, finding.confidence) == ("NearRoutingWrong", Confidence.PROVEN)


@pytest.mark.parametrize("kind", [HOST, ErrorKind.NET_UNREACHABLE, ErrorKind.PROHIBITED, ErrorKind.RESET])
@pytest.mark.parametrize("traced", [True, False])
def test_one_of_two_gateways_that_share_an_address_is_not_on_the_far_side(
    kind: ErrorKind, traced: bool
) -> None:
    """With VRRP they answer by the address that is known, and refuse by their own."""
    own = "10.99.0.3"
    world = silent(healthy(), *BEHIND)
    hops = tuple(replace(hop, address=own) if hop.ttl == 2 else hop for hop in world.hops or ())
    world = replace(world, hops=hops if traced else None)
    refusing = with_batches(world, {Part.METHODS: lambda b: refused(b, kind, own)})
    (finding,) = diagnose(refusing).findings
    assert (finding.reason, finding.confidence) == ("TunnelSilent", Confidence.ONE_OF)
    assert "SaMissing" in finding.causes
    if kind is HOST:
        asked = Hop(type=ECHO, ttl=3, kind=HopKind.UNREACHABLE, address=own, rtt=3_000_000_000)
        (finding,) = diagnose(replace(refusing, hops=(*hops, asked))).findings
        assert (finding.reason, finding.confidence) == ("NearRoutingWrong", Confidence.PROVEN)
    # A node beside the gateway is known as the first hop.
    node = Hop(type=ECHO, ttl=1, kind=HopKind.UNREACHABLE, address=own)
    (finding,) = diagnose(replace(refusing, hops=(node,))).findings
    assert finding.confidence is Confidence.PROVEN
    assert finding.reason in ("NearRoutingWrong", "LocalPolicyDenied")


def test_beside_both_gateways_a_sender_is_of_neither() -> None:
    """Of a transit network between them nobody knows whose its other addresses are."""
    world = with_controls(silent(healthy(), *BEHIND), {Part.FAR_INSIDE: "10.99.0.1"})
    refusing = with_batches(world, {Part.METHODS: lambda b: refused(b, ErrorKind.PROHIBITED, "10.99.0.1")})
    (finding,) = diagnose(refusing).findings
    assert (finding.reason, finding.confidence) == ("FarGatewayDrops", Confidence.PROVEN)


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


def cut_short(one: Batch) -> Batch:
    return replace(one, errors=tuple(replace(error, cut_short=True) for error in one.errors))


REFUSALS = [
    (ErrorKind.PROHIBITED, "10.244.0.1", "LocalPolicyDenied"),
    (ErrorKind.NET_UNREACHABLE, "10.244.0.1", "NearRoutingWrong"),
    (ErrorKind.PROHIBITED, FAR, "FarGatewayDrops"),
    (ErrorKind.PROHIBITED, "10.50.1.77", "ProtocolFiltered"),
    (ErrorKind.HOST_UNREACHABLE, "10.50.1.77", "FarHostDown"),
    (ErrorKind.PORT_UNREACHABLE, TARGET, "ResponderDown"),
    (ErrorKind.TIME_EXCEEDED, "10.50.9.9", "RoutingLoop"),
]


@pytest.mark.parametrize(("kind", "sender", "reason"), REFUSALS)
def test_an_error_that_quotes_too_little_of_our_packets_proves_nothing(
    kind: ErrorKind, sender: str, reason: str
) -> None:
    """RFC 792 asks for 8 bytes behind the IP header alone: whoever knows the ports can make it up."""
    told = with_batches(silent(healthy()), {Part.METHODS: lambda b: refused(b, kind, sender)})
    (finding,) = diagnose(told).findings
    assert (finding.reason, finding.confidence) == (reason, Confidence.PROVEN)
    (finding,) = diagnose(with_batches(told, {Part.METHODS: cut_short})).findings
    assert (finding.reason, finding.confidence) == (reason, Confidence.ONLY_ONE_LEFT)
    assert "may have forged it" in str(finding.proof)
    (sure,) = (line for line in text(told) if "Sure?" in line)
    (unsure,) = (line for line in text(with_batches(told, {Part.METHODS: cut_short})) if "Sure?" in line)
    assert "proven" in sure
    assert "proven" not in unsure
    assert "ruled out" not in unsure


def text(evidence: Evidence) -> list[str]:
    return report(evidence, diagnose(evidence), width=400, long=False).splitlines()


def test_each_refuser_has_refused_what_it_says_so_of() -> None:
    """What the far gateway refuses has passed the node that refuses another method."""
    kind, senders = ErrorKind.PROHIBITED, {STAMP: "10.244.0.1", ECHO: FAR}
    told = with_batches(
        silent(healthy()),
        {Part.METHODS: lambda b: refused(b, kind, senders[b.type]) if b.type in senders else dead(b)},
    )
    reasons = {finding.reason: finding.confidence for finding in diagnose(told).findings}
    assert reasons == {"LocalPolicyDenied": Confidence.PROVEN, "FarGatewayDrops": Confidence.PROVEN}


def test_what_is_cut_short_stands_back_behind_what_is_whole() -> None:
    """A forged word of a router on our side does not hide what the target itself says."""
    whole = PathError(kind=ErrorKind.PORT_UNREACHABLE, sender=TARGET, count=6)
    forged = PathError(kind=ErrorKind.PROHIBITED, sender="10.244.0.1", count=6, cut_short=True)
    told = with_batches(silent(healthy()), {Part.METHODS: lambda b: replace(dead(b), errors=(forged, whole))})
    (finding,) = diagnose(told).findings
    assert (finding.reason, finding.confidence) == ("ResponderDown", Confidence.PROVEN)


def test_a_few_packets_and_an_error_cut_short_say_nothing() -> None:
    few = [batch(sent=4, window=window) for window in (1, 2)]
    world = replace(healthy(), batches=tuple(few))
    told = with_batches(world, {Part.METHODS: lambda b: refused(b, ErrorKind.PORT_UNREACHABLE, TARGET)})
    assert [each.confidence for each in diagnose(told).findings] == [Confidence.PROVEN]
    short = with_batches(told, {Part.METHODS: cut_short})
    assert [each.confidence for each in diagnose(short).findings] == [Confidence.UNDETERMINED]


def test_a_leak_is_not_proven_by_what_anybody_may_have_made_up() -> None:
    told = with_batches(
        silent(healthy(), *BEHIND), {Part.METHODS: lambda b: refused(b, ErrorKind.PROHIBITED, UNDERLAY)}
    )
    assert "LeavesInClear" in {finding.reason for finding in diagnose(told).findings}
    short = with_batches(told, {Part.METHODS: cut_short})
    assert "LeavesInClear" not in {finding.reason for finding in diagnose(short).findings}
