"""Faults between the pod and our gateway, as evidence."""

from collections.abc import Iterator
from dataclasses import replace

from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import Hop, HopKind, HostFound, NameAnswer, NamesFound
from ipsecping.diagnosis.refusal import ErrorKind

from .fault_case import ONE_OF, ONLY, PROVEN, THERE, Case, by_method, case_of, refused_everywhere
from .worlds import (
    BEHIND,
    ECHO,
    MS,
    NOW,
    OURS,
    SOURCE,
    STAMP,
    TARGET,
    UNDERLAY,
    healthy,
    lossy,
    refused,
    silent,
    with_batches,
)


def near() -> Iterator[Case]:
    starved = replace(
        lossy(healthy(), forward=0.3), host=HostFound(source=SOURCE, rounds=30, invalid={"CPUThrottled": 12})
    )
    yield case_of("cpu-hog", Cause.MEASUREMENT_INVALID, starved, PROVEN)
    nameless = Evidence(
        at=NOW,
        path="default",
        target="db.example",
        address=None,
        names=NamesFound(answer=NameAnswer.NO_SUCH_NAME, server="10.96.0.10"),
    )
    yield case_of("dns-fail", Cause.NAME_RESOLUTION_FAILED, nameless, PROVEN)
    wrong = replace(
        silent(healthy(), *BEHIND),
        names=NamesFound(answer=NameAnswer.RESOLVED, now=(TARGET,), before=("10.50.1.99",)),
    )
    wrong = replace(wrong, batches=tuple(b for b in wrong.batches if b.part not in BEHIND))
    yield case_of("dns-wrong", Cause.NAME_RESOLUTION_FAILED, wrong, ONE_OF, reason="TunnelSilent", most=20)
    denied = refused_everywhere(ErrorKind.NOT_PERMITTED, None)
    yield case_of("node-deny", Cause.LOCAL_POLICY_DENIED, denied, PROVEN, THERE)
    prohibited = replace(refused_everywhere(ErrorKind.PROHIBITED, "10.244.0.1"))
    yield case_of("node-reject", Cause.LOCAL_POLICY_DENIED, prohibited, PROVEN, THERE)
    routeless = refused_everywhere(ErrorKind.NO_ROUTE, None)
    yield case_of("node-route", Cause.NEAR_ROUTING_WRONG, routeless, PROVEN, THERE)
    one_denied = by_method(healthy(), (STAMP,), lambda b: refused(b, ErrorKind.NOT_PERMITTED, None))
    yield case_of("node-deny one port", Cause.LOCAL_POLICY_DENIED, one_denied, PROVEN, THERE)
    unreachable = refused_everywhere(ErrorKind.HOST_UNREACHABLE, OURS)
    asked = Hop(type=ECHO, ttl=3, kind=HopKind.UNREACHABLE, address=OURS, rtt=3000 * MS)
    own_link = replace(unreachable, hops=(*(unreachable.hops or ()), asked))
    yield case_of("our gateway sends it to its own link", Cause.NEAR_ROUTING_WRONG, own_link, PROVEN, THERE)
    by_gateway = with_batches(
        silent(healthy(), *BEHIND),
        {Part.METHODS: lambda b: refused(b, ErrorKind.NET_UNREACHABLE, OURS)},
    )
    # Of a tunnel with an interface or a route of its own.
    yield case_of("sa-out-lost, by VTI", Cause.SA_MISSING, by_gateway, ONE_OF, reason="TunnelSilent", most=14)
    down = replace(silent(healthy(), *BEHIND, Part.NEAR_INSIDE), hops=())
    yield case_of("near-gateway-down", Cause.NEAR_GATEWAY_DOWN, down, ONE_OF, reason="NearSideSilent", most=3)
    yield case_of(
        "near-loss",
        Cause.NEAR_NETWORK_LOSS,
        lossy(healthy(), forward=0.2, parts=Part, packets=200),
        ONLY,
        THERE,
    )
    translated = with_batches(healthy(), lambda b: replace(b, sources={OURS: b.sent} if b.sources else {}))
    yield case_of("snat", Cause.SOURCE_TRANSLATED, translated, PROVEN, THERE)
    leaking = replace(
        healthy(), hops=(Hop(type=ECHO, ttl=3, kind=HopKind.TIME_EXCEEDED, address=UNDERLAY, quoted=True),)
    )
    yield case_of("leak", Cause.LEAVES_IN_CLEAR, leaking, PROVEN, THERE)
    dropped_in_clear = with_batches(
        silent(healthy(), *BEHIND), {Part.METHODS: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, UNDERLAY)}
    )
    yield case_of(
        "leak that is refused",
        Cause.LEAVES_IN_CLEAR,
        dropped_in_clear,
        PROVEN,
        THERE,
        also=("TunnelSilent",),
    )
