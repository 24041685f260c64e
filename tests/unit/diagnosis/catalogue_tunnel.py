"""Faults of the tunnel itself and of packets' sizes in it, as evidence."""

from collections.abc import Iterator
from dataclasses import replace

from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import (
    Batch,
    IkeAnswer,
    IkeFound,
    PastOutage,
    PastRound,
    PathMtuFound,
    ReflectorFound,
)

from .fault_case import BACK, ONE_OF, ONLY, PROVEN, THERE, Case, case_of
from .worlds import (
    BEHIND,
    ECHO,
    MS,
    NOW,
    batch,
    dead,
    healthy,
    losing,
    lossy,
    not_refused,
    refused_too_big,
    silent,
    with_batches,
    without,
)

OVERSIZED = {
    "esp-drop": (Cause.ESP_BLOCKED, True),
    "sa-lost": (Cause.SA_OUT_OF_SYNC, True),
    "sa-in-lost": (Cause.SA_OUT_OF_SYNC, True),
    "encap-differs": (Cause.SA_OUT_OF_SYNC, True),
    "sa-key": (Cause.ESP_AUTH_FAILED, True),
    "sa-sequence": (Cause.SA_EXHAUSTED, True),
    "sa-limit": (Cause.SA_EXHAUSTED, False),
    "sa-out-lost": (Cause.SA_MISSING, False),
    "policy-block": (Cause.POLICY_CONFLICT, False),
    "shadow": (Cause.POLICY_CONFLICT, True),
    "snat on our gateway": (Cause.SOURCE_TRANSLATED, True),
    "narrow-near": (Cause.SELECTOR_MISMATCH, False),
    "narrow-far": (Cause.SELECTOR_MISMATCH, True),
    "ike-refused": (Cause.IKE_AUTH_FAILED, False),
    "ike-refused, SA still there": (Cause.IKE_AUTH_FAILED, True),
    "return-clear": (Cause.RETURN_PATH_BROKEN, True),
}
"""The faults of the lab in which all is silent: what is at fault, and whether a gateway with Linux says too
big. It does while it has an SA: also one that the far side has lost or that has used up its numbers, but none
whose limit is over, as the kernel deletes that. A policy before ours that leads into another tunnel has an SA
with as much room; translation of the source comes after the refusal."""


def tunnel() -> Iterator[Case]:
    everything = silent(healthy(), *BEHIND)
    for name, (truth, encapsulates) in OVERSIZED.items():
        by_gateway = refused_too_big(everything) if encapsulates else not_refused(everything)
        most = 12 if encapsulates else 10
        yield case_of(name, truth, by_gateway, ONE_OF, reason="TunnelSilent", most=most)
    yield case_of(
        "esp-drop, no baseline", Cause.ESP_BLOCKED, everything, ONE_OF, reason="TunnelSilent", most=16
    )
    arriving = replace(everything, reflector=ReflectorFound(expected=80, received=80, answered=80))
    yield case_of("esp-drop back", Cause.ESP_BLOCKED, arriving, ONE_OF, BACK, reason="TunnelSilent", most=9)
    losing_all = replace(everything, reflector=ReflectorFound(expected=80, received=0, answered=0))
    yield case_of(
        "esp-drop there", Cause.ESP_BLOCKED, losing_all, ONE_OF, THERE, reason="TunnelSilent", most=14
    )
    one_port = IkeFound(ports={500: IkeAnswer.ANSWERED, 4500: IkeAnswer.SILENT})
    yield case_of("ike-one-port", Cause.IKE_UNREACHABLE, replace(healthy(), ike=one_port), ONLY)
    no_port = IkeFound(ports={500: IkeAnswer.SILENT, 4500: IkeAnswer.SILENT})
    yield case_of("ike-drop", Cause.IKE_UNREACHABLE, replace(healthy(), ike=no_port), ONLY)
    jittery = with_batches(
        lossy(healthy(), reverse=0.08, packets=200),
        lambda b: (
            replace(b, rtt_p90=20 * MS, reordered=2 if b.part is Part.METHODS else 0) if b.answered else b
        ),
    )
    yield case_of("jitter", Cause.REPLAY_DROPPED, jittery, ONE_OF, BACK, reason="PacketsLost", most=3)
    yield case_of(
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
    yield case_of("rekey-broken", Cause.REKEY_BROKEN, periodic, ONE_OF, reason="RecurringOutages", most=2)
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
    yield case_of("nat-timeout", Cause.NAT_MAPPING_LOST, replace(healthy(), rounds=idle, ike=ike), ONLY, BACK)
    paused = replace(healthy(), batches=(*healthy().batches, *bursts(reverse=True)), ike=ike)
    yield case_of("nat-timeout, by pauses", Cause.NAT_MAPPING_LOST, paused, ONLY, BACK)


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


def sizes() -> Iterator[Case]:
    hole = PathMtuFound(forward=1346, reverse=None, forward_told=False)
    yield case_of("mtu-blackhole", Cause.MTU_BLACK_HOLE, replace(healthy(), path_mtu=hole), PROVEN, THERE)
    hole_back = PathMtuFound(forward=1446, reverse=1346, reverse_told=False)
    yield case_of(
        "mtu-blackhole back", Cause.MTU_BLACK_HOLE, replace(healthy(), path_mtu=hole_back), PROVEN, BACK
    )
    told = PathMtuFound(forward=1346, reverse=None, forward_told=True)
    yield case_of("mtu", Cause.MTU_REDUCED, replace(healthy(), path_mtu=told), PROVEN, THERE)
    yield case_of(
        "fragments", Cause.FRAGMENTS_DROPPED, with_batches(healthy(), {Part.FRAGMENTS: dead}), PROVEN
    )
    bulk = replace(
        healthy(),
        batches=(
            *healthy().batches,
            losing(batch(Part.BULK, ECHO, sent=60, size=1400), forward=range(5, 50)),
        ),
    )
    yield case_of(
        "bulk-only, all sizes above a limit",
        Cause.OFFLOAD_FAULT,
        _lossy_sizes(),
        ONE_OF,
        THERE,
        reason="PathMTULow",
        most=2,
    )
    yield case_of(
        "bulk-only", Cause.OFFLOAD_FAULT, without(bulk, Part.FRAGMENTS), ONE_OF, reason="PacketsLost", most=2
    )


def _lossy_sizes() -> Evidence:
    """Of large packets 9 of 10 are lost, of small ones none; the search for the path MTU sees a limit."""
    large = losing(batch(Part.BULK, ECHO, sent=60, size=1400), forward=[n for n in range(60) if n % 10])
    found = PathMtuFound(forward=1280, reverse=None, forward_told=False)
    return replace(healthy(), batches=(*healthy().batches, large), path_mtu=found)
