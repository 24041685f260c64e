"""Break the lab under a check on each path, and wait for what the operator tells of it."""

import queue
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ipsecping_lab.errors import LabError
from ipsecping_lab.workbench import CommandFailed, GaveUp

from .cases import Case
from .checks import Checks, install, spec_of
from .conditions import Outage, read_all, table, write, wrong
from .laboratory import LETTERS, Laboratory
from .sight import Sight, is_news, said

TOLD = 60.0
"""Seconds after which a check that is healthy stays so."""
DIAGNOSED = 120.0
APART = 62.0
"""From one diagnosis of a path to the next: an agent makes one a minute."""
OFF_BEAT = 20.0
"""And up to so much more: faults at an even beat are recurring outages to the agent, as they should be."""
HEALED = 180.0
SHARP = {
    "probes": [
        {"name": "datapath", "count": 20, "spacing": "50ms", "stamp": {"port": 862}},
        {"name": "voice", "dscp": 46, "stamp": {"port": 862}},
        {"name": "echo", "udpEcho": {"port": 55055}},
        {"name": "mtu", "count": 3, "timeout": "300ms", "pathMTU": {}},
        {"name": "ike", "ike": {}},
    ],
    "thresholds": {"window": "30s", "rtt": {"p50": "15ms"}, "pathMTU": 1400},
    "diagnosis": {"cooldown": "1m", "delay": "0s"},
}
"""Of a spec: what can tell most of the faults, and forgets them soon."""


class NotTold(RuntimeError):
    """What was waited for did not come."""


def run(cases: Sequence[Case], folder: Path, *, minutes: float, judge: bool) -> int:
    """Measure what is not on record, unless it is only to `judge`, and print it; returns the exit status."""
    if not judge:
        kept = {outage.case for outage in read_all(folder, cases)}
        measure([case for case in cases if case not in kept], folder, minutes=minutes)
    found = read_all(folder, cases)
    sys.stdout.write("\n".join(table(found)) + "\n")
    if len(found) < len(cases):
        print(f"{len(cases) - len(found)} of {len(cases)} cases are not measured", file=sys.stderr)
    return 1 if any(list(wrong(each)) for each in found) else 0


def measure(cases: Sequence[Case], folder: Path, *, minutes: float) -> None:
    """Break one after another, a case a path at a time; none begins after so many minutes."""
    install()
    until = time.monotonic() + minutes * 60
    todo: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in cases:
        todo.put(case)
    with Through() as through:

        def work(letter: str) -> None:
            with suppress(queue.Empty):
                while time.monotonic() < until:
                    outage = through.carefully(todo.get_nowait(), letter)
                    if outage is not None:
                        write(folder, outage)

        with ThreadPoolExecutor(len(LETTERS)) as pool:
            list(pool.map(work, LETTERS))


class Through:
    """The lab with a check on each path, which are removed when the context ends."""

    def __init__(self) -> None:
        self.laboratory = Laboratory(pods=False)
        self.checks = Checks()
        self._stack = ExitStack()
        self._diagnosed: dict[str, float] = {}
        self._random = random.Random(1)

    def __enter__(self) -> "Through":
        with ExitStack() as stack:
            stack.callback(self.laboratory.stop)
            self.laboratory.start()
            stack.callback(self.checks.stop)
            self.checks.start({letter: spec_of(letter, **SHARP) for letter in LETTERS})
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def carefully(self, case: Case, letter: str) -> Outage | None:
        """Measure a case, and say what came of it; None where it could not be measured."""
        try:
            outage = self.measure(case, letter)
        except (NotTold, LabError, CommandFailed, GaveUp, subprocess.TimeoutExpired) as error:
            print(f"NOT MEASURED: {case.name} on path {letter}: {error}", file=sys.stderr, flush=True)
            return None
        told = "healthy" if outage.reason is None else f"{outage.reason} after {outage.condition:.1f} s"
        diagnosis = "none" if outage.diagnosis is None else f"after {outage.diagnosis:.1f} s"
        line = f"  {case.name} on path {letter}: {told}; diagnosis {diagnosis}: {outage.reported}"
        print(line, file=sys.stderr, flush=True)
        return outage

    def measure(self, case: Case, letter: str) -> Outage:
        """Break it once the check is healthy, wait for the condition and the diagnosis, and mend it.

        Raises NotTold, LabError, CommandFailed and GaveUp.
        """
        apart = APART + self._random.uniform(0.0, OFF_BEAT)
        time.sleep(max(0.0, self._diagnosed.get(letter, 0.0) + apart - time.monotonic()))
        before = self._healthy(letter)
        try:
            self.laboratory.break_(case, letter)
            with self.laboratory.going_on(case, letter):
                return self._told(case, letter, before)
        finally:
            self.laboratory.heal([letter])
            if case.remembered:
                self.checks.forget(letter)

    def _told(self, case: Case, letter: str, before: Sight) -> Outage:
        broken = time.monotonic()
        unhealthy = self.checks.wait_until(letter, lambda sight: sight.healthy == "False", seconds=TOLD)
        known = time.monotonic()
        if unhealthy is None:
            self.checks.ask(letter)
        sight = self.checks.wait_until(
            letter, lambda sight: is_news(before.diagnosis, sight.diagnosis), seconds=DIAGNOSED
        )
        self._diagnosed[letter] = time.monotonic()
        told: dict[str, Any] = {
            "case": case,
            "path": letter,
            "reason": None if unhealthy is None else unhealthy.reason,
            "condition": None if unhealthy is None else known - broken,
        }
        if sight is None:
            return Outage(**told, diagnosis=None, reported="")
        took = time.monotonic() - known
        measured = "evidenceDigest" in sight.diagnosis
        evidence = self.checks.evidence(sight.diagnosis) if measured else None
        return Outage(**told, diagnosis=took, reported=said(sight.diagnosis), evidence=evidence)

    def _healthy(self, letter: str) -> Sight:
        """Wait until the check is healthy."""
        healthy = self.checks.wait_until(letter, lambda sight: sight.healthy == "True", seconds=HEALED)
        if healthy is None:
            seen = self.checks.look(letter)
            raise NotTold(f"nothing is broken, but the check does not heal: {seen.reason}: {seen.message}")
        return healthy
