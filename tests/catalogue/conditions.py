"""The catalogue through the operator: when the condition tells of a fault, and when its diagnosis. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipsecping.diagnosis import Evidence, diagnose, evidence_from_json, evidence_to_json

from .cases import CASES, Case
from .judging import Verdict, judge
from .records import file_name

INTERVAL = 5.0
"""Seconds from round to round."""
ROUNDS = 3
"""Within which the condition has to tell it."""
SECONDS = 30
"""Within which its diagnosis has to be there, from the condition on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What became of one fault. Seconds."""

    case: Case
    path: str
    reason: str | None
    """Of Healthy=False; None: the check stayed healthy, and the diagnosis was asked for by the annotation."""
    condition: float | None
    """From the fault to the condition."""
    diagnosis: float | None
    """From the condition, or the annotation, to the diagnosis; None: there was none."""
    reported: str
    """What `status.diagnosis` says, in one line."""
    evidence: Evidence | None = None
    """From the log of the pod that it names."""

    @property
    def rounds(self) -> int | None:
        """Intervals that had passed when the condition told it: so many rounds, or one more, had begun."""
        return None if self.condition is None else int(self.condition // INTERVAL)

    def verdict(self) -> Verdict:
        """Judge it as what `ipsecping diagnose` says in a pod; the agent knows the healthy path."""
        if self.evidence is None:
            return Verdict(case=self.case.name, said=self.reported, wrong=("there is no evidence",))
        return judge(self.case, diagnose(self.evidence), baseline=True)


def wrong(outage: Outage) -> Iterator[str]:
    """Yield what is not as it should be; a check that stays healthy is told by its probes, not by this."""
    if outage.diagnosis is None:
        yield "there is no diagnosis"
        return
    yield from outage.verdict().wrong


def table(outages: Sequence[Outage]) -> Iterator[str]:
    """Yield the lines of what was seen, in Markdown."""
    yield "| What is broken | Healthy=False, after | Diagnosis, after | It says | Not right |"
    yield "|---|---|---|---|---|"
    for each in outages:
        condition = "stays healthy" if each.reason is None else f"{each.reason}, {_rounds(each)}"
        cells = (each.case.name, condition, _seconds(each.diagnosis), each.verdict().said)
        yield f"| {' | '.join((*cells, '; '.join(wrong(each))))} |"
    rounds = [each.rounds for each in outages if each.rounds is not None]
    known = [each.diagnosis for each in outages if each.diagnosis is not None and each.reason is not None]
    right = sum(not list(wrong(each)) for each in outages)
    yield ""
    yield (
        f"Told by the condition: {len(rounds)} of {len(outages)}, within {ROUNDS} rounds "
        f"{sum(each <= ROUNDS for each in rounds)} of them{_most(rounds, ' rounds')}. Diagnosed within "
        f"{SECONDS} s: {sum(each <= SECONDS for each in known)} of {len(known)} outages{_most(known, ' s')}. "
        f"Right: {right} of {len(outages)}."
    )


def _rounds(outage: Outage) -> str:
    return f"{outage.rounds} rounds ({_seconds(outage.condition)})"


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} s"


def _most(values: Sequence[float], unit: str) -> str:
    return f" (at most {max(values):.0f}{unit})" if values else ""


def to_json(outage: Outage) -> dict[str, Any]:
    """Return it as it is kept."""
    evidence = None if outage.evidence is None else evidence_to_json(outage.evidence)
    return {
        "case": outage.case.name,
        "path": outage.path,
        "reason": outage.reason,
        "condition": outage.condition,
        "diagnosis": outage.diagnosis,
        "reported": outage.reported,
        "evidence": evidence,
    }


def from_json(data: Mapping[str, Any]) -> Outage:
    """Inverse of `to_json`."""
    evidence = None if data["evidence"] is None else evidence_from_json(data["evidence"])
    return Outage(**{**data, "case": CASES[data["case"]], "evidence": evidence})


def write(folder: Path, outage: Outage) -> None:
    """Keep it; a later one of the same case replaces it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file_name(outage.case)}.json").write_text(json.dumps(to_json(outage)))


def read_all(folder: Path, chosen: Sequence[Case]) -> list[Outage]:
    """Return those of these cases that are kept, in the order of the catalogue."""
    found = [from_json(json.loads(path.read_text())) for path in folder.glob("*.json")]
    order = [case.name for case in chosen]
    return sorted(
        (each for each in found if each.case.name in order), key=lambda each: order.index(each.case.name)
    )
