"""Evidence of all kinds: several faults at once, parts left out, numbers that no fault would give."""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.evidence import (
    Hop,
    HopKind,
    IkeAnswer,
    IkeFound,
    OtherPath,
    PathMtuFound,
    ReflectorFound,
)
from ipsecping.diagnosis.refusal import ErrorKind
from ipsecping.diagnosis.too_big import OversizedFound, TooBig

from .catalogue import cases
from .worlds import (
    BEHIND,
    ECHO,
    FAR,
    OURS,
    TARGET,
    UNDERLAY,
    healthy,
    lossy,
    refused,
    silent,
    with_batches,
    without,
)

CATALOGUE = [case.evidence for case in cases()]
LEAVABLE = [part for part in Part if part is not Part.METHODS]
ratios = st.floats(0, 0.5)


@st.composite
def worlds(draw: st.DrawFn) -> Evidence:
    """A path with any faults at once."""
    made = healthy()
    if draw(st.booleans()):
        parts = draw(st.sets(st.sampled_from(sorted({Part.METHODS, *BEHIND, Part.NEAR_INSIDE, Part.FLOWS}))))
        made = lossy(
            made, forward=draw(ratios), reverse=draw(ratios), parts=parts, seed=draw(st.integers(0, 99))
        )
    if draw(st.booleans()):
        made = silent(made, *draw(st.sets(st.sampled_from((*BEHIND, Part.NEAR_INSIDE, Part.GATEWAY)))))
    if draw(st.booleans()):
        kind, sender = (
            draw(st.sampled_from(ErrorKind)),
            draw(st.sampled_from((None, FAR, OURS, TARGET, UNDERLAY))),
        )
        types = draw(st.sets(st.sampled_from(("STAMP", "ICMP", "TCP"))))
        short = draw(st.booleans())
        made = with_batches(
            made,
            {Part.METHODS: lambda b: refused(b, kind, sender, cut_short=short) if b.type in types else b},
        )
    sizes = st.none() | st.integers(576, 1500)
    told = st.none() | st.booleans()
    return replace(
        made,
        oversized=draw(st.none() | _oversized()),
        path_mtu=draw(
            st.none()
            | st.builds(PathMtuFound, forward=sizes, reverse=sizes, forward_told=told, reverse_told=told)
        )
        if not made.not_tested
        else None,
        ike=IkeFound(ports={port: draw(st.sampled_from(IkeAnswer)) for port in (500, 4500)}, nat=draw(told)),
        hops=draw(st.none() | st.lists(_hop(), max_size=6, unique_by=lambda hop: hop.ttl).map(tuple)),
        reflector=draw(
            st.none() | st.integers(0, 80).map(lambda n: ReflectorFound(expected=80, received=n, answered=n))
        ),
        paths=draw(st.none() | st.lists(_path(), max_size=3, unique_by=lambda path: path.name).map(tuple)),
    )


def _oversized() -> st.SearchStrategy[OversizedFound]:
    told = st.builds(TooBig, router=st.sampled_from((OURS, UNDERLAY)), mtu=st.sampled_from((1400, 1446)))
    several = st.lists(told, max_size=2, unique_by=lambda each: (each.router, each.mtu)).map(tuple)
    sizes = st.sampled_from((1446, 1500))
    return st.builds(OversizedFound, size=sizes, sent=st.integers(2, 4), told=several)


def _hop() -> st.SearchStrategy[Hop]:
    addresses = st.sampled_from((None, OURS, "10.244.0.1", UNDERLAY, FAR, "8.8.4.4"))
    kinds = st.sampled_from(HopKind)
    return st.builds(
        Hop, type=st.just(ECHO), ttl=st.integers(1, 10), kind=kinds, address=addresses, quoted=st.booleans()
    )


def _path() -> st.SearchStrategy[OtherPath]:
    return st.builds(
        OtherPath,
        name=st.sampled_from("abc"),
        sent=st.just(20),
        answered=st.sampled_from((0, 20)),
        same_target=st.booleans(),
    )


evidences = worlds() | st.sampled_from(CATALOGUE)
absent = st.sets(st.sampled_from(LEAVABLE), min_size=1)


def less(evidence: Evidence, parts: Iterable[Part]) -> Evidence:
    """The evidence without some parts, which were then not tested."""
    return replace(without(evidence, *parts), not_tested={})
