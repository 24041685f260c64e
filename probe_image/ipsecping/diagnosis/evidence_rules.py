"""The rules that evidence keeps beyond the types of its fields, for whoever collects or reads it.

What passes can be added up, judged and printed, and its figures do not contradict one another.
"""

from collections import Counter
from collections.abc import Iterable

from ..contract.bounds import MAX_COUNT, MAX_MTU, MIN_MTU
from ..contract.fields import ContractError, out_of_range
from .evidence import (
    MAX_PACKETS,
    PACKET_PARTS,
    Baseline,
    Batch,
    Evidence,
    Known,
    Part,
    PathMtuFound,
    ReflectorFound,
)
from .too_big import OversizedFound

_CONTROLS = frozenset({Part.FAR_INSIDE, Part.NEAR_INSIDE, Part.GATEWAY, Part.NEIGHBOUR, Part.ELSEWHERE})


def check_evidence(evidence: Evidence, path: str = "evidence") -> None:
    """Raise ContractError, with the path of the field, unless the evidence keeps the rules."""
    for place, batch in enumerate(evidence.batches):
        _check_batch(batch, f"{path}.batches[{place}]")
    if sum(batch.sent for batch in evidence.batches) > MAX_PACKETS:
        raise ContractError(f"{path}.batches: more than {MAX_PACKETS} packets in all")
    if evidence.batches and evidence.address is None:
        raise ContractError(f"{path}.address: needed where packets were sent")
    if evidence.path_mtu is not None:
        _check_path_mtu(evidence.path_mtu, f"{path}.pathMTU")
    if evidence.oversized is not None:
        _check_oversized(evidence.oversized, f"{path}.oversized")
    if evidence.reflector is not None:
        _check_reflector(evidence.reflector, f"{path}.reflector")
    _check_once((f"{hop.type} {hop.ttl} {hop.address}" for hop in evidence.hops or ()), f"{path}.hops")
    known = Known(
        rounds=evidence.rounds, outages=evidence.outages, baseline=evidence.baseline, paths=evidence.paths
    )
    check_known(known, path)
    _check_parts(evidence, path)


def check_known(known: Known, path: str) -> None:
    """Raise ContractError, with the path of the field, unless what others know keeps the rules."""
    for place, other in enumerate(known.paths or ()):
        _within(other.answered, f"{path}.paths[{place}].answered", other.sent)
    _check_once((each.name for each in known.paths or ()), f"{path}.paths")
    for place, past in enumerate(known.rounds or ()):
        where = f"{path}.rounds[{place}]"
        _check_answers(past.answers, past.sent, None, where)
        lost = past.sent - past.answers.count("1")
        _check_directions(lost, past.forward_lost, past.reverse_lost, where)
    for place, outage in enumerate(known.outages or ()):
        if outage.end is not None and outage.end < outage.start:
            raise ContractError(f"{path}.outages[{place}].end: before its start")
    if known.baseline is not None:
        _check_controls(known.baseline, f"{path}.baseline")


def _check_controls(baseline: Baseline, path: str) -> None:
    controls = _CONTROLS | {Part.IKE}
    for key, parts in (("controls", baseline.controls), ("silent", baseline.silent)):
        for part in parts:
            if part not in controls:
                raise ContractError(f"{path}.{key}: {part} is no control")
    for part in baseline.silent & baseline.controls:
        raise ContractError(f"{path}.silent: {part} is among those that answered")
    for part in baseline.answered_at:
        if part not in baseline.controls:
            raise ContractError(f"{path}.answeredAt: {part} is not among those that answered")


def _check_parts(evidence: Evidence, path: str) -> None:
    for part in evidence.not_tested:
        if evidence.has(part):
            raise ContractError(f"{path}.notTested.{part}: was tested")
    for part in evidence.expected.controls:
        if part not in _CONTROLS:
            raise ContractError(f"{path}.expected.controls.{part}: has no address of its own")


def _check_batch(batch: Batch, path: str) -> None:
    if batch.part not in PACKET_PARTS:
        raise ContractError(f"{path}.part: {batch.part} is not measured by packets")
    _within(batch.answered, f"{path}.answered", batch.sent)
    _check_answers(batch.answers, batch.sent, batch.answered, path)
    _check_late(batch, f"{path}.late")
    _check_directions(batch.lost, batch.forward_lost, batch.reverse_lost, path)
    refused = sum(error.count for error in batch.errors)
    wrong = sum(batch.misanswered.values())
    if refused + wrong > batch.lost:
        raise ContractError(f"{path}.errors: with misanswered more than the {batch.lost} packets lost")
    if sum(batch.sources.values()) > batch.sent + batch.duplicates:
        raise ContractError(f"{path}.sources: more packets than were sent")
    _within(batch.congestion_marks, f"{path}.congestionMarks", batch.sent + batch.duplicates)
    _within(batch.reordered, f"{path}.reordered", batch.answered)
    times = [time for time in (batch.rtt_min, batch.rtt_p50, batch.rtt_p90) if time is not None]
    if times and not batch.answered:
        raise ContractError(f"{path}.rttMin: no packet was answered")
    if times != sorted(times):
        raise ContractError(f"{path}.rttMin: rttMin, rttP50 and rttP90 do not rise")


def _check_answers(answers: str | None, sent: int, answered: int | None, path: str) -> None:
    if answers is None:
        return
    if len(answers) != sent or set(answers) - {"0", "1"}:
        raise ContractError(f"{path}.answers: expected a 0 or 1 for each of the {sent} packets sent")
    if answered is not None and answers.count("1") != answered:
        raise ContractError(f"{path}.answers: does not show {answered} packets answered")


def _check_late(batch: Batch, path: str) -> None:
    if batch.late is None:
        return
    if batch.answers is None or len(batch.late) != batch.sent or set(batch.late) - {"0", "1"}:
        raise ContractError(f"{path}: expected a 0 or 1 for each of the {batch.sent} packets sent")
    if any(late == "1" and answer == "0" for late, answer in zip(batch.late, batch.answers, strict=True)):
        raise ContractError(f"{path}: has packets that were not answered")


def _check_directions(lost: int, forward: int | None, reverse: int | None, path: str) -> None:
    if (forward is None) != (reverse is None):
        raise ContractError(f"{path}.forwardLost: known only where reverseLost is, and the other way round")
    if forward is not None and reverse is not None and forward + reverse > lost:
        raise ContractError(f"{path}.forwardLost: with reverseLost more than the {lost} packets lost")


def _check_path_mtu(found: PathMtuFound, path: str) -> None:
    for key, size in (("forward", found.forward), ("reverse", found.reverse)):
        if size is not None and not MIN_MTU <= size <= MAX_MTU:
            raise out_of_range(size, f"{path}.{key}", MIN_MTU, MAX_MTU)


def _check_oversized(found: OversizedFound, path: str) -> None:
    _within(sum(each.count for each in found.told), f"{path}.told", found.sent)
    _check_once((f"{each.router} {each.mtu}" for each in found.told), f"{path}.told")


def _check_reflector(found: ReflectorFound, path: str) -> None:
    _within(found.received, f"{path}.received", found.expected)
    _within(found.answered, f"{path}.answered", found.received)
    _within(found.dropped, f"{path}.dropped", MAX_COUNT)


def _check_once(names: Iterable[str], path: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ContractError(f"{path}: the same one appears twice")


def _within(value: int, path: str, at_most: int) -> None:
    if not 0 <= value <= at_most:
        raise out_of_range(value, path, 0, at_most)
