"""The confusion matrix: each fault with what was said of it. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from ipsecping.diagnosis import Diagnosis

from .cases import CASES, Case
from .judging import Score, judge, said
from .records import Record

MODES = {False: "`ipsecping diagnose` alone", True: "with the healthy path known"}
"""Whether it is known what the path was like when it was healthy."""


def by_case(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the records of each case, in their order."""
    names = dict.fromkeys(record.case.name for record in records)
    return {name: [record for record in records if record.case.name == name] for name in names}


def matrix(records: Sequence[Record]) -> Iterator[str]:
    """Yield the lines of the table and of what it comes to, in Markdown."""
    yield f"| What is broken | What it is called | Said by {MODES[False]} | Said {MODES[True]} |"
    yield "|---|---|---|---|"
    for found in by_case(records).values():
        case = found[0].case
        cells = (_counted([record.diagnosis(baseline=mode) for record in found]) for mode in MODES)
        columns = (_cell(case.name), _called(case), *cells)
        yield f"| {' | '.join(columns)} |"
    yield ""
    for mode, title in MODES.items():
        yield f"- {title[0].upper()}{title[1:]}: {'; '.join(score(records, baseline=mode).lines())}."


def with_rows(old: str, new: str, *, names: Collection[str]) -> str:
    """Return the old matrix with the new one's rows of these cases, in the order of the catalogue.

    The old scores stay: they are of the sitting that measured all else.
    """
    kept, added = _rows(old), _rows(new)
    rows = kept | {name: row for name, row in added.items() if name in names}
    ordered = [rows[name] for name in CASES if name in rows]
    head, _, scores = old.partition("|---|---|---|---|\n")
    rest = "".join(line for line in scores.splitlines(keepends=True) if not line.startswith("| "))
    return f"{head}|---|---|---|---|\n{''.join(ordered)}{rest}"


def _rows(table: str) -> dict[str, str]:
    lines = [line for line in table.splitlines(keepends=True) if line.startswith("| ")]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines[1:]}


def score(records: Sequence[Record], *, baseline: bool) -> Score:
    """Return how often what was said is right."""
    total = Score()
    for record in records:
        total.add(record.case, record.diagnosis(baseline=baseline), baseline=baseline)
    return total


def wrong(records: Sequence[Record]) -> Iterator[str]:
    """Yield a line for each diagnosis that is not right."""
    for record in records:
        for mode, title in MODES.items():
            verdict = judge(record.case, record.diagnosis(baseline=mode), baseline=mode)
            if verdict.wrong:
                where = f"{record.case.name}, run {record.run} on path {record.path}, {title}"
                yield f"{where}: {'; '.join(verdict.wrong)}: {verdict.said}"


def _called(case: Case) -> str:
    return ", ".join(_truths(case)) or "no fault"


def _truths(case: Case) -> Iterator[str]:
    for truth in case.truths:
        name = " or ".join(sorted(truth.causes))
        told = (
            (truth.masked, "behind the other"),
            (truth.baseline, "against the healthy path"),
            (bool(truth.unseen), truth.unseen),
        )
        notes = [note for holds, note in told if holds]
        yield f"{name} ({', '.join(notes)})" if notes else name


def _counted(diagnoses: Sequence[Diagnosis]) -> str:
    counted = Counter(map(said, diagnoses))
    if len(counted) == 1:
        return _cell(
            f"{len(diagnoses)} × {next(iter(counted))}" if len(diagnoses) > 1 else next(iter(counted))
        )
    return _cell("<br>".join(f"{count} × {text}" for text, count in counted.most_common()))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
