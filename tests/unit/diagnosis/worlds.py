"""Evidence as a healthy path gives it, and what each fault of the catalogue changes of it."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache

from ipsecping.contract import ProbeType
from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.evidence import (
    Baseline,
    Batch,
    Expected,
    Hop,
    HopKind,
    HostFound,
    IkeAnswer,
    IkeFound,
    NameAnswer,
    NamesFound,
    PathMtuFound,
)
from ipsecping.diagnosis.refusal import ErrorKind, PathError
from ipsecping.diagnosis.too_big import OversizedFound, TooBig

TARGET, SOURCE, OURS = "10.50.1.10", "10.244.0.10", "10.99.0.2"
FAR, GATEWAY, NEIGHBOUR, ELSEWHERE = "10.50.1.1", "192.0.2.1", "10.50.1.11", "198.51.100.77"
UNDERLAY = "198.51.100.126"
GATEWAY_IPV6 = "2001:db8:3:2::1"
STAMP, ICMP, ECHO, TCP = ProbeType.STAMP, ProbeType.ICMP, ProbeType.UDP_ECHO, ProbeType.TCP
NOW = 1_796_000_000_000_000_000
MS = 1_000_000
CONTROLS = {
    Part.FAR_INSIDE: FAR,
    Part.NEAR_INSIDE: OURS,
    Part.GATEWAY: GATEWAY,
    Part.NEIGHBOUR: NEIGHBOUR,
    Part.ELSEWHERE: ELSEWHERE,
}
Change = Callable[[Batch], Batch]


def batch(part: Part = Part.METHODS, kind: ProbeType = STAMP, *, sent: int = 40, **fields: object) -> Batch:
    """All of `sent` packets answered, as far as the fields do not say otherwise."""
    stamp = kind == STAMP
    made = Batch(
        part=part,
        type=kind,
        address=CONTROLS.get(part, TARGET),
        at=NOW,
        size=128,
        spacing=50 * MS,
        sent=sent,
        answered=sent,
        answers="1" * sent,
        forward_lost=0 if stamp else None,
        reverse_lost=0 if stamp else None,
        rtt_min=int(11.8 * MS),
        rtt_p50=12 * MS,
        rtt_p90=int(12.2 * MS),
        ttl_seen=61 if stamp else None,
        sources={SOURCE: sent} if stamp else {},
    )
    return replace(made, **fields)  # type: ignore[arg-type]


@cache
def healthy() -> Evidence:
    """Everything was tested, and everything is well."""
    methods = [batch(), batch(kind=ICMP, sent=20), batch(kind=ECHO, sent=10), batch(kind=TCP, sent=5)]
    controls = [batch(part, ICMP, sent=20) for part in CONTROLS]
    return Evidence(
        at=NOW,
        path="default",
        target=TARGET,
        address=TARGET,
        expected=Expected(
            sources=("10.244.0.0/16",),
            inside=("10.244.0.0/16", "10.99.0.0/24", "10.50.1.0/24"),
            underlay=("198.51.100.0/24",),
            path_mtu=1400,
            controls=CONTROLS,
        ),
        batches=(*methods, *controls, batch(window=2), *flows(), *classes(), *rates(), fragments()),
        hops=(
            Hop(type=ECHO, ttl=1, kind=HopKind.TIME_EXCEEDED, address="10.244.0.1", rtt=MS),
            Hop(type=ECHO, ttl=2, kind=HopKind.TIME_EXCEEDED, address=OURS, rtt=MS),
            Hop(type=ECHO, ttl=3, kind=HopKind.SILENT),
            Hop(type=ECHO, ttl=4, kind=HopKind.REACHED, address=TARGET, rtt=12 * MS),
        ),
        path_mtu=PathMtuFound(forward=1446, reverse=None, forward_told=True),
        ike=IkeFound(ports={500: IkeAnswer.ANSWERED, 4500: IkeAnswer.ANSWERED}, nat=False),
        names=NamesFound(answer=NameAnswer.ADDRESS),
        host=HostFound(source=SOURCE, link_mtu=1500, rounds=30),
        paths=(),
        rounds=(),
        baseline=Baseline(
            at=NOW - 3_600_000 * MS,
            methods=frozenset({STAMP, ICMP, ECHO, TCP}),
            controls=frozenset({*CONTROLS, Part.IKE} - {Part.ELSEWHERE}),
            ttl_seen=61,
            rtt_min=int(11.8 * MS),
            path_mtu=1446,
            too_big=TooBig(router=OURS, mtu=1446),
        ),
    )


def flows() -> list[Batch]:
    return [batch(Part.FLOWS, sent=6, source_port=40_000 + port) for port in range(16)]


def classes() -> list[Batch]:
    return [batch(Part.CLASSES, sent=20, dscp=dscp) for dscp in (0, 10, 26, 46)]


def rates() -> list[Batch]:
    return [batch(Part.RATES, sent=20, spacing=50 * MS), batch(Part.RATES, sent=200, spacing=5 * MS)]


def fragments() -> Batch:
    return batch(Part.FRAGMENTS, ECHO, sent=8, size=2000)


def losing(one: Batch, *, forward: Iterable[int] = (), reverse: Iterable[int] = ()) -> Batch:
    """The batch with packets at these places lost on the way there or back."""
    there, back = set(forward), set(reverse) - set(forward)
    answers = "".join("0" if place in there | back else "1" for place in range(one.sent))
    answered = answers.count("1")
    directed = one.forward_lost is not None
    made = replace(
        one,
        answers=answers,
        answered=answered,
        forward_lost=len(there) if directed else None,
        reverse_lost=len(back) if directed else None,
        sources=dict.fromkeys(one.sources, one.sent - len(there)) if answered else {},
    )
    return made if answered else replace(made, rtt_min=None, rtt_p50=None, rtt_p90=None)


def dead(one: Batch) -> Batch:
    """The batch without an answer; nobody can tell in which direction."""
    lost = losing(one, forward=range(one.sent))
    return replace(lost, forward_lost=None, reverse_lost=None, ttl_seen=None)


def refused(
    one: Batch, kind: ErrorKind, sender: str | None, count: int = 6, *, cut_short: bool = False
) -> Batch:
    """The batch without an answer, some packets refused: ICMP errors are rate limited."""
    error = PathError(kind=kind, sender=sender, count=min(count, one.sent), cut_short=cut_short)
    return replace(dead(one), errors=(error,))


def with_batches(evidence: Evidence, change: Mapping[Part, Change] | Change, *, window: int = 0) -> Evidence:
    """The evidence with all batches of these parts changed, or each one; of one window when it is given."""

    def changed(one: Batch) -> Batch:
        if window and one.window != window:
            return one
        if callable(change):
            return change(one)
        return change[one.part](one) if one.part in change else one

    return replace(evidence, batches=tuple(map(changed, evidence.batches)))


def without(evidence: Evidence, *parts: Part) -> Evidence:
    """The same evidence without these parts."""
    absent: dict[str, object] = {FIELDS[part]: None for part in parts if part in FIELDS}
    if Part.HISTORY in parts:
        absent |= {"rounds": None, "outages": None, "refused_before": None}
    kept = tuple(one for one in evidence.batches if one.part not in parts)
    return replace(evidence, batches=kept, **absent)  # type: ignore[arg-type]


FIELDS = {
    Part.PATH_MTU: "path_mtu",
    Part.OVERSIZED: "oversized",
    Part.HOPS: "hops",
    Part.IKE: "ike",
    Part.NAMES: "names",
    Part.HOST: "host",
    Part.PATHS: "paths",
    Part.REFLECTOR: "reflector",
    Part.BASELINE: "baseline",
}
INSIDE = (Part.METHODS, Part.FLOWS, Part.CLASSES, Part.RATES, Part.FRAGMENTS)


def silent(evidence: Evidence, *also: Part) -> Evidence:
    """Nothing is answered by the target; what cannot be tested then is not; nor do these controls answer."""
    skipped = {Part.FLOWS, Part.CLASSES, Part.RATES, Part.FRAGMENTS}
    kept = tuple(one for one in evidence.batches if one.part not in skipped)
    hops = tuple(hop for hop in evidence.hops or () if hop.kind is not HopKind.REACHED)
    quiet = with_batches(
        replace(evidence, batches=kept, path_mtu=None, hops=hops),
        dict.fromkeys((Part.METHODS, *also), dead),
    )
    why = dict.fromkeys((*sorted(skipped), Part.PATH_MTU), "the target is silent")
    return replace(quiet, not_tested=why)


def refused_too_big(evidence: Evidence, mtu: int = 1446) -> Evidence:
    """Our gateway refuses packets of the link's size, as one does that has an SA for them."""
    told = (TooBig(router=OURS, mtu=mtu, count=4),)
    return replace(evidence, oversized=OversizedFound(size=1500, sent=4, told=told))


def not_refused(evidence: Evidence) -> Evidence:
    """Nobody says a word of packets of the link's size."""
    return replace(evidence, oversized=OversizedFound(size=1500, sent=4))


BEHIND = (Part.FAR_INSIDE, Part.NEIGHBOUR)
"""Controls that are reached through the tunnel."""


def lossy(
    evidence: Evidence,
    *,
    forward: float = 0,
    reverse: float = 0,
    parts: Iterable[Part] = (*INSIDE, *BEHIND),
    seed: int = 1,
    packets: int = 0,
) -> Evidence:
    """Each packet of these parts is lost by chance; so many more are sent to the target and each control."""
    chance = random.Random(seed)
    parts = set(parts)
    more = [batch(sent=packets), batch(sent=packets, window=2)] if packets else []
    more += [batch(part, ICMP, sent=packets) for part in (Part.NEAR_INSIDE, *BEHIND) if packets]

    def lose(one: Batch) -> Batch:
        if one.part not in parts:
            return one
        there = [place for place in range(one.sent) if chance.random() < forward]
        back = [place for place in range(one.sent) if chance.random() < reverse]
        return losing(one, forward=there, reverse=back)

    return with_batches(replace(evidence, batches=(*evidence.batches, *more)), lose)


def with_controls(evidence: Evidence, changed: dict[Part, str]) -> Evidence:
    controls = {**evidence.expected.controls, **changed}
    return replace(evidence, expected=replace(evidence.expected, controls=controls))
