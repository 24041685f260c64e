"""Faults of the line between the gateways and behind the far one, as evidence."""

from collections.abc import Iterator
from dataclasses import replace

from ipsecping.contract import LossReason, ProbeType
from ipsecping.diagnosis import Part
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import Batch, IkeAnswer, IkeFound, OtherPath, ReflectorFound
from ipsecping.diagnosis.refusal import ErrorKind

from .fault_case import BACK, ONE_OF, ONLY, PROVEN, THERE, Case, by_method, case_of
from .worlds import (
    BEHIND,
    ECHO,
    FAR,
    MS,
    STAMP,
    TARGET,
    TCP,
    batch,
    dead,
    healthy,
    losing,
    lossy,
    refused,
    silent,
    with_batches,
)


def underlay() -> Iterator[Case]:
    quiet = replace(
        silent(healthy(), *BEHIND, Part.GATEWAY),
        ike=IkeFound(ports={500: IkeAnswer.SILENT, 4500: IkeAnswer.SILENT}),
    )
    yield case_of("link-down", Cause.UNDERLAY_DOWN, quiet, ONLY)
    told = with_batches(
        quiet, {Part.GATEWAY: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, "203.0.113.1")}
    )
    yield case_of("link-down told", Cause.UNDERLAY_DOWN, told, PROVEN)
    yield case_of(
        "loss",
        Cause.UNDERLAY_LOSS,
        lossy(healthy(), reverse=0.05, packets=200, seed=3),
        ONE_OF,
        BACK,
        reason="PacketsLost",
        most=2,
    )
    longer = with_batches(healthy(), _delayed)
    yield case_of("delay", Cause.PATH_LONGER, longer, ONLY)
    queue = with_batches(healthy(), {Part.RATES: lambda b: b if b.spacing > 10 * MS else _queued(b)})
    yield case_of("rate", Cause.CONGESTED, queue, ONLY)
    policed = with_batches(
        healthy(), {Part.RATES: lambda b: b if b.spacing > 10 * MS else losing(b, forward=range(60, 200))}
    )
    yield case_of("policer", Cause.RATE_LIMITED, policed, ONE_OF, THERE, reason="RateDependentLoss", most=2)
    kept_up = replace(policed, reflector=ReflectorFound(expected=80, received=80, answered=80))
    yield case_of("policer, reflector known", Cause.RATE_LIMITED, kept_up, ONLY, THERE)
    dead_flows = with_batches(
        healthy(), {Part.FLOWS: lambda b: losing(b, forward=range(6)) if (b.source_port or 0) & 1 else b}
    )
    yield case_of("flow-loss", Cause.FLOW_DEPENDENT_LOSS, dead_flows, PROVEN, THERE)
    classy = with_batches(
        healthy(), {Part.CLASSES: lambda b: losing(b, forward=range(0, 20, 2)) if b.dscp == 46 else b}
    )
    yield case_of("dscp-loss", Cause.CLASS_DEPENDENT_LOSS, classy, PROVEN, THERE)


def far() -> Iterator[Case]:
    looping = with_batches(
        silent(healthy(), Part.NEIGHBOUR),
        {Part.METHODS: lambda b: refused(b, ErrorKind.TIME_EXCEEDED, "10.50.1.254", 3)},
    )
    yield case_of("routing loop", Cause.ROUTING_LOOP, looping, PROVEN, THERE)
    one_rejected = by_method(healthy(), (STAMP,), lambda b: refused(b, ErrorKind.PROHIBITED, FAR))
    yield case_of("far-firewall rejects one method", Cause.FAR_GATEWAY_DROPS, one_rejected, PROVEN, THERE)
    routeless = with_batches(
        silent(healthy(), Part.NEIGHBOUR),
        {Part.METHODS: lambda b: refused(b, ErrorKind.NET_UNREACHABLE, FAR)},
    )
    yield case_of("far-no-route", Cause.FAR_GATEWAY_DROPS, routeless, PROVEN, THERE)
    far_silent = silent(healthy(), Part.NEIGHBOUR)
    yield case_of(
        "far-no-forward", Cause.FAR_GATEWAY_DROPS, far_silent, ONE_OF, reason="TargetSilent", most=3
    )
    rejecting = with_batches(far_silent, {Part.METHODS: lambda b: refused(b, ErrorKind.PROHIBITED, FAR)})
    yield case_of("far-firewall reject", Cause.FAR_GATEWAY_DROPS, rejecting, PROVEN, THERE)
    yield case_of("far-down", Cause.FAR_HOST_DOWN, silent(healthy()), ONE_OF, reason="TargetSilent", most=2)
    unreachable = with_batches(
        silent(healthy()), {Part.METHODS: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, FAR)}
    )
    yield case_of("far-down told", Cause.FAR_HOST_DOWN, unreachable, PROVEN)
    yield case_of(
        "far-loss",
        Cause.FAR_NETWORK_LOSS,
        lossy(
            healthy(), forward=0.2, parts=[Part.METHODS, Part.RATES, Part.CLASSES, Part.FLOWS], packets=200
        ),
        ONLY,
        THERE,
    )
    closed = by_method(healthy(), (STAMP,), lambda b: refused(b, ErrorKind.PORT_UNREACHABLE, TARGET))
    yield case_of("responder-down", Cause.RESPONDER_DOWN, closed, PROVEN)
    hung = by_method(healthy(), (STAMP,), dead)
    yield case_of("responder-hung", Cause.RESPONDER_DOWN, hung, ONE_OF, reason="MethodSilent", most=2)
    page = batch(kind=ProbeType.HTTP, sent=4, rtt_min=None, rtt_p50=None, rtt_p90=None)
    page = replace(dead(page), misanswered={LossReason.UNEXPECTED_STATUS: 4})
    both = replace(closed, batches=(*closed.batches, page, replace(page, window=2)))
    yield case_of(
        "responder-down, and a wrong page", Cause.RESPONDER_DOWN, both, PROVEN, also=("ServiceFault",)
    )
    filtered = by_method(healthy(), (TCP, ECHO), lambda b: refused(b, ErrorKind.PROHIBITED, "10.50.1.254", 3))
    yield case_of("far-firewall", Cause.PROTOCOL_FILTERED, filtered, PROVEN, THERE)
    limited = with_batches(
        healthy(), lambda b: losing(b, forward=range(0, b.sent, 2)) if b.type == STAMP else b
    )
    yield case_of(
        "reflector-limit", Cause.RESPONDER_OVERLOADED, limited, ONE_OF, THERE, reason="PacketsLost", most=2
    )
    wrong = by_method(
        healthy(),
        (STAMP,),
        lambda b: replace(dead(b), misanswered={LossReason.AUTH_FAILED: b.sent}),
    )
    yield case_of("wrong-key", Cause.SERVICE_FAULT, wrong, PROVEN)
    everywhere = replace(
        silent(healthy()), paths=(OtherPath(name="b", sent=20, answered=0, same_target=True),)
    )
    yield case_of(
        "far-down, two paths", Cause.FAR_HOST_DOWN, everywhere, ONE_OF, reason="TargetSilent", most=2
    )


def _delayed(one: Batch) -> Batch:
    times = (one.rtt_min, one.rtt_p50, one.rtt_p90)
    low, middle, high = (None if time is None else time + 20 * MS for time in times)
    return replace(one, rtt_min=low, rtt_p50=middle, rtt_p90=high)


def _queued(one: Batch) -> Batch:
    return replace(one, rtt_p50=80 * MS, rtt_p90=140 * MS)
