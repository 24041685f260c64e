"""An hour in which nothing is broken: what is injected, and what of all that is told should not be. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping.diagnosis import Evidence, diagnose
from ipsecping.diagnosis.cause import Cause

from .cases import CASES, NO_FAULT, Case, true
from .judging import judge
from .sight import Sight, names, news

TURN = 150.0
"""Seconds for which a case lasts on a path."""
REKEYS = Case(name="rekey every 5 s", meanwhile=((5, "rekey {path} child"),))
"""Goes on all the time."""
CALM: tuple[Case, ...] = (
    *(case for case in NO_FAULT if not case.alone),
    Case(name="jitter both 5", faults=("jitter {path} both 5",)),
    CASES["icmp-filtered"],
)
"""By turns on each path; what breaks another path is left out, for that path's check rightly tells it."""
RESTARTS = Case(
    name="responders restart every 30 s",
    meanwhile=((30, "responder-restart {path} stamp"), (30, "responder-restart {path} udp-echo")),
    truths=(true(Cause.RESPONDER_DOWN, unseen="it is away for a moment"),),
)
"""At last: they lose packets, which stay in the checks' windows for minutes, and may rightly be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that was told."""

    at: float
    """Unix time."""
    path: str
    case: str
    """What was injected just then; what is told may be of the case before."""
    kind: str
    """Healthy, Unhealthy, Unknown, Outage, Warning: of the check. Diagnosed: by its agent, or from a pod.
    Packets: what the checks lost in all. Trouble: the lab did not do what it should."""
    said: str
    wrong: bool


def turns(seconds: float, paths: Sequence[str]) -> Iterator[dict[str, Case]]:
    """Yield what is injected on each path, turn by turn; each path begins elsewhere, restarts are last."""
    for number in range(round(seconds / TURN) - 1):
        yield {path: CALM[(number + 3 * place) % len(CALM)] for place, path in enumerate(paths)}
    yield dict.fromkeys(paths, RESTARTS)


def notes_of(at: float, path: str, case: Case, before: Sight, now: Sight) -> Iterator[Note]:
    """Yield what is worth a note in the status of a check."""
    excused = case == RESTARTS
    for told in news(before, now):
        if told.kind != "Diagnosis":
            wrong = told.kind in ("Unhealthy", "Outage") and not excused
            yield Note(at=at, path=path, case=case.name, kind=told.kind, said=told.said, wrong=wrong)
            continue
        true_names = {cause for truth in case.truths for cause in truth.causes}
        found = [names(finding) for finding in now.diagnosis.get("findings", ())]
        wrong = now.diagnosis["outcome"] != Outcome.NOT_MEASURED and any(
            not finding & true_names for finding in found
        )
        said = f"by its agent: {told.said}"
        yield Note(at=at, path=path, case=case.name, kind="Diagnosed", said=said, wrong=wrong)


def note_of_evidence(at: float, path: str, case: Case, evidence: Evidence) -> Note:
    """Return what a diagnosis from a pod said."""
    diagnosis = diagnose(evidence)
    verdict = judge(case, diagnosis, baseline=False)
    wrong = diagnosis.outcome is not Outcome.NOT_MEASURED and bool(verdict.wrong)
    said = f"from a pod: {verdict.said}"
    return Note(at=at, path=path, case=case.name, kind="Diagnosed", said=said, wrong=wrong)


def summary(notes: Sequence[Note]) -> Iterator[str]:
    """Yield the lines of what was told in all, in Markdown."""
    yield "| Injected | What was told | Times | Wrong |"
    yield "|---|---|---|---|"
    told = Counter((note.case, f"{note.kind}: {_short(note)}") for note in notes)
    wrong = Counter((note.case, f"{note.kind}: {_short(note)}") for note in notes if note.wrong)
    for case, what in sorted(told):
        yield f"| {case} | {what} | {told[case, what]} | {wrong[case, what] or ''} |"
    yield ""
    yield f"{len(notes)} notes, {sum(wrong.values())} of them wrong."


def _short(note: Note) -> str:
    """Without figures, which are never the same."""
    said = note.said if note.kind in ("Diagnosed", "Packets") else note.said.partition(":")[0]
    return said.partition(" since ")[0].replace("|", "\\|")
