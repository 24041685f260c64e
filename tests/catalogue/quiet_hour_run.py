"""Keep the hour in the lab: inject what is no fault, diagnose from pods, and write down what was told."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import count
from pathlib import Path

from ipsecping.diagnosis import Evidence, evidence_to_json
from ipsecping_lab.errors import LabError
from ipsecping_lab.workbench import CommandFailed, GaveUp

from .cases import HEALTHY, Case
from .checks import Checks, install, spec_of
from .laboratory import LETTERS, Laboratory
from .quiet_hour import REKEYS, TURN, Note, note_of_evidence, notes_of, summary, turns
from .sight import Sight

PAUSE = 8.0
"""Seconds from one diagnosis of a path to the next."""
BY_AGENT = 3
"""Which diagnosis of a turn is that of the agent."""


def run(minutes: float, folder: Path) -> int:
    """Keep it for so long, and print what was told; returns the exit status."""
    hour = Hour(folder / f"{time.strftime('%Y%m%dT%H%M%S')}.jsonl")
    try:
        hour.run(minutes * 60)
    except KeyboardInterrupt:
        print("interrupted: what was told by then", file=sys.stderr)
    sys.stdout.write("\n".join(summary(hour.notes)) + "\n")
    return 1 if any(note.wrong for note in hour.notes) else 0


class Hour:
    """Notes go to `file` as well, one JSON object a line; evidence that misleads is kept beside it."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.notes: list[Note] = []
        self._file = file
        self._lock = threading.Lock()
        self._cases = dict.fromkeys(LETTERS, HEALTHY)
        self._laboratory = Laboratory()
        self._checks = Checks(self._see)
        self._warned: set[str] = set()

    def run(self, seconds: float) -> None:
        """Take turns. Raises LabError, CommandFailed and GaveUp where it cannot begin."""
        install()
        with ExitStack() as stack:
            stack.callback(self._laboratory.stop)
            self._laboratory.start()
            stack.callback(self._checks.stop)
            self._checks.start({letter: spec_of(letter) for letter in LETTERS})
            stack.enter_context(all_cores_busy())
            stack.callback(self._note_packets)
            for cases in turns(seconds, LETTERS):
                self._turn(cases)

    def _turn(self, cases: Mapping[str, Case]) -> None:
        until = time.monotonic() + TURN
        print("; ".join(f"path {letter}: {case.name}" for letter, case in cases.items()), file=sys.stderr)
        self._cases = dict(cases)
        for letter, case in cases.items():
            with self._carefully(letter):
                self._laboratory.break_(case, letter)
        with ThreadPoolExecutor(len(cases)) as pool:
            list(pool.map(lambda letter: self._diagnosed(letter, until), cases))
        for letter in cases:
            with self._carefully(letter):
                self._laboratory.heal([letter])
            with self._carefully(letter):
                self._note_warnings()

    def _diagnosed(self, letter: str, until: float) -> None:
        """Diagnose a path again and again, by its agent once, while the case goes on."""
        case = self._cases[letter]
        rekeys = () if any("rekey" in words for _, words in case.meanwhile) else (REKEYS,)
        with self._carefully(letter), ExitStack() as stack:
            for each in (case, *rekeys):
                stack.enter_context(self._laboratory.going_on(each, letter))
            # One after the other: all far hosts and gateways share a core, which would be the bottleneck.
            time.sleep(LETTERS.index(letter) * PAUSE)
            for number in count(1):
                if time.monotonic() > until:
                    break
                with self._carefully(letter):
                    if number == BY_AGENT:
                        self._checks.ask(letter)
                    else:
                        evidence = self._laboratory.ask(case, letter)
                        self._note(note_of_evidence(time.time(), letter, case, evidence), evidence)
                time.sleep(PAUSE)

    def _see(self, at: float, letter: str, before: Sight, now: Sight) -> None:
        for note in notes_of(at, letter, self._cases[letter], before, now):
            evidence = None
            if note.wrong and note.kind == "Diagnosed":
                with self._carefully(letter):
                    evidence = self._checks.evidence(now.diagnosis)
            self._note(note, evidence)

    def _note_warnings(self) -> None:
        """Note the events that tell somebody to look; changes of a condition are noted as they come."""
        for name, event in self._checks.warnings().items():
            if name not in self._warned:
                self._warned.add(name)
                path = event["involvedObject"]["name"]
                self._tell(path, "Warning", f"{event['reason']}: {event.get('message', '')}", wrong=False)

    def _note_packets(self) -> None:
        """Note how many packets of the checks were lost in all."""
        with self._carefully(LETTERS[0]):
            for (path, probe), (sent, received) in self._checks.packets().items():
                self._tell(path, "Packets", f"{probe}: {sent - received} of {sent} lost", wrong=False)

    @contextmanager
    def _carefully(self, letter: str) -> Iterator[None]:
        """Note what goes wrong in the lab, and go on."""
        try:
            yield
        except (LabError, CommandFailed, GaveUp, subprocess.TimeoutExpired) as error:
            self._tell(letter, "Trouble", str(error), wrong=False)

    def _tell(self, letter: str, kind: str, said: str, *, wrong: bool) -> None:
        case = self._cases[letter].name
        self._note(Note(at=time.time(), path=letter, case=case, kind=kind, said=said, wrong=wrong))

    def _note(self, note: Note, evidence: Evidence | None = None) -> None:
        moment = time.strftime("%H:%M:%S", time.gmtime(note.at))
        mark = "WRONG " if note.wrong else ""
        with self._lock:
            sys.stderr.write(f"  {moment} {mark}{note.kind} {note.path} ({note.case}): {note.said}\n")
            self.notes.append(note)
            with self._file.open("a") as file:
                file.write(json.dumps(asdict(note)) + "\n")
        if note.wrong and evidence is not None:
            kept = self._file.with_name(f"{self._file.stem}-{note.path}-{moment}.evidence.json")
            kept.write_text(json.dumps(evidence_to_json(evidence)))


@contextmanager
def all_cores_busy() -> Iterator[None]:
    """Something else wants every core."""
    words = (sys.executable, "-c", "while True: pass")
    processes = [subprocess.Popen(words, start_new_session=True) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
