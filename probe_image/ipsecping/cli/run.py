"""`ipsecping run`: one round of every probe of a plan."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ..contract import Expect, Plan, PlannedCheck, RoundResult, as_expected, packets_reached, result_to_json
from ..contract.directions import at_least, neither
from ..contract.fields import ContractError
from ..contract.methods import ordered
from ..host.standard_streams import OutputLost
from ..outputs.errors import OutputError
from ..outputs.figures import Measured
from ..outputs.together import write_all
from . import outputs
from .arguments import duration_ms
from .errors import NO_ANSWER, SUCCESS, USAGE, CommandError
from .table import milliseconds, table
from .terminal import StatusLine

NAME = "run"
HELP = "run one round of all probes of a plan, print the results and send them on"
EPILOG = """examples:
  ipsecping run plan.json                                       a table
  ipsecping run plan.json --json                                one JSON object a line
  ipsecping run plan.json --textfile /var/lib/prometheus/node-exporter/ipsecping.prom
  ipsecping run plan.json --pushgateway http://127.0.0.1:9091
  ipsecping run plan.json --influx 'http://127.0.0.1:8086?org=acme&bucket=tunnels' --influx-token-file token
  ipsecping run plan.json --influx 'https://vm:8428/write?db=tunnels' --influx-auth-file user-password
  ipsecping run plan.json --influx -                            line protocol on standard output, for Telegraf
  ipsecping run plan.json --termination-log /dev/termination-log   as in a CronJob

exit codes: 0 at least one probe found what it expects; 1 none did, or one that expects Blocked got through;
2 wrong plan, or an output failed (the message says which; the others were written).
With --termination-log or --influx - the exit code is 0 once all outputs are written: what came of the round
is told there, and Telegraf throws away what a command printed that ends otherwise.
"""

Progress = Callable[[Sequence[PlannedCheck], int], None]
"""Told which checks are still running, and of how many."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("plan", metavar="PLAN.json", type=Path, help="the plan to execute")
    parser.add_argument(
        "--delay",
        metavar="TIME",
        type=duration_ms,
        default=0,
        help="wait this long before the first packet, for example if many rounds begin at the same time "
        "(default: 0)",
    )
    parser.add_argument("--json", action="store_true", help="print each result as a JSON object")
    parser.add_argument(
        "--termination-log",
        metavar="FILE",
        type=Path,
        help="also write the results, encoded into at most 4096 bytes, to this file",
    )
    outputs.add_arguments(parser)


def execute(options: argparse.Namespace) -> int:
    """Measure, print, and say by the exit code how it went."""
    from ..agent.plan_file import read_plan

    sending = outputs.Outputs(options)
    if sending.prints_influx and options.json:
        raise CommandError("run: --json and --influx -: standard output can be one of the two")
    status = StatusLine(sys.stderr)
    try:
        plan = read_plan(options.plan)
        if not plan.checks:
            raise CommandError(f"run: {options.plan}: plan.checks: is empty, so there is nothing to measure")
        results = asyncio.run(measure(plan, _progress(status), delay=options.delay / 1000))
    except ContractError as error:
        raise CommandError(f"run: {error}") from error
    finally:
        status.clear()
    planned = {
        (check.uid, check.path, probe.name): (check, probe) for check in plan.checks for probe in check.probes
    }
    # There may be several results of a probe, one for each address.
    of = [planned[result.check.uid, result.check.path, result.probe] for result in results]
    expected = [probe.expect for _, probe in of]
    measured = [Measured(check, result) for (check, _), result in zip(of, results, strict=True)]
    writers = sending.writers(measured)
    if sending.prints_influx:
        lines = sending.influx_lines(measured)
    else:
        lines = as_lines(results) if options.json else as_table(results, expected)
    if options.termination_log is not None:
        writers["termination log"] = partial(_write_termination_log, options.termination_log, results)
    failures = [*_print(lines), *write_all(writers)]
    for failure in failures:
        print(f"ipsecping: run: {failure}", file=sys.stderr)
    if failures:
        return USAGE
    told_elsewhere = options.termination_log is not None or sending.prints_influx
    return SUCCESS if told_elsewhere else exit_code(results, expected)


async def measure(plan: Plan, progress: Progress | None = None, *, delay: float = 0) -> list[RoundResult]:
    """One round of all probes of all checks, side by side, `delay` seconds from now; in the plan's order.

    `progress` is told at the start and whenever a check is through.
    """
    from ..net.clocks import Clock
    from ..net.resolve import Resolver
    from ..rounds.hand_out import HandOut
    from ..rounds.prober import PathProber

    if delay:
        await asyncio.sleep(delay)
    clock, resolver, hand_out = Clock(), Resolver(), HandOut()
    running = dict(enumerate(plan.checks))

    def tell() -> None:
        if progress is not None:
            progress(list(running.values()), len(plan.checks))

    async def one(number: int, prober: PathProber, check: PlannedCheck) -> Sequence[RoundResult]:
        results = await prober.round(check)
        del running[number]
        tell()
        return results

    probers = [PathProber(clock, resolver) for _ in plan.checks]
    tell()
    try:
        rounds = await asyncio.gather(
            *(one(i, *pair) for i, pair in enumerate(zip(probers, plan.checks, strict=True)))
        )
    finally:
        for prober in probers:
            prober.close()
    return [hand_out(result) for results in rounds for result in results]


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
    several = any(result.addresses is not None for result in results)
    where = ("CHECK", "PATH", "PROBE", "TYPE", *(("ADDRESS",) if several else ()))
    rows: list[Sequence[str]] = [(*where, "SENT", "LOSS%", "P50", "P99", "JITTER", "REMARK")]
    for result, expect in zip(results, expected, strict=True):
        name = f"{result.check.namespace}/{result.check.name}"
        loss = f"{100 * (result.sent - result.received) / result.sent:.2f}" if result.sent else "-"
        median, tail = (milliseconds(result.rtt.percentile(percent)) for percent in (50, 99))
        jitter = milliseconds(result.jitter_sum / result.jitter_count if result.jitter_count else None)
        address = (result.remote_ip or "-",) if several else ()
        cells = (name, result.check.path, result.probe, result.type, *address, str(result.sent), loss)
        rows.append((*cells, median, tail, jitter, _remark(result, expect)))
    return table(rows, numbers=frozenset(range(len(where), len(where) + 5)))


def _remark(result: RoundResult, expect: Expect) -> str:
    remark = ", ".join(_findings(result)) if result.invalid is None else f"invalid: {result.invalid}"
    if expect is Expect.REACHABLE:
        return remark
    found = {
        True: "blocked, as expected",
        False: f"unexpectedly reachable: {packets_reached(result)} of {result.sent} packets got through",
        None: "not known to be blocked",
    }[as_expected(expect, result)]
    return f"{found} ({remark})" if remark else found


def _findings(result: RoundResult) -> list[str]:
    said = [f"{reason} {count}" for reason, count in result.losses.items()]
    lost = result.sent - result.received
    if result.losses and result.forward_lost is not None and result.reverse_lost is not None:
        said.append(f"{result.forward_lost} there, {result.reverse_lost} back")
        said += filter(None, [neither(result.forward_lost, result.reverse_lost, lost=lost)])
    known = at_least(result.min_forward_lost, result.min_reverse_lost, lost=lost)
    if known is not None:
        said.append(known)
    said += [remark for figure in ordered(result.figures) if (remark := figure.remark()) is not None]
    return said


def _progress(status: StatusLine) -> Progress:
    def tell(running: Sequence[PlannedCheck], total: int) -> None:
        if running:
            names = ", ".join(f"{check.namespace}/{check.name} {check.path}" for check in running[:5])
            status.show(f"{total - len(running)} of {total} paths measured, waiting for {names}")

    return tell


def _print(lines: Sequence[str]) -> list[str]:
    """What went wrong in printing: the other outputs are written all the same."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except (OSError, OutputLost) as error:
        return [f"standard output: {error.strerror}"]
    return []


def _write_termination_log(path: Path, results: Sequence[RoundResult]) -> None:
    from ..contract.termination import encode

    try:
        path.write_text(encode(results))
    except ContractError as error:
        raise OutputError(str(error)) from error
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}") from error
