"""`ipsecping run`: one round of every probe of a plan."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..contract import Expect, Plan, RoundResult, as_expected, packets_reached, result_to_json
from ..contract.fields import ContractError
from .errors import NO_ANSWER, SUCCESS, CommandError

NAME = "run"
HELP = "run one round of all probes of a plan and print the results"
EPILOG = """examples:
  ipsecping run plan.json                                       a table
  ipsecping run plan.json --json                                one JSON object a line
  ipsecping run plan.json --termination-log /dev/termination-log   as in a CronJob

exit codes: 0 at least one probe found what it expects; 1 none did, or one that expects Blocked got through;
2 wrong plan or an unwritable file.
With --termination-log the exit code is 0 once the results are written: the Job did its work.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("plan", metavar="PLAN.json", type=Path, help="the plan to execute")
    parser.add_argument("--json", action="store_true", help="print each result as a JSON object")
    parser.add_argument(
        "--termination-log",
        metavar="FILE",
        type=Path,
        help="also write the results, encoded into at most 4096 octets, to this file",
    )


def execute(options: argparse.Namespace) -> int:
    """Measure, print, and say by the exit code how it went."""
    from ..agent.plan_file import read_plan

    try:
        plan = read_plan(options.plan)
        results = asyncio.run(measure(plan))
    except ContractError as error:
        raise CommandError(f"run: {error}") from error
    expected = [probe.expect for check in plan.checks for probe in check.probes]
    for line in as_lines(results) if options.json else as_table(results, expected):
        print(line)
    sys.stdout.flush()
    if options.termination_log is not None:
        _write_termination_log(options.termination_log, results)
        return SUCCESS
    return exit_code(results, expected)


async def measure(plan: Plan) -> list[RoundResult]:
    """One round of all probes of all checks, side by side; in the plan's order."""
    from ..net.clocks import Clock
    from ..net.resolve import Resolver
    from ..rounds.prober import PathProber

    clock, resolver = Clock(), Resolver()
    probers = [PathProber(clock, resolver) for _ in plan.checks]
    try:
        rounds = await asyncio.gather(
            *(prober.round(check) for prober, check in zip(probers, plan.checks, strict=True))
        )
    finally:
        for prober in probers:
            prober.close()
    return [result for results in rounds for result in results]


def exit_code(results: Sequence[RoundResult], expected: Sequence[Expect]) -> int:
    """What the rounds come to; `expected` goes with `results` one by one."""
    found = [as_expected(expect, result) for expect, result in zip(expected, results, strict=True)]
    leaked = any(
        fits is False and expect is Expect.BLOCKED for fits, expect in zip(found, expected, strict=True)
    )
    return SUCCESS if any(found) and not leaked else NO_ANSWER


def as_lines(results: Sequence[RoundResult]) -> list[str]:
    """One JSON object a result, as in the agent's stream."""
    return [json.dumps(result_to_json(result), separators=(",", ":")) for result in results]


def as_table(results: Sequence[RoundResult], expected: Sequence[Expect]) -> list[str]:
    """A table for people; `expected` goes with `results` one by one."""
    rows = [("CHECK", "PATH", "PROBE", "TYPE", "SENT", "LOSS%", "P50", "P99", "REMARK")]
    for result, expect in zip(results, expected, strict=True):
        name = f"{result.check.namespace}/{result.check.name}"
        loss = f"{100 * (result.sent - result.received) / result.sent:.2f}" if result.sent else "-"
        median, tail = (_milliseconds(result.rtt.percentile(percent)) for percent in (50, 99))
        cells = (name, result.check.path, result.probe, result.type.value, str(result.sent), loss)
        rows.append((*cells, median, tail, _remark(result, expect)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _remark(result: RoundResult, expect: Expect) -> str:
    remark = ", ".join(f"{reason} {count}" for reason, count in result.losses.items())
    if result.invalid is not None:
        remark = f"invalid: {result.invalid}"
    if expect is Expect.REACHABLE:
        return remark
    found = {
        True: "blocked, as expected",
        False: f"unexpectedly reachable: {packets_reached(result)} of {result.sent} packets got through",
        None: "not known to be blocked",
    }[as_expected(expect, result)]
    return f"{found} ({remark})" if remark else found


def _milliseconds(nanoseconds: int | None) -> str:
    return "-" if nanoseconds is None else f"{nanoseconds / 1e6:.2f}ms"


def _write_termination_log(path: Path, results: Sequence[RoundResult]) -> None:
    from ..contract.termination import encode

    try:
        path.write_text(encode(results))
    except ContractError as error:
        raise CommandError(f"run: {error}") from error
    except OSError as error:
        raise CommandError(f"run: {path}: {error.strerror}") from error
