"""What a diagnosis says beside its findings: what looks like a fault and is none, and what is not judged."""

from collections.abc import Iterator, Sequence

from ..contract import ProbeType
from . import facts_packet, facts_reach, statistics
from .evidence import Part
from .fact import FactName
from .facts import Facts
from .facts_loss import LEAST_LOST
from .reading import PLACES, Reading
from .symptom import Symptom, SymptomKind
from .symptoms import icmp_limited, rounds_unharmed, windows_disagree
from .tally import lost_of


def notes(reading: Reading, known: Facts, found: Sequence[Symptom], *, undecided: bool) -> Iterator[str]:
    """Return one sentence each; `undecided`: some finding is not proven, so that controls may tell more."""
    kinds = {symptom.kind for symptom in found}
    yield from _impossible(reading, kinds)
    if undecided:
        yield from _uncontrolled(reading, kinds)
    yield from _masked(known, kinds)
    if (hidden := facts_packet.size_hidden(reading)) is not None:
        yield f"The path MTU that was found is not judged: {hidden}. Repeat the search once that is repaired."
    yield from _renamed(known, kinds)
    yield from _transient(reading, known)
    yield from _harmless(reading, known, kinds)
    yield from _hints(reading, known, kinds)
    yield from _arrivals(reading)
    yield from _runs(reading, kinds)
    yield from _other_paths(reading, kinds)


def _impossible(reading: Reading, kinds: set[SymptomKind]) -> Iterator[str]:
    """What was asked for and could not be measured: who misses it has to know why."""
    evidence = reading.evidence
    asked = [part for part in evidence.expected.controls if not evidence.has(part)]
    if not kinds and not evidence.has(Part.METHODS):
        asked.insert(0, Part.METHODS)
    by_reason: dict[str, list[str]] = {}
    for part in asked:
        if (why := evidence.not_tested.get(part)) is not None:
            said = "the target" if part is Part.METHODS else reading.named(part)
            by_reason.setdefault(why, []).append(said)
    for why, said_of in by_reason.items():
        yield f"Nothing is known of {', '.join(said_of)}: {why}."


_HALVED = frozenset({SymptomKind.SILENT, SymptomKind.LOSS})


def _uncontrolled(reading: Reading, kinds: set[SymptomKind]) -> Iterator[str]:
    """What would tell more."""
    absent = [
        part for part in (Part.FAR_INSIDE, Part.NEAR_INSIDE) if part not in reading.evidence.expected.controls
    ]
    if absent and kinds & _HALVED:
        said = " and ".join(f"{PLACES[part]} ({_OPTIONS[part]})" for part in absent)
        yield (
            f"Name {said} and diagnose again: each address halves the number of possible causes "
            "(docs/diagnosis.md)."
        )


_OPTIONS = {
    Part.FAR_INSIDE: "--far-inside, or in a check spec.tunnel.controls.farInside",
    Part.NEAR_INSIDE: "--near-inside, or in a check spec.tunnel.controls.nearInside",
}


def _masked(known: Facts, kinds: set[SymptomKind]) -> Iterator[str]:
    """Behind what is dead nothing is well: it is not tested."""
    if known[FactName.PROBER_UNFIT].value:
        yield "Losses and delays are not judged, because the measurement itself was disturbed."
    elif SymptomKind.FAR_SILENT in kinds:
        yield "Not tested, because the far gateway is silent: the target's host and its responder."
    elif SymptomKind.SILENT in kinds:
        yield "Not tested, because nothing is answered: sizes, loss, delay and the responder."


def _renamed(known: Facts, kinds: set[SymptomKind]) -> Iterator[str]:
    if known[FactName.ADDRESS_CHANGED].value and kinds & {SymptomKind.SILENT, SymptomKind.METHOD_SILENT}:
        yield f"{_capital(known[FactName.ADDRESS_CHANGED].text)}. Is that the right host?"


def _transient(reading: Reading, known: Facts) -> Iterator[str]:
    windows = windows_disagree(reading)
    if windows is not None and any(
        known[name].value for name in (FactName.LOSS_BY_RATE, FactName.DELAY_BY_RATE)
    ):
        first, second = windows
        yield f"The first look sends more packets at once: {first.said}; then {second.said}."
    elif windows is not None:
        first, second = windows
        yield f"It did not last: first {first.said}, then {second.said}. What is over is not explained."
        rounds, outages = reading.evidence.rounds or (), reading.evidence.outages or ()
        bad = sum("0" in past.answers for past in rounds)
        if rounds or outages:
            ended = "1 outage" if len(outages) == 1 else f"{len(outages)} outages"
            yield f"Before: {ended}, and {bad} of the last {len(rounds)} rounds lost packets."


def _harmless(reading: Reading, known: Facts, kinds: set[SymptomKind]) -> Iterator[str]:
    lossy = reading.lossy
    if 0 < lossy.lost < LEAST_LOST and SymptomKind.LOSS not in kinds:
        yield f"{lossy.lost} of {lossy.sent} packets was not answered, which may be chance."
    if facts_reach.icmp_is_filtered(reading):
        yield "Only ICMP is not answered: it is filtered, which is no fault of the tunnel."
    total = reading.methods.get(ProbeType.ICMP)
    if (before := rounds_unharmed(reading)) is not None and total is not None:
        yield (
            f"ICMP: {lost_of(total.lost, total.sent)}, while the rounds before, which send fewer a second, "
            f"lost 0 of {before.sent}. Something limits the rate of ICMP, which is no fault."
        )
    elif icmp_limited(reading) and total is not None:
        yield (
            f"Only ICMP loses packets: {lost_of(total.lost, total.sent)}. Something limits its rate, "
            "which is no fault."
        )
    together = known[FactName.STALLED_TOGETHER]
    if together.value and SymptomKind.QUEUE not in kinds:
        yield (
            f"{_capital(together.text)}: this host, or the machine it runs on, was stalled, so this is "
            "not counted as a queue."
        )
    first = facts_packet.first_lost(reading)
    if first is not None and SymptomKind.FIRST_LOST not in kinds:
        yield f"{_capital(first[2])}: the tunnel is set up on demand, which is no fault."
    for part, kind in (
        (Part.FAR_INSIDE, SymptomKind.FAR_SILENT),
        (Part.NEAR_INSIDE, SymptomKind.NEAR_SILENT),
    ):
        control = reading.control(part)
        if control is not None and not control.answered and kind not in kinds:
            named, baseline = _capital(reading.named(part)), reading.evidence.baseline
            if baseline is not None and part in baseline.silent:
                yield f"{named} proves nothing: it did not answer before either. Choose one that answers."
            elif baseline is not None and part in baseline.controls:
                yield (
                    f"{named} is silent, although it answered when the path was healthy; but packets get "
                    "past it."
                )
            else:
                yield f"{named} is silent, which proves nothing here: choose a control that answers."


def _hints(reading: Reading, known: Facts, kinds: set[SymptomKind]) -> Iterator[str]:
    found, host = reading.evidence.path_mtu, reading.evidence.host
    if SymptomKind.IN_CLEAR in kinds or found is None or found.forward is None or host is None:
        return
    size = found.forward
    if host.link_mtu is not None and size >= host.link_mtu and reading.target.answered:
        yield (
            f"The path MTU ({size}) is that of our own link, although encryption takes at least 50 bytes of "
            "each packet. So packets may travel unencrypted, which this does not prove: look at ip xfrm "
            "policy on our gateway."
        )
    if known[FactName.LARGE_LOST_UNTOLD].value and not kinds & _TOO_SMALL:
        yield (
            f"Packets larger than {size} bytes are lost without an ICMP error, but the path MTU is as it "
            "should be."
        )


def _arrivals(reading: Reading) -> Iterator[str]:
    """How packets arrive, where it is not as they left; nothing of it is a fault by itself."""
    baseline = reading.evidence.baseline
    before = None if baseline is None else baseline.ttl_seen
    seen = sorted({batch.ttl_seen for batch in reading.batches if batch.ttl_seen is not None})
    if before is not None and seen and before not in seen:
        yield f"Our packets arrive with TTL {seen[0]}, before with {before}: they take another route inside."
    changed = [batch for batch in reading.evidence.batches if batch.dscp_seen not in (None, batch.dscp)]
    if changed:
        yield f"DSCP {changed[0].dscp} arrives as {changed[0].dscp_seen}: it is rewritten on the way."
    marked = sum(batch.congestion_marks for batch in reading.batches)
    if marked:
        yield f"{marked} packets arrived with an ECN mark: a queue on the way is nearly full."


def _runs(reading: Reading, kinds: set[SymptomKind]) -> Iterator[str]:
    clustered = [batch for batch in reading.measured if batch.answers and statistics.clustered(batch.answers)]
    if SymptomKind.LOSS in kinds and clustered:
        longest = max(len(run) for batch in clustered for run in (batch.answers or "").split("1"))
        yield (
            f"Packets are lost in runs, up to {longest} in a row, not one by one: something interrupts the "
            "path for moments (a link that flaps, a rekeying, a full queue)."
        )


def _other_paths(reading: Reading, kinds: set[SymptomKind]) -> Iterator[str]:
    others = [path for path in reading.evidence.paths or () if path.sent]
    if (
        SymptomKind.LOSS in kinds
        and others
        and all(path.sent - path.answered >= LEAST_LOST for path in others)
    ):
        lost = ", ".join(f"{path.name} {path.sent - path.answered} of {path.sent}" for path in others)
        yield f"All paths lose packets ({lost}): look first at what they share, our side and the target."


_TOO_SMALL = frozenset({SymptomKind.MTU_UNTOLD, SymptomKind.MTU_LOWER})


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
