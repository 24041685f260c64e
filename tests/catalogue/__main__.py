"""Break everything that the catalogue names in the lab, diagnose it from a pod, and print what was said.

example:
  make catalogue                               # all of it, three runs each; goes on where it was interrupted
  make catalogue FAULTS=esp-drop,loss RUNS=1   # cases that begin with these words
  python -m tests.catalogue --judge            # judge again what was measured, without the lab
  make catalogue THROUGH=operator              # how soon a check's condition tells it, and its diagnosis
  make catalogue NOFAULT=60                    # so many minutes of what is no fault: nothing may be told
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ipsecping.diagnosis import Outcome, diagnose
from ipsecping_lab import existing, workbench
from ipsecping_lab.errors import LabError
from ipsecping_lab.workbench import CommandFailed

from . import conditions_run, matrix, quiet_hour_run, records
from .cases import CASES, HEALTHY, Case
from .laboratory import LETTERS, Laboratory
from .records import Record

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "build" / "catalogue"
DOCUMENT = ROOT / "docs" / "diagnosis.md"
BEGIN, END = "<!-- seen by make catalogue -->\n", "<!-- end of what was seen -->\n"


def main() -> int:
    """Measure what is not on record, and print the matrix; returns the exit status."""
    options = _options()
    if options.no_fault:
        return quiet_hour_run.run(options.no_fault, options.records / "no-fault")
    folder: Path = options.records
    chosen = _chosen(options.faults)
    if not chosen:
        sys.exit(f"no case begins with {options.faults!r}; there are: {', '.join(CASES)}")
    if options.through == "operator":
        return conditions_run.run(
            [case for case in chosen if case.lasts],
            options.records / "conditions",
            minutes=options.minutes,
            judge=options.judge,
        )
    if not options.judge:
        measure(chosen, folder, runs=options.runs, minutes=options.minutes)
    found = [record for record in records.read_all(folder) if record.case in (*chosen, HEALTHY)]
    text = "\n".join(matrix.matrix(found)) + "\n"
    sys.stdout.write(text)
    mistakes = list(matrix.wrong(found))
    sys.stdout.writelines(f"wrong: {line}\n" for line in mistakes)
    if options.document:
        only = None if len(chosen) == len(CASES) else [case.name for case in chosen]
        DOCUMENT.write_text(replaced(DOCUMENT.read_text(), text, only=only))
    return 1 if mistakes else 0


def measure(chosen: Sequence[Case], folder: Path, *, runs: int, minutes: float) -> None:
    """Measure the runs that are not on record; at most so long."""
    existing.require_own_lab("catalogue")
    for step in ("up", "images"):
        workbench.lab(step, timeout=3600)
    laboratory = Laboratory()
    laboratory.start()
    try:
        _measure(laboratory, chosen, folder, runs=runs, until=time.monotonic() + minutes * 60)
    finally:
        laboratory.stop()


def _measure(
    laboratory: Laboratory, chosen: Sequence[Case], folder: Path, *, runs: int, until: float
) -> None:
    healthy = (HEALTHY, [run for run in range(1, 1 + len(LETTERS)) if not _done(folder, HEALTHY, run)])
    todo = [(case, [run for run in range(1, 1 + runs) if not _done(folder, case, run)]) for case in chosen]
    faults_first = sorted((each for each in todo if each[0] != HEALTHY), key=lambda each: not each[0].truths)
    todo = [each for each in (healthy, *faults_first) if each[1]]
    spent: list[float] = []
    for number, (case, missing) in enumerate(todo, 1):
        if time.monotonic() > until:
            say(f"the time is up: {len(todo) - number + 1} of {len(todo)} cases are not measured")
            return
        began = time.monotonic()
        try:
            for together in batches(case, missing):
                for record in _runs(laboratory, case, together):
                    records.write(folder, record)
        except (LabError, CommandFailed, subprocess.TimeoutExpired) as error:
            say(f"NOT MEASURED: {case.name}: {error}")
            laboratory.mend()
        if case == HEALTHY:
            _check_healthy(folder)
        spent.append(time.monotonic() - began)
        left = (sum(spent) / len(spent)) * (len(todo) - number)
        say(f"{number} of {len(todo)}: {case.name} ({spent[-1]:.0f} s); some {left / 60:.0f} min left")


def batches(case: Case, runs: Sequence[int]) -> Iterator[list[int]]:
    """Yield the runs that are measured at the same time: one on each path, of a case that allows it."""
    size = 1 if case.alone else len(LETTERS)
    for first in range(0, len(runs), size):
        yield list(runs[first : first + size])


def _runs(laboratory: Laboratory, case: Case, runs: Sequence[int]) -> list[Record]:
    """Break, diagnose on each path at the same time, mend."""
    letters = {run: LETTERS[(run - 1) % len(LETTERS)] for run in runs}

    def one(run: int) -> Record:
        began = time.monotonic()
        evidence = laboratory.diagnose(case, letters[run])
        took = time.monotonic() - began
        said = ", ".join(finding.reason for finding in diagnose(evidence).findings) or "nothing"
        say(f"  {case.name} on path {letters[run]}: {said} ({took:.0f} s)")
        return Record(case=case, run=run, path=letters[run], seconds=round(took, 1), evidence=evidence)

    try:
        for letter in letters.values():
            laboratory.break_(case, letter)
        with ThreadPoolExecutor(len(runs)) as pool:
            return list(pool.map(one, runs))
    finally:
        laboratory.heal(LETTERS if case.alone else list(letters.values()))


def _check_healthy(folder: Path) -> None:
    for record in records.read_all(folder):
        if record.case == HEALTHY and record.diagnosis(baseline=False).outcome is not Outcome.NO_FAULT:
            records.path_of(folder, HEALTHY, record.run).unlink()
            sys.exit(f"path {record.path} is not healthy although nothing is broken: see `lab status`")


def _done(folder: Path, case: Case, run: int) -> bool:
    return records.path_of(folder, case, run).exists()


def _chosen(words: str) -> list[Case]:
    beginnings = tuple(word.strip() for word in words.split(",") if word.strip())
    return [case for name, case in CASES.items() if not beginnings or name.startswith(beginnings)]


def replaced(document: str, text: str, *, only: Sequence[str] | None = None) -> str:
    """Return the document with the matrix between its marks; of `only` some cases, with their rows in it."""
    before, begin, rest = document.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit("docs/diagnosis.md: the marks around the matrix are missing")
    if only is not None:
        text = matrix.with_rows(old, text, names=only)
    return f"{before}{begin}{text}{end}{after}"


def say(text: str) -> None:
    """Tell of the progress."""
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.catalogue",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--faults", default="", metavar="WORD,...", help="cases that begin so (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="of each case, on the paths in turn (default: 3)")
    parser.add_argument("--minutes", type=float, default=120, help="begin no case after (default: 120)")
    parser.add_argument("--records", type=Path, default=RECORDS, help="folder of what was measured")
    parser.add_argument("--judge", action="store_true", help="measure nothing")
    parser.add_argument(
        "--through",
        choices=("pod", "operator"),
        default="pod",
        help="who diagnoses: a pod by hand, or the operator's checks, with the time it takes (default: pod)",
    )
    parser.add_argument(
        "--no-fault", type=float, metavar="MINUTES", help="inject what is no fault for so long"
    )
    parser.add_argument("--document", action="store_true", help="write the matrix to docs/diagnosis.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
