"""What to measure next, given what is known: a stage, or nothing more. Pure; holds the budget of steps.py."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ..contract import ProbeType
from ..contract.bounds import MAX_CLOSING
from ..contract.methods import stamp
from ..diagnosis.evidence import Batch, Evidence, NameAnswer, Part
from ..diagnosis.facts_loss import delay_by_rate
from ..diagnosis.reading import Reading
from ..diagnosis.tally import part_of, tally
from .steps import (
    BURST,
    BURST_SPACING_MS,
    MAX_PACKETS,
    MAX_TIME,
    SECOND,
    TRACED,
    Asked,
    IkeStep,
    Method,
    MtuStep,
    PausesStep,
    Stage,
    StageName,
    Step,
    TraceStep,
    Train,
)

ICMP = Method(type=ProbeType.ICMP)
SECOND_LOOK = 11 * SECOND // 2
"""What decides is seen again, so long after the beginning at least."""
RESERVE = 2 * SECOND
"""Of the whole time, for what takes longer than planned."""
PATIENT_MS = 4000
"""A router says that a host is away once it has asked for its link address for 3 s (RFC 4861 section 10)."""
WANTED = 200
"""Packets to the target and to each control that tell where a small loss is; as many as the budget has."""
LEAST = 20
_FOUND = (NameAnswer.RESOLVED, NameAnswer.ADDRESS)
CODE_POINTS = 0, 10, 26, 46
FLOWS, PACKETS_OF_FLOW = 16, 3
MIXED = 8
"""Source ports that classes and rates are spread over: else a dead port would look like a dead class."""
PACKETS_OF_CLASS = 2
LOW_RATE, HIGH_RATE = (3, 400), (8, 80)
"""Packets from each port, and milliseconds between them: 20 and 100 a second."""
SPREAD = 5_000_000
"""Nanoseconds from the least delay to the 90th percentile, above which delays are looked into."""
_RATES = StageName.RATE, StageName.RATE_AGAIN
_PAYLOAD = 56
_RATE_PAYLOAD = 172
_FIRST: Mapping[str, tuple[int, int]] = {
    ProbeType.STAMP: (40, 40),
    ProbeType.ICMP: (20, 80),
    ProbeType.UDP_ECHO: (20, 80),
    ProbeType.TCP: (10, 160),
}
"""Packets of the first look and milliseconds between them: for over a second, so that silence is sure."""
CONVERSATIONS = 2, 500
"""The same of methods that converse: what they are for is whether they are answered as they should be."""


def next_stage(
    asked: Asked, known: Evidence, done: Collection[StageName], *, sent: int, elapsed: int
) -> Stage | None:
    """Return the stage to do now; None: all is known that this diagnosis will know.

    `known`: the evidence so far; `sent`: packets so far; `elapsed`: nanoseconds since the beginning.
    """
    if known.address is None:
        return None
    if not done:
        return _look(asked, known.address)
    pauses = StageName.PAUSES if asked.long and StageName.PAUSES not in done else None
    left = MAX_PACKETS - sent - (_pauses(asked, known).packets if pauses else 0)
    for name in _wanted(known):
        if name in done:
            continue
        stage = _MAKERS[name](asked, known, left)
        if stage is None:
            continue
        kept = 0 if name is StageName.CONFIRM else LEAST * (len(asked.methods) + len(asked.controls))
        ends = max(elapsed, stage.not_before) + stage.time
        if stage.packets + kept <= left and ends <= MAX_TIME - RESERVE:
            return stage
    return _pauses(asked, known) if pauses and _answered(known) else None


def main_method(asked: Asked, known: Evidence) -> Method:
    """Return the method that tells most of those that are answered; of none answered the first."""
    methods = [method for method in asked.methods if method.is_datagram]
    to_target = (Part.METHODS, Part.FLOWS, Part.CLASSES)
    answered = {batch.type for part in to_target for batch in part_of(known, part) if batch.answered}
    return next((method for method in methods if method.type in answered), methods[0])


def why_left_out(known: Evidence) -> Mapping[Part, str]:
    """Return why parts that a diagnosis can measure were not measured."""
    if known.address is None:
        found = known.names is not None and known.names.answer in _FOUND
        why = "packets may not be sent to the target" if found else "the target has no address"
    elif not part_of(known, Part.METHODS):
        why = "nothing could be sent to the target"
    elif not tally(part_of(known, Part.METHODS)).answered:
        why = "the target is silent"
    elif not _odd(known):
        why = "nothing was lost"
    else:
        why = "no time or no packets were left for it, or no method that can tell"
    left_out = dict.fromkeys((Part.FLOWS, Part.CLASSES, Part.RATES), why)
    left_out[Part.PATH_MTU] = "the target is silent" if known.address else why
    return MappingProxyType(left_out)


def _wanted(known: Evidence) -> tuple[StageName, ...]:
    first = part_of(known, Part.METHODS, 1)
    if known.names is not None and known.names.answer not in _FOUND:
        return ()
    if not first:
        return ()
    if not tally(first).answered:
        return (StageName.CONFIRM,)
    if not _odd(known):
        return ()
    if _all_or_nothing(first) and not _variant_losses(known):
        return (StageName.CONFIRM,)
    return (StageName.FLOWS, StageName.CLASSES, StageName.LOW_RATE, *_RATES, StageName.CONFIRM)


def _odd(known: Evidence) -> bool:
    """Whether there is more to be found out than the first look shows."""
    first = part_of(known, Part.METHODS, 1)
    answered = any(batch.answered for batch in first if batch.type != ProbeType.ICMP)
    counted = [batch for batch in first if not (_silent_icmp(batch) and answered)]
    return _variant_losses(known) or any(batch.lost or _spread(batch) > SPREAD for batch in counted)


def _variant_losses(known: Evidence) -> bool:
    """Whether some of the ports or classes lose packets, and not all of them everything."""
    found = [tally(part_of(known, part)) for part in (Part.FLOWS, Part.CLASSES)]
    return any(each.lost and each.answered for each in found)


def _all_or_nothing(batches: Sequence[Batch]) -> bool:
    """Whether each method was answered wholly or not at all, and in steady time."""
    return all(batch.answered in (0, batch.sent) and _spread(batch) <= SPREAD for batch in batches)


def _silent_icmp(batch: Batch) -> bool:
    return batch.type == ProbeType.ICMP and not batch.answered


def _spread(batch: Batch) -> int:
    return 0 if batch.rtt_min is None or batch.rtt_p90 is None else batch.rtt_p90 - batch.rtt_min


def _look(asked: Asked, address: str) -> Stage:
    # Those of methods that somebody named come first: see collector.LEAD.
    traced = (method for method in asked.methods if method.type in TRACED)
    steps: list[Step] = [
        TraceStep(method=method, address=address)
        for method in sorted(traced, key=lambda method: method.assumed)
    ]
    steps += [_train(Part.METHODS, method, address, *first_packets(method)) for method in asked.methods]
    icmp = _of_controls(asked)
    steps += [_train(part, icmp, control, *_FIRST[ICMP.type]) for part, control in asked.controls.items()]
    steps += _variants(asked.methods, address)
    if (gateway := asked.controls.get(Part.GATEWAY)) is not None:
        steps += [IkeStep(address=gateway), TraceStep(method=icmp, address=gateway)]
    steps += [MtuStep(method=method, address=address) for method in _searching(asked)]
    return Stage(name=StageName.LOOK, steps=tuple(steps))


def first_packets(method: Method) -> tuple[int, int]:
    """Return how many packets the first look sends by a method, and milliseconds between them."""
    return CONVERSATIONS if method.converses else _FIRST[method.type]


def _of_controls(asked: Asked) -> Method:
    """ICMP, from where the packets to the target leave."""
    return replace(ICMP, source=asked.methods[0].source)


def _variants(methods: Sequence[Method], address: str) -> Iterator[Train]:
    """Yield a few packets from many ports and in several classes, which may fare unlike the others."""
    usual = (ProbeType.STAMP, ProbeType.UDP_ECHO)
    method = next((method for method in methods if method.type in usual), None)
    if method is not None:
        yield _flow_train(method, address)
        yield from _class_trains(method, address)


def _flow_train(method: Method, address: str) -> Train:
    return _train(Part.FLOWS, method, address, PACKETS_OF_FLOW, 300, flows=FLOWS)


def _class_trains(method: Method, address: str) -> list[Train]:
    flows = _mixed(method)
    count = PACKETS_OF_CLASS * MIXED // flows
    return [
        _train(Part.CLASSES, method, address, count, 50 * flows, dscp=dscp, flows=flows)
        for dscp in CODE_POINTS
    ]


def _mixed(method: Method) -> int:
    return 1 if method.type == ProbeType.ICMP else MIXED


def _searching(asked: Asked) -> Iterator[Method]:
    """Yield those by which the path MTU is searched: the first one that somebody named, and those before."""
    for method in asked.methods:
        if method.is_datagram:
            yield method
            if not method.assumed:
                return


def _flows(asked: Asked, known: Evidence, left: int) -> Stage | None:
    method = main_method(asked, known)
    if method.type == ProbeType.ICMP or known.address is None:
        return None
    return Stage(name=StageName.FLOWS, steps=(_flow_train(method, known.address),))


def _classes(asked: Asked, known: Evidence, left: int) -> Stage | None:
    method = main_method(asked, known)
    assert known.address is not None
    return Stage(name=StageName.CLASSES, steps=tuple(_class_trains(method, known.address)))


def _low_rate(asked: Asked, known: Evidence, left: int) -> Stage | None:
    """Alone: beside other packets it would be no low rate."""
    return _rate_stage(StageName.LOW_RATE, LOW_RATE, asked, known)


def _rate(asked: Asked, known: Evidence, left: int) -> Stage | None:
    return _rate_stage(StageName.RATE, HIGH_RATE, asked, known)


def _rate_again(asked: Asked, known: Evidence, left: int) -> Stage | None:
    """Where delays have grown: a host that stood still for an instant looks like a queue, but once only."""
    grown = delay_by_rate(Reading(known)).value
    return _rate_stage(StageName.RATE_AGAIN, HIGH_RATE, asked, known, window=2) if grown else None


def _rate_stage(
    name: StageName, rate: tuple[int, int], asked: Asked, known: Evidence, *, window: int = 1
) -> Stage | None:
    method = main_method(asked, known)
    # Hosts and routers limit how much ICMP they answer, which would look like a limit of the path.
    if method.type == ProbeType.ICMP or known.address is None:
        return None
    train = _train(
        Part.RATES, method, known.address, *rate, payload=_RATE_PAYLOAD, flows=MIXED, window=window
    )
    return Stage(name=name, steps=(train,))


def _confirm(asked: Asked, known: Evidence, left: int) -> Stage | None:
    """All of it again; of a partial loss as much of target and controls as the budget has, in equal parts."""
    assert known.address is not None
    first = part_of(known, Part.METHODS, 1)
    tried = {batch.type for batch in first}
    methods = [method for method in asked.methods if method.type in tried]
    main = main_method(asked, known)
    controls = [(part, asked.controls[part]) for part in asked.controls if part_of(known, part, 1)]
    others = [method for method in methods if method != main]
    spent = sum((first_packets(each)[0] + MAX_CLOSING) * each.packets for each in others) + MAX_CLOSING
    share = (left - spent) // (1 + len(controls))
    steady = _all_or_nothing(first) and not _variant_losses(known)
    many = LEAST if steady else WANTED - _FIRST[main.type][0]
    count = min(many, share)
    if count < LEAST:
        return None
    spacing = 50 if count > LEAST else 80
    steps = [_train(Part.METHODS, main, known.address, count, spacing, window=2)]
    steps += [
        _train(Part.METHODS, method, known.address, *first_packets(method), window=2) for method in others
    ]
    icmp = _of_controls(asked)
    steps += [_train(part, icmp, control, count, spacing, window=2) for part, control in controls]
    if not tally(first).answered:
        steps = [replace(step, timeout_ms=PATIENT_MS) for step in steps]
    return Stage(name=StageName.CONFIRM, steps=tuple(steps), not_before=SECOND_LOOK)


def _pauses(asked: Asked, known: Evidence) -> Stage:
    assert known.address is not None
    train = _train(Part.IDLE, main_method(asked, known), known.address, BURST, BURST_SPACING_MS)
    return Stage(name=StageName.PAUSES, steps=(PausesStep(train=train),))


def _answered(known: Evidence) -> bool:
    return tally(part_of(known, Part.METHODS)).answered > 0


_MAKERS: Mapping[StageName, Callable[[Asked, Evidence, int], Stage | None]] = {
    StageName.FLOWS: _flows,
    StageName.CLASSES: _classes,
    StageName.LOW_RATE: _low_rate,
    StageName.RATE: _rate,
    StageName.RATE_AGAIN: _rate_again,
    StageName.CONFIRM: _confirm,
}


def _train(
    part: Part,
    method: Method,
    address: str,
    count: int,
    spacing_ms: int,
    *,
    dscp: int | None = None,
    flows: int = 1,
    payload: int | None = None,
    window: int = 1,
) -> Train:
    usual = _PAYLOAD if method.is_datagram else 0
    if method.type == ProbeType.STAMP:
        usual = stamp.payload(signed=method.signed, source=True, dscp=True)
    return Train(
        part=part,
        method=method,
        address=address,
        count=count,
        spacing_ms=spacing_ms,
        payload=usual if payload is None else payload,
        dscp=method.dscp if dscp is None else dscp,
        flows=flows,
        window=window,
    )
