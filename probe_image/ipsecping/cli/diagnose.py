"""`ipsecping diagnose`: which layer is broken, from evidence that was collected before."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import NO_ANSWER, SUCCESS, CommandError
from .terminal import terminal_of

if TYPE_CHECKING:
    from ..diagnosis import Evidence

NAME = "diagnose"
HELP = "say which layer of a tunnel is broken, in which direction, and what to do next, from an evidence file"
EPILOG = """examples:
  ipsecping diagnose --from evidence.json              findings, gravest first, with one next step each
  ipsecping diagnose --from evidence.json --long-text  also every cause that is left or ruled out, and why
  ipsecping diagnose --from - --json                   from standard input, as one JSON object

A finding is proven, the only cause left, or one of several that cannot be told apart from here; what was not
tested is never said to be well. docs/diagnosis.md has every cause.

exit codes: 0 no fault, at most warnings; 1 a fault; 2 wrong usage, or no such evidence; 3 no verdict: the
measurement itself was spoiled or empty, or what was wrong did not last
"""
NO_VERDICT = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        required=True,
        help="the evidence as JSON; - for standard input",
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--long-text", action="store_true", help="also every cause that is left or ruled out, and why"
    )
    shape.add_argument("--json", action="store_true", help="print one JSON object")


def execute(options: argparse.Namespace) -> int:
    """Read, judge and print."""
    from ..diagnosis import Outcome, diagnose
    from ..diagnosis.report import report
    from ..diagnosis.report_json import diagnosis_to_json

    evidence = _read(options.source)
    diagnosis = diagnose(evidence)
    if options.json:
        print(json.dumps(diagnosis_to_json(evidence, diagnosis)))
    else:
        print(report(evidence, diagnosis, width=terminal_of(sys.stdout).width, long=options.long_text))
    codes = {Outcome.NO_FAULT: SUCCESS, Outcome.FAULT: NO_ANSWER}
    return codes.get(diagnosis.outcome, NO_VERDICT)


def _read(source: str) -> "Evidence":
    from ..bounded_file import read_bounded
    from ..contract import ContractError
    from ..diagnosis import evidence_from_bytes
    from ..diagnosis.evidence import MAX_BYTES

    try:
        # One byte more than allowed, so that the reader says that it is too large.
        content = (
            sys.stdin.buffer.read(MAX_BYTES + 1) if source == "-" else read_bounded(Path(source), MAX_BYTES)
        )
        return evidence_from_bytes(content)
    except OSError as error:
        raise CommandError(f"diagnose: --from {source}: {error.strerror}") from error
    except ContractError as error:
        raise CommandError(f"diagnose: --from {source}: {error}") from error
