"""What the agent knows of a path from before: its own last rounds, as its ring still holds them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..collector.planned import main_probe
from ..contract import Hops, PathMtu, PlannedCheck, ProbeType, RoundResult
from ..contract.methods.stamp import HOPS_TTL
from ..contract.result_stream import Item, read_line
from ..diagnosis.evidence import MAX_OUTAGES, Baseline, Known, Part, PastOutage, PastRound
from ..diagnosis.too_big import TooBig
from .lossy_rounds import LossyRounds
from .ring import Ring
from .timeslice import Yielder
from .usual_delay import usual_delay

MAX_LOOKED_AT = 2000
"""Results of one path that are looked at."""
MAX_PAST = 30
"""Rounds that the evidence has."""
LEAST_OF_OUTAGE = 3
"""Packets: a round that lost fewer of them, though all, is no outage."""
_MS = 1_000_000


class Past(NamedTuple):
    """What the agent knows of a path from before."""

    known: Known
    addresses: tuple[str, ...] = ()
    """Of the target, in the newest round without loss."""
    failing: str | None = None
    """The address that packets were lost to last."""


async def past_of(check: PlannedCheck, ring: Ring, lossy: LossyRounds) -> Past:
    """Return what is known of the path; made piecemeal, so that no packet has to wait."""
    main, yielder, marks = main_probe(check), Yielder(), tuple(_marks(check))
    found: list[RoundResult] = []
    for line in ring.newest_first():
        await yielder.maybe_yield()
        if not all(mark in line for mark in marks):
            continue
        item = read_line(line)
        if isinstance(item, Item) and item.result.check.nonce == check.nonce:
            answers = lossy.answers(item.result)
            found.append(replace(item.result, started_at=ring.begun_at(item), answers=answers))
        if len(found) >= MAX_LOOKED_AT:
            break
    found.reverse()
    valid = [each for each in found if each.invalid is None]
    rounds = [each for each in valid if main is not None and each.probe == main.name]
    lost = next((each.remote_ip for each in reversed(rounds) if each.sent > each.received), None)
    if check.per_address and rounds:
        lost = lost or rounds[-1].remote_ip
        rounds = [each for each in rounds if each.remote_ip == lost]
    past = tuple(_past_rounds(check, rounds, spacing=main.spacing_ms * _MS))[-MAX_PAST:] if main else ()
    outages = tuple(_outages(rounds))[-MAX_OUTAGES:]
    healthy = next((each for each in reversed(rounds) if each.sent == each.received), None)
    timed = rounds or [each for each in valid if each.type in _OF_THE_PATH]
    now = timed[-1].remote_ip if timed else None
    return Past(
        Known(rounds=past or None, outages=outages if rounds else None, baseline=_baseline(valid, now)),
        (healthy.remote_ip,) if healthy is not None and healthy.remote_ip is not None else (),
        lost,
    )


def merged(own: Known, told: Known) -> Known:
    """Return what is known; what was told goes before what the agent knows itself."""
    return Known(
        rounds=told.rounds or own.rounds,
        outages=told.outages or own.outages,
        baseline=_merged_baseline(own.baseline, told.baseline),
        paths=told.paths,
    )


def _merged_baseline(own: Baseline | None, told: Baseline | None) -> Baseline | None:
    if own is None or told is None:
        return told or own
    return Baseline(
        at=told.at,
        methods=told.methods | own.methods,
        controls=(controls := told.controls | own.controls),
        answered_at={**own.answered_at, **told.answered_at},
        silent=(told.silent | own.silent) - controls,
        ttl_seen=own.ttl_seen if told.ttl_seen is None else told.ttl_seen,
        rtt_min=own.rtt_min if told.rtt_min is None else told.rtt_min,
        path_mtu=own.path_mtu if told.path_mtu is None else told.path_mtu,
        too_big=told.too_big or own.too_big,
    )


def _marks(check: PlannedCheck) -> Iterator[bytes]:
    """What the lines of the path's results have in them; some others may have it as well."""
    for key, value in (("uid", check.uid), ("nonce", check.nonce), ("path", check.path)):
        yield f'"{key}":{json.dumps(value)}'.encode()


def _past_rounds(check: PlannedCheck, rounds: Sequence[RoundResult], *, spacing: int) -> Iterator[PastRound]:
    """Those of which it is known which packets were lost; oldest first."""
    sending = max((probe.count - 1) * probe.spacing_ms for probe in check.probes) * _MS
    before: RoundResult | None = None
    for each in rounds:
        if each.answers is not None and each.sent:
            yield PastRound(
                at=each.started_at,
                sent=each.sent,
                answers=each.answers,
                idle=None if before is None else max(each.started_at - before.started_at - sending, 0),
                spacing=spacing,
                forward_lost=each.forward_lost,
                reverse_lost=each.reverse_lost,
            )
        before = each


def _outages(rounds: Iterable[RoundResult]) -> Iterator[PastOutage]:
    """Rounds on end without an answer."""
    began: int | None = None
    for each in rounds:
        if each.received:
            if began is not None:
                yield PastOutage(start=began, end=each.started_at)
            began = None
        elif began is None and each.sent >= LEAST_OF_OUTAGE:
            began = each.started_at
    if began is not None:
        yield PastOutage(start=began)


def _baseline(results: Sequence[RoundResult], address: str | None) -> Baseline | None:
    """What rounds without loss have shown; `address`: the one of the target that is measured now."""
    healthy = [each for each in results if each.sent and each.received == each.sent]
    if not healthy:
        return None
    hops = Counter(seen.commonest for each in healthy if (seen := each.figure(Hops)) is not None)
    # The usual one, not the largest: of traffic that once passed in clear the path MTU is that of the link.
    found = [figure for each in healthy if (figure := each.figure(PathMtu)) is not None]
    sizes = Counter(figure.forward for figure in found if figure.forward is not None)
    path_mtu = sizes.most_common(1)[0][0] if sizes else None
    usual = hops.most_common(1)[0][0] if hops else None
    kinds = {each.type for each in healthy}
    return Baseline(
        at=healthy[-1].started_at,
        methods=frozenset(kinds - {ProbeType.IKE, ProbeType.PATH_MTU, ProbeType.AUDIT}),
        controls=frozenset({Part.IKE}) if ProbeType.IKE in kinds else frozenset(),
        ttl_seen=None if usual is None or not 0 <= HOPS_TTL - usual <= 255 else HOPS_TTL - usual,
        rtt_min=_least_delay([each for each in healthy if each.remote_ip == address]),
        path_mtu=path_mtu,
        too_big=_too_big(figure for figure in found if figure.forward == path_mtu),
    )


def _least_delay(healthy: Sequence[RoundResult]) -> int | None:
    """By the method that is answered soonest: those of others have their responder's time in them."""
    by_method: dict[ProbeType, list[tuple[int, int]]] = {kind: [] for kind in _OF_THE_PATH}
    for each in healthy:
        if each.type in by_method and each.rtt.min is not None:
            by_method[each.type].append((each.started_at, each.rtt.min))
    found = map(usual_delay, by_method.values())
    return min((each for each in found if each is not None), default=None)


def _too_big(figures: Iterable[PathMtu]) -> TooBig | None:
    """Who stated the usual path MTU; None: nobody did, or it was not always the same."""
    told = {(each.too_big_from, each.forward) for each in figures}
    router, mtu = told.pop() if len(told) == 1 else (None, None)
    return None if router is None or mtu is None else TooBig(router=router, mtu=mtu)


_OF_THE_PATH = frozenset({ProbeType.STAMP, ProbeType.UDP_ECHO, ProbeType.ICMP})
"""Whose round trips are those of the path."""
