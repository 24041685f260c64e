"""Laws that hold for any evidence."""

import random
import time
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis import Confidence, Diagnosis, Evidence, Part, diagnose, facts
from ipsecping.diagnosis.catalogue import ROWS, candidates
from ipsecping.diagnosis.evidence import Batch, OtherPath, PathMtuFound
from ipsecping.diagnosis.reading import Reading
from ipsecping.diagnosis.report import SUMMARY, report, summary
from ipsecping.diagnosis.symptom import SymptomKind
from ipsecping.diagnosis.symptoms import symptoms

from .strategies import LEAVABLE, absent, evidences, less
from .worlds import batch, healthy, with_batches

RANK = {confidence: place for place, confidence in enumerate(reversed(Confidence))}


def kinds_of(evidence: Evidence) -> set[SymptomKind]:
    return {symptom.kind for symptom in symptoms(Reading(evidence), facts(evidence))}


@settings(deadline=None)
@given(evidences, absent)
def test_less_evidence_never_leaves_fewer_causes(evidence: Evidence, parts: set[Part]) -> None:
    fewer = less(evidence, parts)
    known, known_less = facts(evidence), facts(fewer)
    for kind in kinds_of(evidence) & kinds_of(fewer):
        assert candidates(kind, known) <= candidates(kind, known_less)


@settings(deadline=None)
@given(evidences, absent)
def test_less_evidence_never_raises_the_confidence(evidence: Evidence, parts: set[Part]) -> None:
    """Where the whole evidence contradicts itself there is no confidence that could be kept."""
    full, fewer = diagnose(evidence), diagnose(less(evidence, parts))
    for finding in fewer.findings:
        if finding.confidence is Confidence.UNDETERMINED:
            continue
        kinds = {symptom.kind for symptom in finding.symptoms}
        same = [each for each in full.findings if kinds & {symptom.kind for symptom in each.symptoms}]
        assert same, finding.reason
        if all(each.causes for each in same):
            assert RANK[finding.confidence] <= max(RANK[each.confidence] for each in same)


@settings(max_examples=40, deadline=None)
@given(evidences, st.booleans())
def test_a_healthy_path_more_adds_no_finding(evidence: Evidence, same_target: bool) -> None:
    another = OtherPath(name="healthy", sent=20, answered=20, same_target=same_target)
    more = replace(evidence, paths=(*(evidence.paths or ()), another))
    before, after = diagnose(evidence), diagnose(more)
    assert kinds_of(more) <= kinds_of(evidence)
    assert len(after.findings) <= len(before.findings) or same_target


@settings(max_examples=40, deadline=None)
@given(evidences)
def test_swapping_directions_swaps_findings(evidence: Evidence) -> None:
    """But for what can be in one direction only: a refusal, what the reflector counts, first packets lost."""
    evidence = with_batches(less(evidence, {Part.REFLECTOR, Part.HISTORY}), lambda b: replace(b, errors=()))
    assert directed(diagnose(evidence)) == directed(diagnose(swapped(evidence)), swap=True)


def directed(diagnosis: Diagnosis, *, swap: bool = False) -> set[tuple[object, ...]]:
    """The findings with their directions; without those whose cause can be in one direction only."""
    turned = {Direction.FORWARD: Direction.REVERSE, Direction.REVERSE: Direction.FORWARD}
    return {
        (
            finding.causes,
            finding.confidence,
            turned.get(finding.direction, finding.direction) if swap else finding.direction,
        )
        for finding in diagnosis.findings
        if not any(ROWS[cause].one_way for cause in finding.causes)
    }


def swapped(evidence: Evidence) -> Evidence:
    def turn(one: Batch) -> Batch:
        return replace(one, forward_lost=one.reverse_lost, reverse_lost=one.forward_lost)

    found = evidence.path_mtu
    turned = None
    if found is not None:
        turned = PathMtuFound(
            forward=found.reverse,
            reverse=found.forward,
            forward_told=found.reverse_told,
            reverse_told=found.forward_told,
        )
    return replace(evidence, batches=tuple(map(turn, evidence.batches)), path_mtu=turned)


@settings(max_examples=40, deadline=None)
@given(evidences, st.randoms(use_true_random=False))
def test_the_order_of_evidence_says_nothing(evidence: Evidence, chance: random.Random) -> None:
    batches = list(evidence.batches)
    chance.shuffle(batches)
    other = diagnose(replace(evidence, batches=tuple(batches)))
    assert verdicts(other) == verdicts(diagnose(evidence))


def verdicts(diagnosis: Diagnosis) -> list[tuple[object, ...]]:
    return [
        (each.reason, each.causes, each.confidence, each.direction, each.lost) for each in diagnosis.findings
    ]


@settings(max_examples=40, deadline=None)
@given(evidences)
def test_no_more_is_explained_than_was_lost_and_every_text_fits(evidence: Evidence) -> None:
    diagnosis = diagnose(evidence)
    assert 0 <= diagnosis.explained <= diagnosis.lost <= diagnosis.sent
    assert len(summary(evidence, diagnosis)) <= SUMMARY
    text = report(evidence, diagnosis, width=80, long=True)
    assert "{" not in text
    assert all(line.isprintable() for line in text.splitlines())


@settings(max_examples=40, deadline=None)
@given(evidences)
def test_a_fault_has_a_cause_or_says_that_it_has_none(evidence: Evidence) -> None:
    for finding in diagnose(evidence).findings:
        assert finding.causes or finding.confidence is Confidence.UNDETERMINED
        assert finding.step.command
        assert finding.symptoms


def test_the_largest_evidence_takes_no_more_than_a_blink() -> None:
    """In CPU time, which no other program's load adds to."""
    many = tuple(
        batch(Part.FLOWS, sent=31, source_port=1 + n, forward_lost=n % 31, answered=31 - n % 31, answers=None)
        for n in range(120)
    )
    evidence = replace(healthy(), batches=(*many, batch(sent=40), batch(sent=40, window=2)))
    begun = time.process_time()
    diagnose(evidence)
    assert time.process_time() - begun < 2


def test_every_part_but_the_methods_can_be_left_out() -> None:
    for part in LEAVABLE:
        assert not less(healthy(), {part}).has(part)
        assert part in diagnose(less(healthy(), {part})).not_tested
