"""What a diagnosis measures next: its budget, and what follows from what is known."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product
from types import MappingProxyType
from typing import Any

import pytest

from ipsecping.collector.plan import LEAST, next_stage, why_left_out
from ipsecping.collector.steps import (
    SECOND,
    Asked,
    IkeStep,
    Method,
    MtuStep,
    OversizedStep,
    PausesStep,
    Stage,
    StageName,
    TraceStep,
    Train,
)
from ipsecping.collector.trains import CODE_POINTS
from ipsecping.contract import ProbeType
from ipsecping.contract.bounds import DIAGNOSIS_BIT_RATE, DIAGNOSIS_PACKETS
from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.evidence import Batch, NameAnswer, NamesFound, PathMtuFound

MS = 1_000_000
TARGET = "10.50.1.10"
STAMP = Method(type=ProbeType.STAMP, port=862)
ICMP = Method(type=ProbeType.ICMP)
ECHO = Method(type=ProbeType.UDP_ECHO, port=7)
TCP = Method(type=ProbeType.TCP, port=443)
CONTROLS = {Part.FAR_INSIDE: "10.50.1.1", Part.NEAR_INSIDE: "10.99.0.2", Part.GATEWAY: "192.0.2.1"}
CHOICES = [
    Asked(host=TARGET, methods=methods, controls=MappingProxyType(controls))
    for methods, controls in product(
        [(STAMP, ECHO, ICMP, TCP), (STAMP, ICMP), (ICMP,), (replace(STAMP, assumed=True), ICMP)],
        [CONTROLS, {}],
    )
]
LONG = [replace(each, long=True) for each in (CHOICES[0], CHOICES[5])]
ALL, PAIR = CHOICES[0], CHOICES[2]


def batches(train: Train, share: float) -> list[Batch]:
    """As if that share of each flow's packets had been answered."""
    answered = round(train.count * share)
    return [
        Batch(
            part=train.part,
            type=train.method.type,
            address=train.address,
            window=train.window,
            at=0,
            size=train.size,
            spacing=train.spacing_ms * 1_000_000,
            dscp=train.dscp,
            source_port=61_000 + flow,
            sent=train.count,
            answered=answered,
        )
        for flow in range(train.flows)
    ]


def played(
    asked: Asked,
    share: float,
    *,
    odd: Part | None = None,
    known: Evidence | None = None,
    cost: Callable[[Stage], int] = lambda stage: stage.packets,
) -> list[tuple[int, Stage]]:
    """The stages with the times at which they begin, each as long and as costly as can be.

    `share`: packets answered, or with `odd` those of that part alone.
    """
    known = known or Evidence(at=0, path="default", target=TARGET, address=TARGET)
    stages: list[tuple[int, Stage]] = []
    sent = elapsed = 0
    while True:
        done = [stage.name for _, stage in stages]
        stage = next_stage(asked, known, done, sent=sent, elapsed=elapsed)
        if stage is None:
            return stages
        begins = max(elapsed, stage.not_before)
        stages.append((begins, stage))
        sent, elapsed = sent + cost(stage), begins + stage.time
        for step in stage.steps:
            if isinstance(step, Train):
                answered = share if odd in (None, step.part) else 1.0
                known = replace(known, batches=(*known.batches, *batches(step, answered)))


def usual(stage: Stage) -> int:
    """Packets without those that only some losses need."""
    return sum(
        step.count * step.flows if isinstance(step, Train) else step.packets // 2 for step in stage.steps
    )


def names(stages: list[tuple[int, Stage]]) -> list[StageName]:
    return [stage.name for _, stage in stages]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("asked", [*CHOICES, *LONG], ids=range(len(CHOICES) + len(LONG)))
def test_no_diagnosis_costs_more_than_its_budget(asked: Asked, share: float) -> None:
    stages = played(asked, share)
    assert sum(stage.packets for _, stage in stages) <= DIAGNOSIS_PACKETS
    assert max(stage.bits_per_second for _, stage in stages) <= DIAGNOSIS_BIT_RATE
    assert max(begins + stage.time for begins, stage in stages) <= asked.time
    assert all(later >= earlier + one.time for (earlier, one), (later, _) in pairwise(stages))


@pytest.mark.parametrize("silent", [None, Part.METHODS], ids=["all", "the target"])
@pytest.mark.parametrize("asked", CHOICES, ids=range(len(CHOICES)))
def test_where_nothing_answers_two_looks_suffice_and_half_of_the_time(
    asked: Asked, silent: Part | None
) -> None:
    stages = played(asked, 0.0, odd=silent)
    assert names(stages) == [StageName.LOOK, StageName.CONFIRM]
    assert max(begins + stage.time for begins, stage in stages) <= asked.time // 2


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("asked", CHOICES, ids=range(len(CHOICES)))
def test_what_decides_is_seen_again_five_seconds_later(asked: Asked, share: float) -> None:
    begins, stage = played(asked, share)[-1]
    assert stage.name is StageName.CONFIRM
    assert begins >= 5 * SECOND
    again = [step for step in stage.steps if isinstance(step, Train)]
    assert all(step.window == 2 for step in again)
    assert {step.part for step in again} == {Part.METHODS, *asked.controls}


@pytest.mark.parametrize("asked", CHOICES, ids=range(len(CHOICES)))
def test_where_all_is_well_one_look_suffices(asked: Asked) -> None:
    assert names(played(asked, 1.0)) == [StageName.LOOK]


@pytest.mark.parametrize("share", [0.95, 1.0])
@pytest.mark.parametrize("asked", LONG, ids=range(len(LONG)))
def test_pauses_come_last_and_only_where_something_answers(asked: Asked, share: float) -> None:
    *_, (_, stage) = played(asked, share)
    assert stage.name is StageName.PAUSES
    (step,) = stage.steps
    assert isinstance(step, PausesStep)
    assert [pause // SECOND for pause in step.pauses] == [0, 5, 20, 60, 120]
    assert StageName.PAUSES not in names(played(asked, 0.0))


def test_the_first_look_asks_everything_that_was_named() -> None:
    ((_, stage),) = played(ALL, 1.0)
    trains = [step for step in stage.steps if isinstance(step, Train)]
    assert {step.method for step in trains if step.part is Part.METHODS} == {STAMP, ECHO, ICMP, TCP}
    assert {step.part: step.address for step in trains if step.part in CONTROLS} == CONTROLS
    assert {step.dscp for step in trains if step.part is Part.CLASSES} == set(CODE_POINTS)
    assert {step.address for step in stage.steps if isinstance(step, IkeStep)} == {"192.0.2.1"}
    assert {step.method for step in stage.steps if isinstance(step, TraceStep)} >= {STAMP, ECHO, ICMP, TCP}
    assert [step.method for step in stage.steps if isinstance(step, MtuStep)] == [STAMP]


def test_the_first_errors_there_are_tell_the_traces_of_what_was_named() -> None:
    """Linux sends two ICMP errors to an address at once, and one each other second."""
    assumed = replace(STAMP, assumed=True)
    ((_, stage),) = played(replace(ALL, methods=(assumed, ECHO, ICMP, TCP)), 1.0)
    first = stage.steps[:4]
    assert [step.method for step in first if isinstance(step, TraceStep)] == [ECHO, ICMP, TCP, assumed]


def test_silence_is_certain_after_the_first_look_by_icmp_alone() -> None:
    ((_, stage), *_) = played(CHOICES[5], 1.0)
    (train,) = (step for step in stage.steps if isinstance(step, Train))
    assert train.count >= 20
    assert (train.count - 1) * train.spacing_ms >= 1000


def test_loss_is_looked_into_before_it_is_confirmed() -> None:
    assert names(played(PAIR, 0.95, cost=usual)) == [
        StageName.LOOK,
        StageName.SIZES,
        StageName.LOW_RATE,
        StageName.RATE,
        StageName.CONFIRM,
    ]


def after(asked: Asked, *seen: Batch, done: tuple[StageName, ...]) -> Stage | None:
    """What is measured after these stages of which so much was seen."""
    sizes = PathMtuFound(forward=1446, reverse=None)
    flows = [lossy(Part.FLOWS, 3, 0, source_port=61_000 + flow) for flow in range(16)]
    classes = [lossy(Part.CLASSES, 16, 0, dscp=dscp) for dscp in CODE_POINTS]
    looked = (*flows, *classes, *seen)
    known = Evidence(at=0, path="default", target=TARGET, address=TARGET, batches=looked, path_mtu=sizes)
    return next_stage(asked, known, done, sent=400, elapsed=12 * SECOND)


def lossy(part: Part, sent: int, lost: int, *, apart: int = 50, delay: int = 1, **fields: Any) -> Batch:
    """A batch whose packets were so many milliseconds apart, and so many on the way."""
    return Batch(
        part=part,
        type=ProbeType.STAMP,
        address=TARGET,
        at=0,
        size=100,
        spacing=apart * MS,
        sent=sent,
        answered=sent - lost,
        rtt_min=MS,
        rtt_p50=delay * MS,
        rtt_p90=delay * MS,
        **fields,
    )


FIRST = lossy(Part.METHODS, 40, 3)
RATED = (StageName.LOOK, StageName.LOW_RATE, StageName.RATE)
CALM = lossy(Part.RATES, 24, 0)
FAR_SIDE = lossy(Part.FAR_INSIDE, 20, 0)


@pytest.mark.parametrize(
    ("high", "then"),
    [
        (lossy(Part.RATES, 96, 0, apart=10, delay=90), StageName.RATE_AGAIN),
        (lossy(Part.RATES, 96, 40, apart=10), StageName.RATE_AGAIN),
        (lossy(Part.RATES, 96, 0, apart=10, delay=2), StageName.PEAK_RATE),
        (lossy(Part.RATES, 96, 4, apart=10, delay=2), StageName.CONFIRM),
    ],
    ids=[
        "it costs delay",
        "it costs packets",
        "it costs nothing, and the first look lost some",
        "as any other",
    ],
)
def test_what_a_rate_costs_decides_what_is_measured_next(high: Batch, then: StageName) -> None:
    stage = after(PAIR, FIRST, CALM, high, FAR_SIDE, done=RATED)
    assert stage is not None
    assert stage.name is then


def test_the_far_gateway_is_asked_at_the_rate_that_costs_packets_but_not_where_a_queue_fills() -> None:
    done = (*RATED, StageName.RATE_AGAIN)
    high = lossy(Part.RATES, 96, 40, apart=10)
    stage = after(PAIR, FIRST, CALM, high, FAR_SIDE, done=done)
    assert stage is not None
    (train,) = (step for step in stage.steps if isinstance(step, Train))
    assert (stage.name, train.address) == (StageName.CONTROL_RATE, CONTROLS[Part.FAR_INSIDE])
    assert (train.size, train.spacing_ms) == (200, 10)
    queued = replace(high, rtt_p50=90 * MS, rtt_p90=90 * MS)
    for asked, seen in ((PAIR, queued), (CHOICES[3], high)):
        other = after(asked, FIRST, CALM, seen, FAR_SIDE, done=done)
        assert other is not None
        assert other.name is StageName.CONFIRM


def test_classes_are_compared_below_the_rate_that_costs_packets() -> None:
    """A full queue drops of all classes, which hides that one loses more."""
    high = lossy(Part.RATES, 96, 40, apart=10)
    classes = [lossy(Part.CLASSES, 16, 5, dscp=dscp) for dscp in CODE_POINTS]
    stage = after(PAIR, FIRST, CALM, high, *classes, done=(*RATED, StageName.RATE_AGAIN))
    assert stage is not None
    trains = [step for step in stage.steps if isinstance(step, Train)]
    assert stage.name is StageName.CLASSES
    assert sum(train.flows * 1000 / train.spacing_ms for train in trains) <= 25
    assert {train.window for train in trains} == {2}


def test_our_own_gateway_is_asked_beside_a_high_rate_and_nobody_beside_a_low_one() -> None:
    beside = {
        stage.name: [step.part for step in stage.steps if isinstance(step, Train)]
        for _, stage in played(PAIR, 0.95, cost=usual)
    }
    assert beside[StageName.LOW_RATE] == [Part.RATES]
    assert beside[StageName.RATE] == [Part.RATES, Part.NEAR_INSIDE]


def test_a_silent_target_has_no_classes_or_rates_to_compare() -> None:
    assert names(played(ALL, 0.0)) == [StageName.LOOK, StageName.CONFIRM]


@pytest.mark.parametrize("asked", CHOICES)
def test_packets_of_the_links_size_are_for_a_silent_target_alone(asked: Asked) -> None:
    """Some 5 s after the first look, beside what confirms it, so that they cost no time."""
    (_, look), (_, confirm) = played(asked, 0.0)
    assert not [step for step in look.steps if isinstance(step, OversizedStep)]
    (oversized,) = (step for step in confirm.steps if isinstance(step, OversizedStep))
    assert confirm.time > oversized.time
    assert oversized.packets >= 3
    for share in (0.5, 0.95, 1.0):
        steps = [step for _, stage in played(asked, share) for step in stage.steps]
        assert not [step for step in steps if isinstance(step, OversizedStep)]


@pytest.mark.parametrize("part", [Part.FLOWS, Part.CLASSES])
def test_loss_of_some_ports_or_classes_alone_is_looked_into(part: Part) -> None:
    assert StageName.RATE in names(played(PAIR, 0.5, odd=part, cost=usual))


def test_loss_of_a_control_alone_is_no_reason_to_go_on() -> None:
    assert names(played(PAIR, 0.5, odd=Part.FAR_INSIDE)) == [StageName.LOOK]


def test_silent_icmp_beside_another_method_is_no_reason_to_go_on() -> None:
    (_, look), *_ = played(PAIR, 1.0)
    found: list[Batch] = []
    for step in look.steps:
        if isinstance(step, Train):
            found += batches(step, 0.0 if step.method == ICMP else 1.0)
    known = Evidence(at=0, path="default", target=TARGET, address=TARGET, batches=tuple(found))
    assert next_stage(PAIR, known, [StageName.LOOK], sent=0, elapsed=2 * SECOND) is None


@pytest.mark.parametrize("controls", [CONTROLS, {Part.FAR_INSIDE: "10.50.1.1"}])
def test_a_small_loss_gets_its_packets_at_the_target_and_at_each_control(controls: dict[Part, str]) -> None:
    """Of what a usual diagnosis has sent by then: some 450 packets."""
    asked = Asked(host=TARGET, methods=(STAMP, ICMP), controls=MappingProxyType(controls))
    known = Evidence(at=0, path="default", target=TARGET, address=TARGET)
    look = next_stage(asked, known, [], sent=0, elapsed=0)
    assert look is not None
    found = [each for step in look.steps if isinstance(step, Train) for each in batches(step, 0.95)]
    before = [name for name in StageName if name is not StageName.CONFIRM]
    known = replace(known, batches=tuple(found))
    last = next_stage(asked, known, before, sent=450, elapsed=13 * SECOND)
    assert last is not None
    counts = {step.part: step.count for step in last.steps if isinstance(step, Train) and step.count > 20}
    assert set(counts) == {Part.METHODS, *controls}
    # The gateway's public address tells less of where it is lost.
    inside = {count for part, count in counts.items() if part is not Part.GATEWAY}
    assert len(inside) == 1
    assert min(inside) >= 125


def test_classes_and_rates_are_spread_over_source_ports() -> None:
    """One port of each could be a dead one, and the class or the rate look guilty."""
    trains = [step for _, stage in played(PAIR, 0.95) for step in stage.steps if isinstance(step, Train)]
    assert all(train.flows > 1 for train in trains if train.part in (Part.CLASSES, Part.RATES))


@pytest.mark.parametrize("answer", [NameAnswer.NO_SUCH_NAME, NameAnswer.FAILED])
def test_without_an_address_nothing_is_sent(answer: NameAnswer) -> None:
    known = Evidence(at=0, path="default", target="db.example", address=None, names=NamesFound(answer=answer))
    assert not played(ALL, 1.0, known=known)
    assert why_left_out(known)[Part.FLOWS] == "the target has no address"


def test_why_a_part_was_left_out() -> None:
    known = Evidence(at=0, path="default", target=TARGET, address=TARGET)
    assert why_left_out(known)[Part.RATES] == "nothing could be sent to the target"
    train = next(step for _, stage in played(PAIR, 1.0) for step in stage.steps if isinstance(step, Train))
    for share, why in ((0.0, "the target is silent"), (1.0, "nothing was lost")):
        assert why_left_out(replace(known, batches=tuple(batches(train, share))))[Part.RATES] == why


def test_late_the_second_look_is_left_out_rather_than_begun() -> None:
    (_, look), *_ = played(PAIR, 0.0)
    found = [each for step in look.steps if isinstance(step, Train) for each in batches(step, 0.0)]
    known = Evidence(at=0, path="default", target=TARGET, address=TARGET, batches=tuple(found))
    assert next_stage(PAIR, known, [StageName.LOOK], sent=300, elapsed=25 * SECOND) is None
    most = DIAGNOSIS_PACKETS - LEAST
    assert next_stage(PAIR, known, [StageName.LOOK], sent=most, elapsed=8 * SECOND) is None
