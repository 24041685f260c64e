"""`make bench`: the agent beside other probers, in one run, on one core, on the loopback of a namespace.

Each sends one ICMP echo a second to each of its targets, which the kernel answers without losing any; so each
loss is the prober's own. Root, since the run makes a network namespace and listens to its packets.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import own_network
from ..peers import debian
from ..peers.missing import PeerMissing
from . import first_packet, one_flow
from .contestants import (
    BareLoop,
    BlackboxExporter,
    Contestant,
    Fping,
    IPsecPing,
    Refused,
    Sample,
    SmokepingProber,
    Stuck,
)

TARGETS = 500
FEWEST, MOST = 250, 32_000
MAX_LOSS = 0.001
TRIES = 3
STUCK = "no answer"


def contestants() -> list[Contestant]:
    """Ours and those that can be had here."""
    made: list[Contestant] = [IPsecPing(), BareLoop()]
    others: list[tuple[Callable[[str], Contestant], str, str]] = [
        (Fping, "fping", "fping"),
        (SmokepingProber, "prometheus-smokeping-prober", "prometheus-smokeping-prober"),
        (BlackboxExporter, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter"),
    ]
    for make, program, package in others:
        try:
            made.append(make(debian.program(program, package)))
        except PeerMissing as error:
            print(f"left out: {error}")
    return made


def most_targets(contestant: Contestant, seconds: float, folder: Path) -> tuple[int, str]:
    """By doubling: the most at which it loses at most MAX_LOSS, and what happened with twice as many.

    A number of targets is too many when it was three times in a row: other work on the machine passes.
    """
    targets, good = FEWEST, 0
    while targets <= MOST:
        losses: list[float] = []
        while not losses or (losses[-1] > MAX_LOSS and len(losses) < TRIES):
            try:
                sample = attempt(contestant, targets, seconds, folder)
            except Refused as error:
                return good, str(error)
            losses.append(1.0 if sample is None else sample.loss)
        if losses[-1] > MAX_LOSS:
            return good, f"loses {min(losses):.1%} of {targets}"
        good, targets = targets, targets * 2
    return good, "search ends"


def attempt(contestant: Contestant, targets: int, seconds: float, folder: Path) -> Sample | None:
    """One measurement; None when it got stuck."""
    try:
        return contestant.measure(targets, seconds, folder)
    except Stuck as error:
        print(f"  {contestant.name}, {targets} targets: {error}", flush=True)
        return None


def row(contestant: Contestant, seconds: float, folder: Path) -> list[str]:
    """All figures of one."""
    sample = attempt(contestant, TARGETS, seconds, folder)
    alone = attempt(contestant, 1, seconds, folder)
    good, then = most_targets(contestant, seconds, folder)
    start = contestant.first(folder)
    try:
        first = (
            "when asked" if start is None else f"{first_packet.milliseconds(start, folder, times=5):.0f} ms"
        )
    except Stuck as error:
        first = str(error)
    return [
        contestant.name,
        f"{sample.microseconds:.1f} us" if sample else STUCK,
        f"{sample.loss:.2%}" if sample else STUCK,
        f"{good or f'under {FEWEST}'} ({then})",
        f"{alone.pss:.1f} MiB" if alone else STUCK,
        f"{sample.pss:.1f} MiB" if sample else STUCK,
        first,
    ]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def keep_bytecode() -> None:
    """Let programs in Python start from compiled modules, as they do in their image and once installed."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def main() -> int:
    """Print the tables, as Markdown."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement (%(default)s)")
    parser.add_argument("--only", help="the contestants whose name contains this")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("make bench needs root: it makes a network namespace", file=sys.stderr)
        return 2
    chosen = [each for each in contestants() if not options.only or options.only in each.name]
    other_programs = one_flow.others()
    own_network.enter()
    keep_bytecode()
    began = time.monotonic()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, {options.seconds:.0f} s each",
        flush=True,
    )
    rows = [["prober", f"CPU per round trip, {TARGETS} targets", "own loss", "most targets at 1 packet/s",
             "PSS, 1 target", f"PSS, {TARGETS} targets", "exec to first packet"]]  # fmt: skip
    rows.append(["---"] * len(rows[0]))
    for contestant in chosen:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(contestant, options.seconds, Path(folder)))
        print(f"  {time.monotonic() - began:.0f} s: {' | '.join(rows[-1])}", flush=True)
    print(markdown(rows))
    with tempfile.TemporaryDirectory() as folder:
        flow = [
            ["program, 1 target, 100 packets/s", "CPU per round trip, start included", "PSS"],
            ["---"] * 3,
        ]
        print(markdown([*flow, *one_flow.rows(other_programs, Path(folder))]))
    print(f"load {os.getloadavg()[0]:.1f} after")
    return 0


if __name__ == "__main__":
    sys.exit(main())
