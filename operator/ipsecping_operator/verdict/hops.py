"""Whether packets take another number of hops than before. Pure."""

from ipsecping.contract import Hops

from .judge import ProbeKey, Verdict
from .probe import ProbeVerdict

_NAMED = 3
"""So many probes are named in a message; the status has all."""


def hops_changed(before: Verdict | None, now: Verdict) -> str | None:
    """Say which probes' packets took numbers of hops that were not in their windows before; None: no change.

    A probe of which none was known is no news.
    """
    known = {} if before is None else _by_probe(before)
    told = []
    for probe in now.probes:
        earlier = known.get(_key(probe))
        fresh = _hops(probe) - earlier if earlier else None
        if earlier and fresh:
            where = f"{probe.path}/{probe.probe.name}"
            told.append(f"packets of {where} pass {_listed(fresh)} hops, before {_listed(earlier)}")
    more = len(told) - _NAMED
    return "; ".join(told[:_NAMED]) + (f"; {more} more probes" if more > 0 else "") if told else None


def _by_probe(verdict: Verdict) -> dict[ProbeKey, frozenset[int]]:
    return {_key(each): _hops(each) for each in verdict.probes}


def _key(probe: ProbeVerdict) -> ProbeKey:
    return probe.path, probe.probe.name


def _hops(probe: ProbeVerdict) -> frozenset[int]:
    found = None if probe.figures is None else probe.figures.figure(Hops)
    return frozenset() if found is None else frozenset(found.counts)


def _listed(hops: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(hops)))
