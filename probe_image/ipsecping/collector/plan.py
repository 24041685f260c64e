"""What to measure next, given what is known: a stage, or nothing more. Pure; holds the budget of steps.py."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ..contract import ProbeType
from ..contract.bounds import DIAGNOSIS_PACKETS, MAX_CLOSING
from ..diagnosis import statistics
from ..diagnosis.evidence import Batch, Evidence, NameAnswer, Part
from ..diagnosis.tally import part_of, tally
from . import rate_stages
from .steps import (
    BURST,
    BURST_SPACING_MS,
    MAX_TIME,
    MTU_TIME,
    SECOND,
    TIMEOUT_MS,
    TRACED,
    Asked,
    IkeStep,
    Method,
    MtuStep,
    OversizedStep,
    PausesStep,
    Stage,
    StageName,
    Step,
    TraceStep,
    Train,
)
from .trains import ICMP, class_trains, flow_train, main_method, method_of_controls, train

SECOND_LOOK = 11 * SECOND // 2
"""What decides is seen again, so long after the beginning at least."""
RESERVE = 2 * SECOND
"""Of the whole time, for what takes longer than planned."""
PATIENT_MS = 4000
"""A router says that a host is away once it has asked for its link address for 3 s (RFC 4861 section 10)."""
FIRST_MS = 2500
"""So long the first look waits for answers, of which nothing is known yet: over satellites they take 1.3 s.
Even so it is over before the second look."""
WANTED = 200
"""Packets to the target and to each control that tell where a small loss is; as many as the budget has."""
LEAST = 20
SUSPECTED = 0.2
"""Chance below which a class is looked at again."""
SIZES_PACKETS = 124
"""Of a search for the path MTU that the first look's did not suffice for."""
MTU_TURNS = 12
"""Round trips of it, where some sizes vanish: each is known to have, a quarter of a round trip later. The
longer they are, the more sizes are tried in one."""
_FOUND = (NameAnswer.RESOLVED, NameAnswer.ADDRESS)
SPREAD = 5_000_000
"""Nanoseconds from the least delay to the 90th percentile, above which delays are looked into."""
_FIRST: Mapping[str, tuple[int, int]] = {
    ProbeType.STAMP: (40, 40),
    ProbeType.ICMP: (20, 80),
    ProbeType.UDP_ECHO: (20, 80),
    ProbeType.TCP: (10, 160),
}
"""Packets of the first look and milliseconds between them: for over a second, so that silence is sure."""
_DENSE_MS = 50
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
    patience = _patience_ms(known)
    pauses = _pauses(asked, known) if asked.long and StageName.PAUSES not in done else None
    left = DIAGNOSIS_PACKETS - sent - (pauses.packets if pauses else 0)
    for name in _wanted(known):
        if name in done:
            continue
        match name:
            case StageName.CONFIRM:
                made = _confirm_with_sizes(asked, known, left, elapsed)
            case StageName.SIZES:
                made = _sizes(asked, known, elapsed)
            case _:
                made = _MAKERS[name](asked, known)
        if made is None:
            continue
        stage = _waiting(made, patience)
        kept = 0 if name is StageName.CONFIRM else LEAST * (len(asked.methods) + len(asked.controls))
        ends = max(elapsed, stage.not_before) + stage.time
        if stage.packets + kept <= left and ends <= MAX_TIME - RESERVE:
            return stage
    return _waiting(pauses, patience) if pauses and _answered(known) else None


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
    left_out = dict.fromkeys((Part.FLOWS, Part.CLASSES, Part.RATES, Part.CONTROL_RATE), why)
    if part_of(known, Part.RATES):
        left_out[Part.CONTROL_RATE] = "no rate cost packets, or the far gateway's inside address is not known"
    left_out[Part.PATH_MTU] = "the target is silent" if known.address else why
    left_out[Part.OVERSIZED] = (
        "the target is not silent" if tally(part_of(known, Part.METHODS)).answered else why
    )
    return MappingProxyType(left_out)


def _wanted(known: Evidence) -> tuple[StageName, ...]:
    first = part_of(known, Part.METHODS, 1)
    if known.names is not None and known.names.answer not in _FOUND:
        return ()
    if not first:
        return ()
    if not tally(first).answered:
        return (StageName.CONFIRM,)
    sizes = (StageName.SIZES,)
    slow = sizes if _search_time(known) > MTU_TIME else ()  # it takes long, so what decides comes first
    if not _odd(known):
        return slow
    if _all_or_nothing(first) and not _variant_losses(known):
        return (StageName.CONFIRM, *slow)
    return (*_MAKERS, StageName.CONFIRM, *slow) if slow else (*sizes, *_MAKERS, StageName.CONFIRM)


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
    steps += [train(Part.METHODS, method, address, *first_packets(method)) for method in asked.methods]
    icmp = method_of_controls(asked)
    steps += [train(part, icmp, control, *_FIRST[ICMP.type]) for part, control in asked.controls.items()]
    steps += _variants(asked.methods, address)
    if (gateway := asked.controls.get(Part.GATEWAY)) is not None:
        steps += [IkeStep(address=gateway), TraceStep(method=icmp, address=gateway)]
    steps += [MtuStep(method=method, address=address) for method in _searching(asked)]
    return _waiting(Stage(name=StageName.LOOK, steps=tuple(steps)), FIRST_MS)


def _patience_ms(known: Evidence) -> int:
    """How long answers are waited for, by how long they have taken."""
    return min(max(TIMEOUT_MS, 2 * _slowest(known) // 1_000_000), PATIENT_MS)


def _slowest(known: Evidence) -> int:
    """Nanoseconds that answers take; 0: there were none."""
    return max((batch.rtt_p90 or 0 for batch in known.batches), default=0)


def _waiting(stage: Stage, least_ms: int) -> Stage:
    """The stage, whose steps wait for their answers for so long at least."""
    return replace(stage, steps=tuple(_waits(step, least_ms) for step in stage.steps))


def _waits(step: Step, least_ms: int) -> Step:
    if isinstance(step, PausesStep):
        return replace(step, train=replace(step.train, timeout_ms=max(step.train.timeout_ms, least_ms)))
    if isinstance(step, Train | TraceStep | MtuStep):
        return replace(step, timeout_ms=max(step.timeout_ms, least_ms))
    return step


def first_packets(method: Method) -> tuple[int, int]:
    """Return how many packets the first look sends by a method, and milliseconds between them."""
    return CONVERSATIONS if method.converses else _FIRST[method.type]


def _variants(methods: Sequence[Method], address: str) -> Iterator[Train]:
    """Yield a few packets from many ports and in several classes, which may fare unlike the others."""
    usual = (ProbeType.STAMP, ProbeType.UDP_ECHO)
    method = next((method for method in methods if method.type in usual), None)
    if method is not None:
        yield flow_train(method, address)
        yield from class_trains(method, address)


def _searching(asked: Asked) -> Iterator[Method]:
    """Yield those by which the path MTU is searched: the first one that somebody named, and those before."""
    for method in asked.methods:
        if method.is_datagram:
            yield method
            if not method.assumed:
                return


def _sizes(asked: Asked, known: Evidence, elapsed: int) -> Stage | None:
    """Where the first search did not come to its end: lost packets make it longer, and late answers."""
    if known.path_mtu is not None or known.address is None:
        return None
    step = MtuStep(
        method=main_method(asked, known),
        address=known.address,
        most=SIZES_PACKETS,
        timeout_ms=_patience_ms(known),
    )
    left = MAX_TIME - RESERVE - elapsed - (step.time - step.within)
    within = min(_search_time(known), max(left, MTU_TIME))
    return Stage(name=StageName.SIZES, steps=(replace(step, within=within),))


def _search_time(known: Evidence) -> int:
    """Nanoseconds that a search for the path MTU may take, each size of which takes a round trip."""
    return max(MTU_TIME, MTU_TURNS * _slowest(known))


def _flows(asked: Asked, known: Evidence) -> Stage | None:
    """Where one of the ports seems to lose more than chance has it."""
    method = main_method(asked, known)
    if method.type == ProbeType.ICMP or known.address is None:
        return None
    found = part_of(known, Part.FLOWS)
    if found and not any(batch.lost > 1 for batch in found):
        return None
    return Stage(name=StageName.FLOWS, steps=(flow_train(method, known.address),))


def _classes(asked: Asked, known: Evidence) -> Stage | None:
    """Where one of the classes seems to, or where it could not show."""
    assert known.address is not None
    found = part_of(known, Part.CLASSES)
    hidden = tally(found).lost > 0 and rate_stages.limits(known)
    if found and not hidden and not _one_is_worse(found):
        return None
    method = main_method(asked, known)
    trains = class_trains(method, known.address)
    if hidden:
        # What a queue or a limit drops of all classes alike hides what one class loses: so below that rate.
        trains = class_trains(method, known.address, sparse=True)
    return Stage(name=StageName.CLASSES, steps=tuple(trains))


def _one_is_worse(classes: Sequence[Batch]) -> bool:
    worst = max(classes, key=lambda batch: batch.lost / batch.sent)
    rest = tally(batch for batch in classes if batch is not worst)
    return worst.lost > 1 and statistics.fisher(worst.lost, worst.sent, rest.lost, rest.sent) < SUSPECTED


def _confirm_with_sizes(asked: Asked, known: Evidence, left: int, elapsed: int) -> Stage | None:
    """The second look; where answers take long and some are lost, also the path MTU at the same time: for one
    after the other there is no time. Not where a rate costs packets, which the search would cost more of."""
    sizes = _sizes(asked, known, max(elapsed, SECOND_LOOK))
    lossy = not _all_or_nothing(part_of(known, Part.METHODS, 1)) and not rate_stages.limits(known)
    if sizes is None or not (lossy and _answered(known) and _search_time(known) > MTU_TIME):
        return _confirm(asked, known, left, elapsed)
    sizes = _waiting(sizes, _patience_ms(known))
    if max(elapsed, SECOND_LOOK) + sizes.time > MAX_TIME - RESERVE:
        return _confirm(asked, known, left, elapsed)
    made = _confirm(asked, known, left - sizes.packets, elapsed)
    return None if made is None else replace(made, steps=(*made.steps, *sizes.steps))


def _confirm(asked: Asked, known: Evidence, left: int, elapsed: int) -> Stage | None:
    """All of it again; of a partial loss as much of target and controls as packets and time are left for.

    The inside addresses get as much as the target: they tell where it is lost, the public one tells little.
    """
    assert known.address is not None
    first = part_of(known, Part.METHODS, 1)
    tried = {batch.type for batch in first}
    methods = [method for method in asked.methods if method.type in tried]
    main = main_method(asked, known)
    controls = [(part, asked.controls[part]) for part in asked.controls if part_of(known, part, 1)]
    others = [method for method in methods if method != main]
    spent = sum((first_packets(each)[0] + MAX_CLOSING) * each.packets for each in others) + MAX_CLOSING
    share = (left - spent) // (1 + len(controls))
    outside = max(share // 3, LEAST)
    if Part.GATEWAY in asked.controls and share > LEAST:
        share = (left - spent - outside) // max(len(controls), 1)
    steady = _all_or_nothing(first) and not _variant_losses(known)
    many = LEAST if steady else WANTED - _FIRST[main.type][0]
    seconds = (MAX_TIME - RESERVE - max(elapsed, SECOND_LOOK)) / SECOND - 1
    count = min(many, share, max(int(seconds * 1000 / _DENSE_MS) - MAX_CLOSING, LEAST))
    if count < LEAST:
        return None
    spacing = _DENSE_MS if count > LEAST else 80
    steps = [train(Part.METHODS, main, known.address, count, spacing, window=2)]
    steps += [
        train(Part.METHODS, method, known.address, *first_packets(method), window=2) for method in others
    ]
    icmp = method_of_controls(asked)
    steps += [
        train(part, icmp, control, min(count, outside) if part is Part.GATEWAY else count, spacing, window=2)
        for part, control in controls
    ]
    if not tally(first).answered:
        steps = [replace(step, timeout_ms=PATIENT_MS) for step in steps]
        oversized = OversizedStep(method=main, address=known.address)
        return Stage(name=StageName.CONFIRM, steps=(*steps, oversized), not_before=SECOND_LOOK)
    return Stage(name=StageName.CONFIRM, steps=tuple(steps), not_before=SECOND_LOOK)


def _pauses(asked: Asked, known: Evidence) -> Stage:
    assert known.address is not None
    burst = train(Part.IDLE, main_method(asked, known), known.address, BURST, BURST_SPACING_MS)
    return Stage(name=StageName.PAUSES, steps=(PausesStep(train=burst),))


def _answered(known: Evidence) -> bool:
    return tally(part_of(known, Part.METHODS)).answered > 0


_MAKERS: Mapping[StageName, Callable[[Asked, Evidence], Stage | None]] = {
    StageName.LOW_RATE: rate_stages.low,
    StageName.RATE: rate_stages.high,
    StageName.PEAK_RATE: rate_stages.peak,
    StageName.RATE_AGAIN: rate_stages.again,
    StageName.CONTROL_RATE: rate_stages.of_control,
    StageName.CLASSES: _classes,
    StageName.FLOWS: _flows,
}
"""What is made of partial loss, in this order; each where what is known by then asks for it."""
