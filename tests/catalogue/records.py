"""What was measured in the lab, one file a run, so that it can be judged again without measuring again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ipsecping.diagnosis import Diagnosis, Evidence, Part, diagnose, evidence_from_json, evidence_to_json
from ipsecping.diagnosis.evidence import Baseline, IkeAnswer, NameAnswer
from ipsecping.diagnosis.tally import part_of

from .cases import CASES, HEALTHY, Case

_CONTROLS = (Part.FAR_INSIDE, Part.NEAR_INSIDE, Part.GATEWAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One diagnosis of one case."""

    case: Case
    run: int
    path: str
    """The lab's letter of it."""
    seconds: float
    evidence: Evidence
    healthy: Evidence | None = None
    """Of the same path when nothing was wrong."""

    def diagnosis(self, *, baseline: bool) -> Diagnosis:
        """Judge it; `baseline`: with what is known of the healthy path."""
        evidence = self.evidence
        if self.case.path_mtu is not None:
            evidence = replace(evidence, expected=replace(evidence.expected, path_mtu=self.case.path_mtu))
        return diagnose(known_before(evidence, self.healthy) if baseline and self.healthy else evidence)


def known_before(evidence: Evidence, healthy: Evidence) -> Evidence:
    """Return the evidence with what an agent knows of the path from then: also what a name stood for."""
    names = evidence.names
    if names is not None and names.answer is NameAnswer.RESOLVED and healthy.address is not None:
        names = replace(names, before=(healthy.address,))
    return replace(evidence, baseline=baseline_of(healthy), names=names)


def baseline_of(healthy: Evidence) -> Baseline:
    """Return what is worth knowing of a healthy path."""
    batches = part_of(healthy, Part.METHODS)
    controls = {part for part in _CONTROLS if any(batch.answered for batch in part_of(healthy, part))}
    if healthy.ike is not None and IkeAnswer.ANSWERED in healthy.ike.ports.values():
        controls.add(Part.IKE)
    found = healthy.path_mtu
    sizes = [] if found is None else [size for size in (found.forward, found.reverse) if size is not None]
    return Baseline(
        at=healthy.at,
        methods=frozenset(batch.type for batch in batches if batch.answered),
        controls=frozenset(controls),
        rtt_min=min((batch.rtt_min for batch in batches if batch.rtt_min is not None), default=None),
        path_mtu=min(sizes, default=None),
        too_big=None if found is None else found.too_big,
    )


def write(folder: Path, record: Record) -> None:
    """Keep a record; an interruption leaves no half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    data: dict[str, Any] = {
        "case": record.case.name,
        "run": record.run,
        "path": record.path,
        "seconds": record.seconds,
        "evidence": evidence_to_json(record.evidence),
    }
    path = path_of(folder, record.case, record.run)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(data))
    unfinished.rename(path)


def path_of(folder: Path, case: Case, run: int) -> Path:
    """Return where a run's record is, or will be."""
    return folder / f"{file_name(case)}.{run}.json"


def file_name(case: Case) -> str:
    """Return the case's name without what has a meaning in names of files."""
    return "".join(letter if letter.isalnum() or letter in "-=." else "_" for letter in case.name)


def read_all(folder: Path) -> list[Record]:
    """Return the records of a folder, in the order of the catalogue."""
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    known = [data for data in found if data["case"] in CASES]
    healthy = {
        data["path"]: evidence_from_json(data["evidence"]) for data in known if CASES[data["case"]] == HEALTHY
    }
    records = [_record(data, healthy.get(data["path"])) for data in known]
    order = list(CASES)
    return sorted(records, key=lambda record: (order.index(record.case.name), record.run))


def _record(data: Mapping[str, Any], healthy: Evidence | None) -> Record:
    return Record(
        case=CASES[data["case"]],
        run=data["run"],
        path=data["path"],
        seconds=data["seconds"],
        evidence=evidence_from_json(data["evidence"]),
        healthy=healthy,
    )
