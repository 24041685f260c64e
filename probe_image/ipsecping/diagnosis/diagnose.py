"""diagnose(evidence): the smallest set of causes that explains every symptom. Pure and bounded.

Proven causes take their symptoms first; of the rest, the smallest sets of causes that are not ruled out.
What lies behind a silent control is not judged. Taking parts of the evidence away leaves more causes,
never fewer, so that it cannot raise the confidence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from ..contract import ProbeType
from ..contract.diagnosis_terms import Confidence, Direction, Outcome
from .broke import broke, since_it_broke
from .catalogue import ROWS, candidates, explains, proof, why_not
from .cause import Cause, Place
from .cover import Group, smallest_cover
from .evidence import Evidence, Hop, Part
from .fact import FactName
from .facts import Facts, facts_of
from .finding import NAMED, Diagnosis, Finding, RuledOut, Umbrella
from .in_its_name import answered_in_its_name, without_forged
from .notes import notes
from .reading import Reading
from .refused_in_part import with_refused_as_arrived
from .stood_still import lost_meanwhile, without_moments
from .symptom import GRAVITY, WARNINGS, Symptom, SymptomKind, joined
from .symptoms import symptoms, windows_disagree
from .tally import part_of, tally
from .umbrellas import BY_SYMPTOM, HALVED, STEPS, region, step_of, title_of

REST_PACKETS, REST_SHARE = 2, 0.05
"""What the proven causes leave of a loss: above both it is a symptom of its own."""
_TO_CONFIRM = frozenset({
    SymptomKind.SILENT, SymptomKind.NEAR_SILENT, SymptomKind.FAR_SILENT, SymptomKind.GATEWAY_SILENT,
    SymptomKind.PATHS_SILENT, SymptomKind.TARGET_SILENT_EVERYWHERE, SymptomKind.LOSS,
    SymptomKind.METHOD_SILENT,
})  # fmt: skip
"""Those that need to be seen in both windows."""


def diagnose(evidence: Evidence) -> Diagnosis:
    """Return what is at fault, as sure as the evidence is."""
    whole = without_forged(evidence)
    forger = None if whole is evidence else answered_in_its_name(evidence)
    evidence = since_it_broke(whole)
    meanwhile = lost_meanwhile(evidence)
    evidence = without_moments(evidence)
    reading = Reading(with_refused_as_arrived(evidence))
    known = facts_of(reading)
    found = symptoms(reading, known)
    # What a rate costs is gone where less is sent at once, and has not passed.
    by_rate = any(known[name].value for name in (FactName.LOSS_BY_RATE, FactName.DELAY_BY_RATE))
    transient = windows_disagree(reading) is not None and not by_rate
    if transient:
        found = [symptom for symptom in found if symptom.kind not in _TO_CONFIRM]
    findings = sorted(_findings(reading, known, found), key=_gravity)
    lost = reading.target.lost
    explained = min(sum(finding.lost for finding in findings if finding.causes), lost)
    return Diagnosis(
        outcome=_outcome(reading, findings, transient=transient),
        findings=tuple(findings),
        notes=(
            *_forged(forger),
            *_broke(whole),
            *_stood_still(reading, meanwhile),
            *notes(
                reading,
                known,
                found,
                undecided=any(each.confidence is not Confidence.PROVEN for each in findings),
            ),
        ),
        not_tested=_not_tested(evidence),
        sent=reading.target.sent,
        lost=lost,
        explained=explained,
    )


def _forged(forger: Hop | None) -> Iterator[str]:
    if forger is not None:
        yield (
            f"ICMP to the target is answered at hop {forger.ttl}, which cannot be the target: somebody "
            "answers in its name. Such answers do not count."
        )


def _stood_still(reading: Reading, lost: int) -> Iterator[str]:
    if lost:
        yield (
            f"{lost} packets to the target were lost while {reading.named(Part.NEAR_INSIDE)} was late or "
            "silent as well: it was stalled, or the way to it, or this host. They do not count."
        )


def _broke(whole: Evidence) -> Iterator[str]:
    if broke(whole):
        first, second = (tally(part_of(whole, Part.METHODS, window)) for window in (1, 2))
        yield (
            f"The path broke during the measurement: first {first.said}, then {second.said}. Only the "
            "latter is judged."
        )


def _outcome(reading: Reading, findings: Sequence[Finding], *, transient: bool) -> Outcome:
    reasons = {finding.reason for finding in findings}
    if Cause.MEASUREMENT_INVALID in reasons:
        return Outcome.NOT_MEASURED
    if any(not finding.warning for finding in findings):
        return Outcome.FAULT
    if transient:
        return Outcome.NOT_REPRODUCED
    return Outcome.NO_FAULT if reading.target.sent else Outcome.NOT_MEASURED


def _findings(reading: Reading, known: Facts, found: Sequence[Symptom]) -> Iterator[Finding]:
    proven = _proven(reading, known, found)
    taken = {symptom for symptoms_of in proven.values() for symptom in symptoms_of}
    for cause, its_symptoms in proven.items():
        yield _finding(reading, known, Group(tuple(its_symptoms), frozenset({cause})), proven=True)
    rest = [*(symptom for symptom in found if symptom not in taken), *_left_over(reading, known, proven)]
    possible = {symptom: candidates(symptom.kind, known) for symptom in rest}
    for symptom, causes in possible.items():
        if not causes:
            yield _finding(reading, known, Group((symptom,), frozenset()))
    for group in smallest_cover({symptom: causes for symptom, causes in possible.items() if causes}):
        yield _finding(reading, known, group)


def _proven(reading: Reading, known: Facts, found: Sequence[Symptom]) -> dict[Cause, list[Symptom]]:
    """The proven causes with the symptoms that each explains.

    A symptom is taken by one of them, but for silence of several methods that several causes refuse.
    """
    taken, methods = set[Symptom](), set[ProbeType]()
    proven: dict[Cause, list[Symptom]] = {}
    proofs = [(row, name) for row in ROWS.values() if (name := proof(row, known)) is not None]
    # What anybody may have made up explains only what nothing else is proved to.
    for row, name in sorted(proofs, key=lambda each: known[each[1]].cut_short):
        refused = known[name].methods or frozenset(reading.methods)
        kinds = {kind for each in row.explains for kind in each.kinds}
        more = _SILENCE if refused - methods else frozenset()
        if not explains(row, SymptomKind.LOSS, known):
            kinds.discard(SymptomKind.LOSS)  # that of one class is not that of all
        its = [each for each in found if each.kind in kinds and (each not in taken or each.kind in more)]
        if its:
            proven[row.cause] = its
            taken.update(its)
            methods |= refused if _SILENCE & kinds else set()
    return proven


_SILENCE = frozenset({SymptomKind.SILENT, SymptomKind.METHOD_SILENT})


def _left_over(
    reading: Reading, known: Facts, proven: Mapping[Cause, Sequence[Symptom]]
) -> Iterator[Symptom]:
    """What a refusal of some methods leaves unexplained: silence of the others."""
    explained = set[ProbeType]()
    for cause, its in proven.items():
        name = proof(ROWS[cause], known)
        methods = None if name is None else known[name].methods
        if any(symptom.kind in _SILENCE for symptom in its):
            explained |= set(reading.methods) if methods is None else methods
    if not explained:
        return
    silent = {
        kind: each
        for kind, each in reading.methods.items()
        if not each.answered and not each.misanswered and kind not in explained
    }
    baseline = reading.evidence.baseline
    usual = baseline is not None and ProbeType.ICMP in baseline.methods
    silent = {kind: each for kind, each in silent.items() if kind is not ProbeType.ICMP or usual}
    lost = sum(each.lost for each in silent.values())
    if lost > max(REST_PACKETS, REST_SHARE * reading.target.lost):
        said = ", ".join(f"{kind} 0 of {each.sent} answered" for kind, each in silent.items())
        yield Symptom(kind=SymptomKind.METHOD_SILENT, lost=lost, sent=lost, text=f"{said}, and no ICMP error")


def _finding(reading: Reading, known: Facts, group: Group, *, proven: bool = False) -> Finding:
    causes = tuple(cause for cause in ROWS if cause in group.causes)
    needs_second = any(symptom.kind in _TO_CONFIRM for symptom in group.symptoms)
    confirmed = reading.confirmed or not needs_second
    reason: Cause | Umbrella = causes[0] if len(causes) == 1 else _umbrella(group.symptoms, causes, known)
    row = ROWS[causes[0]] if causes else None
    name = proof(row, known) if row is not None and proven else None
    shown = name is not None and not known[name].cut_short
    confidence = _confidence(group, told=proven, shown=shown, confirmed=confirmed)
    said = None if row is None else row.said(None if name is None else known[name].refused)
    encapsulates = known[FactName.GATEWAY_ENCAPSULATES].value
    umbrella = reason if isinstance(reason, Umbrella) else None
    return Finding(
        reason=reason,
        causes=causes,
        confidence=confidence,
        direction=_direction(group, known, name),
        warning=all(symptom.kind in WARNINGS for symptom in group.symptoms),
        confirmed=confirmed,
        layer=said.layer if said is not None and len(causes) == 1 else region(group.causes),
        title=said.title
        if said is not None and umbrella is None
        else title_of(umbrella or Umbrella.UNEXPLAINED, causes, encapsulates=encapsulates),
        meaning=said.meaning if said is not None and umbrella is None else None,
        symptoms=tuple(
            sorted(group.symptoms, key=lambda symptom: (GRAVITY[symptom.kind], symptom.direction))
        ),
        encapsulates=encapsulates,
        proof=None if name is None else known[name].text,
        ruled_out=tuple(
            each for each in _ruled_out(group, known) if name is None or each.why != known[name].text
        ),
        lost=_accounted(reading, known, group, name),
        step=said.step
        if said is not None and _has_own_step(umbrella, causes)
        else step_of(umbrella or Umbrella.UNEXPLAINED, causes, encapsulates=encapsulates),
    )


def _direction(group: Group, known: Facts, name: FactName | None) -> Direction:
    """Which way is affected; what refuses a packet has met it on the way there."""
    direction = joined([symptom.direction for symptom in group.symptoms])
    if len(group.causes) != 1:
        return direction
    (row,) = (ROWS[cause] for cause in group.causes)
    if row.one_way is not None:
        return row.one_way
    if name is not None and known[name].methods is not None and row.on_the_way:
        return Direction.FORWARD
    # The prober's own faults are on no way.
    return Direction.UNKNOWN if row.place is Place.PROBER else direction


def _has_own_step(umbrella: Umbrella | None, causes: Sequence[Cause]) -> bool:
    """Whether the next step is that of the first cause."""
    return umbrella not in HALVED and (len(causes) <= NAMED or umbrella not in STEPS)


def _confidence(group: Group, *, told: bool, shown: bool, confirmed: bool) -> Confidence:
    """One step less where what decides was seen in one window only, or who told it has not shown that they
    saw our packets."""
    if not group.causes or not (shown or all(symptom.certain for symptom in group.symptoms)):
        return Confidence.UNDETERMINED
    if told:
        return Confidence.PROVEN if shown and confirmed else Confidence.ONLY_ONE_LEFT
    alone = len(group.causes) == 1 and group.forced
    return Confidence.ONLY_ONE_LEFT if alone and confirmed else Confidence.ONE_OF


def _umbrella(explained: Sequence[Symptom], causes: Sequence[Cause], known: Facts) -> Umbrella:
    if not causes:
        return Umbrella.UNEXPLAINED
    lead = min(explained, key=lambda symptom: GRAVITY[symptom.kind])
    if any(symptom.kind is SymptomKind.RATE_LOSS for symptom in explained):
        return Umbrella.RATE_DEPENDENT_LOSS
    if lead.kind in BY_SYMPTOM:
        return BY_SYMPTOM[lead.kind]
    if max(ROWS[cause].place for cause in causes) <= Place.NEAR_GATEWAY:
        return Umbrella.NEAR_SIDE_SILENT
    passes = any(known[name].value for name in (FactName.FAR_GATEWAY_ANSWERS, FactName.NEIGHBOUR_ANSWERS))
    return Umbrella.TARGET_SILENT if passes else Umbrella.TUNNEL_SILENT


def _ruled_out(group: Group, known: Facts) -> Iterator[RuledOut]:
    """Causes that would explain the gravest symptom, by the fact that rules them out."""
    lead = min(group.symptoms, key=lambda symptom: GRAVITY[symptom.kind])
    by_reason: dict[str, list[Cause]] = {}
    for row in ROWS.values():
        name = why_not(row, lead.kind, known)
        if name is not None and row.cause not in group.causes:
            by_reason.setdefault(known[name].text, []).append(row.cause)
    for why, causes in by_reason.items():
        yield RuledOut(causes=tuple(causes), why=why)


def _accounted(reading: Reading, known: Facts, group: Group, name: FactName | None) -> int:
    """Packets to the target that the group's symptoms lost; of a proven refusal those of its methods."""
    methods = None if name is None else known[name].methods
    if methods is not None:
        return sum(each.lost for kind, each in reading.methods.items() if kind in methods)
    if any(symptom.kind is SymptomKind.MISANSWERED for symptom in group.symptoms):
        return reading.target.misanswered
    return sum(symptom.lost for symptom in group.symptoms if symptom.kind in _TO_CONFIRM)


def _gravity(finding: Finding) -> tuple[bool, int, str, str]:
    return (
        finding.warning,
        min(GRAVITY[symptom.kind] for symptom in finding.symptoms),
        finding.direction.value,
        finding.reason.value,
    )


def _not_tested(evidence: Evidence) -> Mapping[Part, str]:
    absent: Iterable[Part] = (part for part in Part if not evidence.has(part))
    return MappingProxyType({part: evidence.not_tested.get(part, "not asked for") for part in absent})
