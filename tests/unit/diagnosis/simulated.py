"""A path that is simulated packet by packet, and what a diagnosis collects of it: the plan's own stages.

What is measured next depends on what was seen before, so that chance can mislead the plan as well as the
judgment.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import quantiles

from ipsecping.collector.plan import next_stage, why_left_out
from ipsecping.collector.steps import (
    MTU_HIGH,
    SECOND,
    Asked,
    IkeStep,
    Method,
    MtuStep,
    Stage,
    StageName,
    TraceStep,
    Train,
)
from ipsecping.contract import PathMtu, ProbeType
from ipsecping.contract.bounds import MAX_CLOSING
from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.evidence import Batch, HostFound, IkeAnswer, IkeFound, PathMtuFound
from ipsecping.measure.mtu_search import MtuSearch
from ipsecping.probes.mtu_run import at_once

from .worlds import CONTROLS, ELSEWHERE, MS, NEIGHBOUR, NOW, SOURCE, TARGET, healthy

_AWAY = {Part.NEAR_INSIDE: 0.3, Part.GATEWAY: 8.0, Part.FAR_INSIDE: 11.0}
"""Milliseconds there and back; of the target 12."""
_OVERHEAD = 62
"""Bytes that ESP adds."""
_SMALL = 76
ASKED = Asked(
    host=TARGET,
    methods=(
        Method(type=ProbeType.STAMP, port=862),
        Method(type=ProbeType.UDP_ECHO, port=7),
        Method(type=ProbeType.ICMP),
    ),
    controls={part: at for part, at in CONTROLS.items() if at not in (NEIGHBOUR, ELSEWHERE)},
)


@dataclass(slots=True)
class Bucket:
    """A limit of so many units a second, with so many at once."""

    rate: float
    burst: float
    left: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.burst

    def takes(self, at: float, units: float) -> bool:
        """Whether there is room at that instant (seconds)."""
        self.left = min(self.burst, self.left + max(at - self.at, 0) * self.rate)
        self.at = max(self.at, at)
        if self.left < units:
            return False
        self.left -= units
        return True


@dataclass(slots=True, kw_only=True)
class Network:
    """What the way does to packets; rates in bits a second, sizes in bytes, times in seconds."""

    chance: random.Random
    near_loss: float = 0.0
    line_loss: tuple[float, float] = (0.0, 0.0)
    """There and back, between the gateways."""
    far_loss: float = 0.0
    lossy_class: tuple[int, float] | None = None
    mtu: tuple[int, int] = (1446, 1446)
    """Of inner packets, there and back; what is larger vanishes, unless it is the encryption's own limit."""
    queue: float | None = None
    """Rate of the line on the way there, before which packets wait."""
    room: float = 0.5
    """Seconds of the queue at most."""
    policer: Bucket | None = None
    """On the way there, bytes."""
    reflector: Bucket | None = None
    """Of the answers by STAMP, packets."""
    echo: Bucket | None = None
    """Of the target's answers by ICMP, packets."""
    controls: Mapping[Part, Bucket] = field(default_factory=dict)
    """Of a control's answers by ICMP, packets."""
    detour: float = 0.0
    """Seconds that the way between the gateways takes more, there and back: over satellites."""
    stalls: tuple[tuple[float, float], ...] = ()
    """The whole host stands still: from when and for how long."""
    _free: float = 0.0

    def send(
        self, at: float, part: Part, kind: str, size: int, dscp: int = 0, *, answer: int | None = None
    ) -> tuple[float | None, str]:
        """Return the time there and back in seconds, else None and the way that lost it: there or back."""
        inside = part not in (Part.NEAR_INSIDE, Part.GATEWAY)
        delay = _AWAY.get(part, 12.0) * self.chance.uniform(1, 1.02) / 1000
        if self._lost_there(at, part):
            return None, "there"
        if part is not Part.NEAR_INSIDE:
            delay += self.detour
            if self.policer is not None and not self.policer.takes(at, size + _OVERHEAD):
                return None, "there"
            waits = max(self._free - at, 0)
            if self.queue is not None:
                if waits > self.room:
                    return None, "there"
                self._free = at + waits + (size + _OVERHEAD) * 8 / self.queue
                delay += self._free - at
        if inside and size > self.mtu[0]:
            return None, "there"
        if inside and part is not Part.FAR_INSIDE and self._target_loses(at, kind, dscp):
            return None, "there"
        if inside and (size if answer is None else answer) > self.mtu[1]:
            return None, "back"
        if part is not Part.NEAR_INSIDE and self._lost(self.line_loss[1]):
            return None, "back"
        for begins, lasts in self.stalls:
            if begins <= at + delay < begins + lasts or begins <= at < begins + lasts:
                delay += begins + lasts - max(at, begins)
        return delay, ""

    def _lost_there(self, at: float, part: Part) -> bool:
        """On the way to where the part is, or by a control that limits its answers, which tells no way."""
        if self._lost(self.near_loss) or (part is not Part.NEAR_INSIDE and self._lost(self.line_loss[0])):
            return True
        return part in self.controls and not self.controls[part].takes(at, 1)

    def _target_loses(self, at: float, kind: str, dscp: int) -> bool:
        if self.lossy_class is not None and dscp == self.lossy_class[0] and self._lost(self.lossy_class[1]):
            return True
        if kind == ProbeType.STAMP and self.reflector is not None and not self.reflector.takes(at, 1):
            return True
        if kind == ProbeType.ICMP and self.echo is not None and not self.echo.takes(at, 1):
            return True
        return self._lost(self.far_loss)

    def _lost(self, share: float) -> bool:
        return share > 0 and self.chance.random() < share


def collected(network: Network, asked: Asked = ASKED, *, baseline: bool = False) -> Evidence:
    """Return what a diagnosis sees of it, stage by stage as the plan has it."""
    world = healthy()
    known = replace(
        world,
        batches=(),
        path_mtu=None,
        expected=replace(world.expected, path_mtu=None, controls=dict(asked.controls)),
        host=HostFound(source=SOURCE, rounds=30),
        paths=None,
        rounds=None,
        baseline=world.baseline if baseline else None,
    )
    done: list[StageName] = []
    sent, elapsed = 0, 0.05
    while (stage := next_stage(asked, known, done, sent=sent, elapsed=int(elapsed * SECOND))) is not None:
        begins = max(elapsed, stage.not_before / SECOND)
        known, packets, ends = _measured(network, known, stage, begins)
        sent, elapsed = sent + packets, ends
        done.append(stage.name)
    assert sent <= 1000
    assert elapsed <= 30
    absent = {part: why for part, why in why_left_out(known).items() if not known.has(part)}
    return replace(known, not_tested=absent)


def _measured(network: Network, known: Evidence, stage: Stage, begins: float) -> tuple[Evidence, int, float]:
    """Return the evidence with what a stage saw, packets that it sent, and when it ended."""
    trains = [step for step in stage.steps if isinstance(step, Train)]
    places = sorted(
        (begins + 0.1 + (place * step.flows + flow) * step.spacing_ms / 1000 / step.flows, number, flow)
        for number, step in enumerate(trains)
        for place in range(step.count)
        for flow in range(step.flows)
    )
    fates: list[list[tuple[float, int, float | None, str]]] = [[] for _ in trains]
    for at, number, flow in places:
        step = trains[number]
        rtt, way = network.send(at, step.part, step.method.type, step.size, step.dscp)
        in_time = step.part is Part.NEAR_INSIDE or network.detour <= step.timeout_ms / 1000
        fates[number].append((at, flow, rtt if in_time else None, way))
    batches, packets, ends = [], 0, begins
    for step, fate in zip(trains, fates, strict=True):
        flows = range(step.flows) if step.part is Part.FLOWS else (None,)
        batches += [_batch(step, [one for one in fate if flow in (None, one[1])], flow) for flow in flows]
        lost = sum(rtt is None for _, _, rtt, _ in fate)
        stamp = step.method.type == ProbeType.STAMP
        packets += len(fate) + (min(MAX_CLOSING * step.flows, lost) if stamp else 0)
        waits = step.timeout_ms / 1000 if lost else max(rtt or 0 for _, _, rtt, _ in fate)
        ends = max(ends, fate[-1][0] + waits)
    ike, found = known.ike, known.path_mtu
    for other in stage.steps:
        if isinstance(other, IkeStep):
            ike = IkeFound(ports={500: IkeAnswer.ANSWERED, 4500: IkeAnswer.ANSWERED}, nat=False)
            packets += 2
        elif isinstance(other, TraceStep):
            packets += 8
        elif isinstance(other, MtuStep):
            result, cost, until = _searched(network, other, begins + 0.1)
            found, packets, ends = result or found, packets + cost, max(ends, until)
    return replace(known, batches=(*known.batches, *batches), ike=ike, path_mtu=found), packets, ends


def _batch(step: Train, fate: list[tuple[float, int, float | None, str]], flow: int | None) -> Batch:
    times = sorted(int(rtt * SECOND) for _, _, rtt, _ in fate if rtt is not None)
    deciles = quantiles(times, n=10, method="inclusive") if len(times) > 1 else times * 9
    stamp = step.method.type == ProbeType.STAMP
    ways = Counter(way for _, _, rtt, way in fate if rtt is None)
    known = stamp and bool(times)
    return Batch(
        part=step.part,
        type=step.method.type,
        address=step.address,
        window=step.window,
        at=NOW + int(fate[0][0] * SECOND),
        size=step.size,
        spacing=step.spacing_ms * MS // (1 if flow is not None else step.flows),
        dscp=step.dscp,
        source_port=None if flow is None else 40_000 + flow,
        sent=len(fate),
        answered=len(times),
        answers="".join("0" if rtt is None else "1" for _, _, rtt, _ in fate),
        forward_lost=ways["there"] if known else None,
        reverse_lost=ways["back"] if known else None,
        rtt_min=times[0] if times else None,
        rtt_p50=int(deciles[4]) if times else None,
        rtt_p90=int(deciles[8]) if times else None,
        sources={SOURCE: len(times)} if stamp else {},
    )


def _searched(network: Network, step: MtuStep, at: float) -> tuple[PathMtuFound | None, int, float]:
    """Search for the path MTU as MtuRun does; what exceeds 1446 bytes our gateway answers with a word."""
    search, replies, told = MtuSearch(low=576, high=MTU_HIGH, floor=_SMALL), 0, False
    began, several = at, at_once(int(network.detour * SECOND))
    at += network.detour
    while not isinstance(found := search.next(at_once=several), PathMtu):
        if several > 1 and len(search.probes) + found.packets > step.packets - 4:
            several = 1
            continue
        if len(search.probes) + found.packets > step.packets - 4 or at - began > step.within / SECOND:
            return None, len(search.probes) + 2, at
        first = len(search.probes)
        for large in found.tries * found.sizes:
            for size in (large, None):
                probe = search.record(size=size)
                if probe.size > 1446:
                    search.too_big(probe, 1446)
                    told = True
                    continue
                rtt, way = network.send(at, Part.METHODS, step.method.type, probe.size)
                replies += way != "there"
                if rtt is not None:
                    search.answered(probe, reply=replies + 7, whole=True)
            at += 0.005
            largest = (each for each in search.probes[first:] if each.size == max(found.sizes))
            if not network.detour and any(probe.answered for probe in largest):
                break
        at += 1.25 * network.detour
        silent = any(not probe.answered for probe in search.probes[first:] if probe.companion)
        at += 0.1 if silent else 0.017
    if found.forward is None:
        return None, len(search.probes) + 2, at
    smaller = found.reverse is not None and found.reverse < found.forward
    result = PathMtuFound(
        forward=found.forward,
        reverse=found.reverse if smaller else None,
        forward_told=told and found.too_big if found.forward < MTU_HIGH else None,
    )
    return result, len(search.probes) + 2, at
