"""The fault catalogue as evidence: what each fault looks like from the pod, and what may be said of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ipsecping.contract import LossReason, ProbeType
from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis import Confidence, Evidence, Part
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import (
    Batch,
    ErrorKind,
    Hop,
    HopKind,
    HostFound,
    IkeAnswer,
    IkeFound,
    NameAnswer,
    NamesFound,
    OtherPath,
    PastOutage,
    PastRound,
    PathMtuFound,
    ReflectorFound,
)

from .worlds import (
    BEHIND,
    ECHO,
    FAR,
    ICMP,
    MS,
    NOW,
    OURS,
    SOURCE,
    STAMP,
    TARGET,
    TCP,
    UNDERLAY,
    Change,
    batch,
    dead,
    healthy,
    losing,
    lossy,
    refused,
    silent,
    with_batches,
    without,
)

PROVEN, ONLY, ONE_OF = Confidence.PROVEN, Confidence.ONLY_ONE_LEFT, Confidence.ONE_OF
THERE, BACK, ANY = Direction.FORWARD, Direction.REVERSE, Direction.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault, and what a diagnosis of it says."""

    name: str
    truth: Cause
    """What is at fault: must be among the causes of a finding."""
    evidence: Evidence
    reason: str
    """Of the gravest finding."""
    confidence: Confidence
    direction: Direction = ANY
    most: int = 1
    """Causes that may be left."""
    also: tuple[str, ...] = ()
    """Reasons of further findings."""


def cases() -> Iterator[Case]:
    """Every row of the catalogue that can be seen without an observer."""
    yield from _near()
    yield from _tunnel()
    yield from _sizes()
    yield from _underlay()
    yield from _far()


def _case(
    name: str,
    truth: Cause,
    evidence: Evidence,
    confidence: Confidence,
    direction: Direction = ANY,
    *,
    reason: str = "",
    most: int = 1,
    also: tuple[str, ...] = (),
) -> Case:
    return Case(
        name=name,
        truth=truth,
        evidence=evidence,
        reason=reason or truth.value,
        confidence=confidence,
        direction=direction,
        most=most,
        also=also,
    )


def _near() -> Iterator[Case]:
    starved = replace(
        lossy(healthy(), forward=0.3), host=HostFound(source=SOURCE, rounds=30, invalid={"CPUThrottled": 12})
    )
    yield _case("cpu-hog", Cause.MEASUREMENT_INVALID, starved, PROVEN)
    nameless = Evidence(
        at=NOW,
        path="default",
        target="db.example",
        address=None,
        names=NamesFound(answer=NameAnswer.NO_SUCH_NAME, server="10.96.0.10"),
    )
    yield _case("dns-fail", Cause.NAME_RESOLUTION_FAILED, nameless, PROVEN)
    wrong = replace(
        silent(healthy(), *BEHIND),
        names=NamesFound(answer=NameAnswer.RESOLVED, now=(TARGET,), before=("10.50.1.99",)),
    )
    wrong = replace(wrong, batches=tuple(b for b in wrong.batches if b.part not in BEHIND))
    yield _case("dns-wrong", Cause.NAME_RESOLUTION_FAILED, wrong, ONE_OF, reason="TunnelSilent", most=20)
    denied = _refused_everywhere(ErrorKind.NOT_PERMITTED, None)
    yield _case("node-deny", Cause.LOCAL_POLICY_DENIED, denied, PROVEN, THERE)
    prohibited = replace(_refused_everywhere(ErrorKind.PROHIBITED, "10.244.0.1"))
    yield _case("node-reject", Cause.LOCAL_POLICY_DENIED, prohibited, PROVEN, THERE)
    routeless = _refused_everywhere(ErrorKind.NO_ROUTE, None)
    yield _case("node-route", Cause.NEAR_ROUTING_WRONG, routeless, PROVEN, THERE)
    one_denied = _methods(healthy(), (STAMP,), lambda b: refused(b, ErrorKind.NOT_PERMITTED, None))
    yield _case("node-deny one port", Cause.LOCAL_POLICY_DENIED, one_denied, PROVEN, THERE)
    unreachable = _refused_everywhere(ErrorKind.HOST_UNREACHABLE, OURS)
    yield _case("our gateway sends it to its own link", Cause.NEAR_ROUTING_WRONG, unreachable, PROVEN, THERE)
    down = replace(silent(healthy(), *BEHIND, Part.NEAR_INSIDE), hops=())
    yield _case("near-gateway-down", Cause.NEAR_GATEWAY_DOWN, down, ONE_OF, reason="NearSideSilent", most=3)
    yield _case(
        "near-loss",
        Cause.NEAR_NETWORK_LOSS,
        lossy(healthy(), forward=0.2, parts=Part, packets=200),
        ONLY,
        THERE,
    )
    translated = with_batches(healthy(), lambda b: replace(b, sources={OURS: b.sent} if b.sources else {}))
    yield _case("snat", Cause.SOURCE_TRANSLATED, translated, PROVEN, THERE)
    leaking = replace(
        healthy(), hops=(Hop(type=ECHO, ttl=3, kind=HopKind.TIME_EXCEEDED, address=UNDERLAY, quoted=True),)
    )
    yield _case("leak", Cause.LEAVES_IN_CLEAR, leaking, PROVEN, THERE)
    dropped_in_clear = with_batches(
        silent(healthy(), *BEHIND), {Part.METHODS: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, UNDERLAY)}
    )
    yield _case(
        "leak that is refused",
        Cause.LEAVES_IN_CLEAR,
        dropped_in_clear,
        PROVEN,
        THERE,
        also=("TunnelSilent",),
    )


def _tunnel() -> Iterator[Case]:
    everything = silent(healthy(), *BEHIND)
    for name, truth in (
        ("esp-drop", Cause.ESP_BLOCKED),
        ("sa-lost", Cause.SA_OUT_OF_SYNC),
        ("sa-key", Cause.ESP_AUTH_FAILED),
        ("sa-limit", Cause.SA_EXHAUSTED),
        ("sa-out-lost", Cause.SA_MISSING),
        ("policy-block", Cause.POLICY_CONFLICT),
        ("narrow-near", Cause.SELECTOR_MISMATCH),
        ("ike-psk", Cause.IKE_AUTH_FAILED),
        ("return-clear", Cause.RETURN_PATH_BROKEN),
    ):
        yield _case(name, truth, everything, ONE_OF, reason="TunnelSilent", most=16)
    arriving = replace(everything, reflector=ReflectorFound(expected=80, received=80, answered=80))
    yield _case("esp-drop back", Cause.ESP_BLOCKED, arriving, ONE_OF, BACK, reason="TunnelSilent", most=9)
    losing_all = replace(everything, reflector=ReflectorFound(expected=80, received=0, answered=0))
    yield _case(
        "esp-drop there", Cause.ESP_BLOCKED, losing_all, ONE_OF, THERE, reason="TunnelSilent", most=14
    )
    one_port = IkeFound(ports={500: IkeAnswer.ANSWERED, 4500: IkeAnswer.SILENT})
    yield _case("ike-one-port", Cause.IKE_UNREACHABLE, replace(healthy(), ike=one_port), ONLY)
    no_port = IkeFound(ports={500: IkeAnswer.SILENT, 4500: IkeAnswer.SILENT})
    yield _case("ike-drop", Cause.IKE_UNREACHABLE, replace(healthy(), ike=no_port), ONLY)
    jittery = with_batches(
        lossy(healthy(), reverse=0.08, packets=200),
        lambda b: (
            replace(b, rtt_p90=20 * MS, reordered=2 if b.part is Part.METHODS else 0) if b.answered else b
        ),
    )
    yield _case("jitter", Cause.REPLAY_DROPPED, jittery, ONE_OF, BACK, reason="PacketsLost", most=3)
    yield _case(
        "corrupt",
        Cause.ESP_AUTH_FAILED,
        lossy(healthy(), forward=0.1, packets=200),
        ONE_OF,
        THERE,
        reason="PacketsLost",
        most=2,
    )
    hour = 3_600_000 * MS
    periodic = replace(
        healthy(),
        outages=tuple(
            PastOutage(start=NOW - n * hour, end=NOW - n * hour + 5000 * MS) for n in (6, 5, 4, 3, 2, 1)
        ),
    )
    yield _case("rekey-broken", Cause.REKEY_BROKEN, periodic, ONE_OF, reason="RecurringOutages", most=2)
    idle = tuple(
        PastRound(
            at=NOW - n * hour,
            sent=10,
            answers="0" + "1" * 9,
            spacing=100 * MS,
            idle=hour,
            forward_lost=0,
            reverse_lost=1,
        )
        for n in range(5)
    )
    ike = IkeFound(ports={4500: IkeAnswer.ANSWERED}, nat=True)
    yield _case("nat-timeout", Cause.NAT_MAPPING_LOST, replace(healthy(), rounds=idle, ike=ike), ONLY, BACK)
    paused = replace(healthy(), batches=(*healthy().batches, *bursts(reverse=True)), ike=ike)
    yield _case("nat-timeout, by pauses", Cause.NAT_MAPPING_LOST, paused, ONLY, BACK)


def bursts(*, reverse: bool, after: int = 60) -> list[Batch]:
    """Bursts after ever longer pauses, of which the long ones cost the first two packets."""
    made = []
    for pause in (0, 5, 20, 60, 120):
        lost = 2 if pause >= after else 0
        burst = batch(Part.IDLE, sent=6, idle=pause * 1000 * MS, spacing=500 * MS)
        made.append(
            replace(
                burst,
                answered=6 - lost,
                answers="0" * lost + "1" * (6 - lost),
                forward_lost=0 if reverse else lost,
                reverse_lost=lost if reverse else 0,
            )
        )
    return made


def _sizes() -> Iterator[Case]:
    hole = PathMtuFound(forward=1346, reverse=None, forward_told=False)
    yield _case("mtu-blackhole", Cause.MTU_BLACK_HOLE, replace(healthy(), path_mtu=hole), PROVEN, THERE)
    hole_back = PathMtuFound(forward=1446, reverse=1346, reverse_told=False)
    yield _case(
        "mtu-blackhole back", Cause.MTU_BLACK_HOLE, replace(healthy(), path_mtu=hole_back), PROVEN, BACK
    )
    told = PathMtuFound(forward=1346, reverse=None, forward_told=True)
    yield _case("mtu", Cause.MTU_REDUCED, replace(healthy(), path_mtu=told), PROVEN, THERE)
    yield _case("fragments", Cause.FRAGMENTS_DROPPED, with_batches(healthy(), {Part.FRAGMENTS: dead}), PROVEN)
    bulk = replace(
        healthy(),
        batches=(
            *healthy().batches,
            losing(batch(Part.BULK, ECHO, sent=60, size=1400), forward=range(5, 50)),
        ),
    )
    yield _case(
        "bulk-only, all sizes above a limit",
        Cause.OFFLOAD_FAULT,
        _lossy_sizes(),
        ONE_OF,
        THERE,
        reason="PathMTULow",
        most=2,
    )
    yield _case(
        "bulk-only", Cause.OFFLOAD_FAULT, without(bulk, Part.FRAGMENTS), ONE_OF, reason="PacketsLost", most=2
    )


def _lossy_sizes() -> Evidence:
    """Of large packets 9 of 10 are lost, of small ones none; the search for the path MTU sees a limit."""
    large = losing(batch(Part.BULK, ECHO, sent=60, size=1400), forward=[n for n in range(60) if n % 10])
    found = PathMtuFound(forward=1280, reverse=None, forward_told=False)
    return replace(healthy(), batches=(*healthy().batches, large), path_mtu=found)


def _underlay() -> Iterator[Case]:
    quiet = replace(
        silent(healthy(), *BEHIND, Part.GATEWAY),
        ike=IkeFound(ports={500: IkeAnswer.SILENT, 4500: IkeAnswer.SILENT}),
    )
    yield _case("link-down", Cause.UNDERLAY_DOWN, quiet, ONLY)
    told = with_batches(
        quiet, {Part.GATEWAY: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, "203.0.113.1")}
    )
    yield _case("link-down told", Cause.UNDERLAY_DOWN, told, PROVEN)
    yield _case(
        "loss",
        Cause.UNDERLAY_LOSS,
        lossy(healthy(), reverse=0.05, packets=200, seed=3),
        ONE_OF,
        BACK,
        reason="PacketsLost",
        most=2,
    )
    longer = with_batches(healthy(), _delayed)
    yield _case("delay", Cause.PATH_LONGER, longer, ONLY)
    queue = with_batches(healthy(), {Part.RATES: lambda b: b if b.spacing > 10 * MS else _queued(b)})
    yield _case("rate", Cause.CONGESTED, queue, ONLY)
    policed = with_batches(
        healthy(), {Part.RATES: lambda b: b if b.spacing > 10 * MS else losing(b, forward=range(60, 200))}
    )
    yield _case("policer", Cause.RATE_LIMITED, policed, ONE_OF, THERE, reason="RateDependentLoss", most=2)
    kept_up = replace(policed, reflector=ReflectorFound(expected=80, received=80, answered=80))
    yield _case("policer, reflector known", Cause.RATE_LIMITED, kept_up, ONLY, THERE)
    dead_flows = with_batches(
        healthy(), {Part.FLOWS: lambda b: losing(b, forward=range(6)) if (b.source_port or 0) & 1 else b}
    )
    yield _case("flow-loss", Cause.FLOW_DEPENDENT_LOSS, dead_flows, PROVEN, THERE)
    classy = with_batches(
        healthy(), {Part.CLASSES: lambda b: losing(b, forward=range(0, 20, 2)) if b.dscp == 46 else b}
    )
    yield _case("dscp-loss", Cause.CLASS_DEPENDENT_LOSS, classy, PROVEN, THERE)


def _far() -> Iterator[Case]:
    looping = with_batches(
        silent(healthy(), Part.NEIGHBOUR),
        {Part.METHODS: lambda b: refused(b, ErrorKind.TIME_EXCEEDED, "10.50.1.254", 3)},
    )
    yield _case("routing loop", Cause.ROUTING_LOOP, looping, PROVEN, THERE)
    one_rejected = _methods(healthy(), (STAMP,), lambda b: refused(b, ErrorKind.PROHIBITED, FAR))
    yield _case("far-firewall rejects one method", Cause.FAR_GATEWAY_DROPS, one_rejected, PROVEN, THERE)
    routeless = with_batches(
        silent(healthy(), Part.NEIGHBOUR),
        {Part.METHODS: lambda b: refused(b, ErrorKind.NET_UNREACHABLE, FAR)},
    )
    yield _case("far-no-route", Cause.FAR_GATEWAY_DROPS, routeless, PROVEN, THERE)
    far_silent = silent(healthy(), Part.NEIGHBOUR)
    yield _case("far-no-forward", Cause.FAR_GATEWAY_DROPS, far_silent, ONE_OF, reason="TargetSilent", most=3)
    rejecting = with_batches(far_silent, {Part.METHODS: lambda b: refused(b, ErrorKind.PROHIBITED, FAR)})
    yield _case("far-firewall reject", Cause.FAR_GATEWAY_DROPS, rejecting, PROVEN, THERE)
    yield _case("far-down", Cause.FAR_HOST_DOWN, silent(healthy()), ONE_OF, reason="TargetSilent", most=2)
    unreachable = with_batches(
        silent(healthy()), {Part.METHODS: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, FAR)}
    )
    yield _case("far-down told", Cause.FAR_HOST_DOWN, unreachable, PROVEN)
    yield _case(
        "far-loss",
        Cause.FAR_NETWORK_LOSS,
        lossy(
            healthy(), forward=0.2, parts=[Part.METHODS, Part.RATES, Part.CLASSES, Part.FLOWS], packets=200
        ),
        ONLY,
        THERE,
    )
    closed = _methods(healthy(), (STAMP,), lambda b: refused(b, ErrorKind.PORT_UNREACHABLE, TARGET))
    yield _case("responder-down", Cause.RESPONDER_DOWN, closed, PROVEN)
    hung = _methods(healthy(), (STAMP,), dead)
    yield _case("responder-hung", Cause.RESPONDER_DOWN, hung, ONE_OF, reason="MethodSilent", most=2)
    page = batch(kind=ProbeType.HTTP, sent=4, rtt_min=None, rtt_p50=None, rtt_p90=None)
    page = replace(dead(page), misanswered={LossReason.UNEXPECTED_STATUS: 4})
    both = replace(closed, batches=(*closed.batches, page, replace(page, window=2)))
    yield _case(
        "responder-down, and a wrong page", Cause.RESPONDER_DOWN, both, PROVEN, also=("ServiceFault",)
    )
    filtered = _methods(healthy(), (TCP, ECHO), lambda b: refused(b, ErrorKind.PROHIBITED, "10.50.1.254", 3))
    yield _case("far-firewall", Cause.PROTOCOL_FILTERED, filtered, PROVEN, THERE)
    limited = with_batches(
        healthy(), lambda b: losing(b, forward=range(0, b.sent, 2)) if b.type == STAMP else b
    )
    yield _case(
        "reflector-limit", Cause.RESPONDER_OVERLOADED, limited, ONE_OF, THERE, reason="PacketsLost", most=2
    )
    wrong = _methods(
        healthy(),
        (STAMP,),
        lambda b: replace(dead(b), misanswered={LossReason.AUTH_FAILED: b.sent}),
    )
    yield _case("wrong-key", Cause.SERVICE_FAULT, wrong, PROVEN)
    everywhere = replace(
        silent(healthy()), paths=(OtherPath(name="b", sent=20, answered=0, same_target=True),)
    )
    yield _case("far-down, two paths", Cause.FAR_HOST_DOWN, everywhere, ONE_OF, reason="TargetSilent", most=2)


def _refused_everywhere(kind: ErrorKind, sender: str | None) -> Evidence:
    """An early end: three packets a method, all refused near here, and once more."""
    few = [batch(kind=each, sent=3, window=window) for each in (STAMP, ICMP) for window in (1, 2)]
    bare = replace(healthy(), batches=tuple(refused(each, kind, sender, 3) for each in few), hops=None)
    return without(bare, Part.PATH_MTU, Part.IKE)


def _methods(evidence: Evidence, kinds: tuple[str, ...], change: Change) -> Evidence:
    return with_batches(evidence, {Part.METHODS: lambda b: change(b) if b.type in kinds else b})


def _delayed(one: Batch) -> Batch:
    times = (one.rtt_min, one.rtt_p50, one.rtt_p90)
    low, middle, high = (None if time is None else time + 20 * MS for time in times)
    return replace(one, rtt_min=low, rtt_p50=middle, rtt_p90=high)


def _queued(one: Batch) -> Batch:
    return replace(one, rtt_p50=80 * MS, rtt_p90=140 * MS)
