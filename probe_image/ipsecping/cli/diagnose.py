"""`ipsecping diagnose`: which layer is broken, from what is measured now or from evidence of before."""

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from . import diagnose_plan
from .arguments import add_family_arguments, host, network, port
from .diagnose_live import address, asked_by, collect
from .errors import INTERRUPTED, NO_ANSWER, SUCCESS, CommandError
from .terminal import terminal_of

if TYPE_CHECKING:
    from ..contract import PlannedCheck
    from ..diagnosis import Evidence

NAME = "diagnose"
HELP = "say which layer of a tunnel is broken, in which direction, and what to do next"
EPILOG = """examples:
  ipsecping diagnose 10.50.1.10                        ICMP, and STAMP where port 862 answers
  ipsecping diagnose 10.50.1.10 --stamp 862 --tcp 443 --gateway 192.0.2.1 \\
      --far-inside 10.50.1.1 --near-inside 10.99.0.2   controls tell where it is broken
  ipsecping diagnose 10.50.1.10 --evidence now.json    also keep what was measured
  ipsecping diagnose 10.50.1.10 --long                 4 minutes: also what pauses do (NAT, on-demand tunnels)
  ipsecping diagnose plan.json --check vpn/site-b      by the probes and controls of a plan, as the agent does
  ipsecping diagnose --from now.json --long-text       judge it again, with all that is left or ruled out
  ipsecping diagnose --from - --json                   from standard input, as one JSON object

It takes 3 s where all is well, and 30 s and 1,000 packets at most; Ctrl-C judges what there is by then. What
ends in .json or has a slash in it is a plan, in which --check and --path choose where it has several paths. A
finding is proven, the only cause left, or one of several that cannot be told apart from here; what was not
tested is never said to be well. docs/diagnosis.md has every cause.

exit codes: 0 no fault, at most warnings; 1 a fault; 2 wrong usage, or no such evidence; 3 no verdict: the
measurement itself was spoiled or empty, or what was wrong did not last; 130 interrupted before anything was
measured. With --termination-log 0 once the report is written
"""
NO_VERDICT = 3
_OF_HOST = (
    "stamp", "key_file", "udp_echo", "tcp", "gateway", "far_inside", "near_inside", "ipv4", "ipv6", "inside",
    "underlay",
)  # fmt: skip
_OF_PLAN = ("check", "path", "request", "termination_log")
_LIVE = (*_OF_HOST, *_OF_PLAN, "evidence", "long")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "host",
        metavar="HOST|PLAN.json",
        type=_host_or_plan,
        nargs="?",
        help="the target, an IPv4 or IPv6 address or a name; or a plan that contains the path to diagnose",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help=("judge the evidence in this file instead of measuring; - for standard input"),
    )
    add_family_arguments(parser)
    parser.add_argument(
        "--stamp", metavar="PORT", type=port, help="a STAMP reflector answers here (default: 862, if it does)"
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help=("sign STAMP packets with a key from this file (RFC 8762 section 4.2.2)"),
    )
    parser.add_argument("--udp-echo", metavar="PORT", type=port, help="a UDP echo responder answers here")
    parser.add_argument("--tcp", metavar="PORT", type=port, help="a TCP service listens here")
    parser.add_argument(
        "--gateway",
        metavar="IP",
        type=address,
        help=("the far gateway's public address, measured by ICMP and IKE"),
    )
    parser.add_argument(
        "--far-inside", metavar="IP", type=address, help="an address of the far gateway inside the tunnel"
    )
    parser.add_argument(
        "--near-inside", metavar="IP", type=address, help="the inside address of our own gateway"
    )
    for name, what in (("inside", "on both sides of the tunnel"), ("underlay", "between the gateways")):
        parser.add_argument(
            f"--{name}",
            metavar="NET",
            type=network,
            action="append",
            default=[],
            help=f"network {what} (repeatable)",
        )
    parser.add_argument("--check", metavar="[NAMESPACE/]NAME", help="the check of the plan")
    parser.add_argument("--path", metavar="NAME", help="the path of the check")
    parser.add_argument(
        "--long",
        action="store_true",
        help=("takes 4 minutes: also measure short bursts after pauses of 5 to 120 s"),
    )
    parser.add_argument(
        "--request",
        metavar="ID",
        type=diagnose_plan.request,
        help="log report and evidence as an agent does, as the answer to this request",
    )
    parser.add_argument(
        "--termination-log", metavar="FILE", type=Path, help="write the report for --request to this file"
    )
    parser.add_argument("--evidence", metavar="FILE", help="write what was measured to this file, as JSON")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--long-text",
        action="store_true",
        help=("also explain every cause that is left, and what was ruled out and why"),
    )
    shape.add_argument("--json", action="store_true", help="print one JSON object")


def execute(options: argparse.Namespace) -> int:
    """Measure or read, judge and print."""
    from ..diagnosis import Outcome, diagnose
    from ..diagnosis.report import report
    from ..diagnosis.report_json import diagnosis_to_json

    _check(options)
    check = diagnose_plan.chosen(options) if _names_plan(options) else None
    if check is not None and not diagnose_plan.can_be_diagnosed(check, options):
        return SUCCESS if options.termination_log else NO_VERDICT
    evidence = _measured(check, options) if options.source is None else _read(options.source)
    if evidence is None:
        print("ipsecping: diagnose: interrupted before anything was measured", file=sys.stderr)
        return INTERRUPTED
    diagnosis = diagnose(evidence)
    if options.json:
        print(json.dumps(diagnosis_to_json(evidence, diagnosis)))
    else:
        print(report(evidence, diagnosis, width=terminal_of(sys.stdout).width, long=options.long_text))
    if options.termination_log is not None:
        return SUCCESS  # what came of it is told there
    codes = {Outcome.NO_FAULT: SUCCESS, Outcome.FAULT: NO_ANSWER}
    return codes.get(diagnosis.outcome, NO_VERDICT)


def _host_or_plan(text: str) -> str:
    return text if diagnose_plan.is_plan(text) else host(text)


def _names_plan(options: argparse.Namespace) -> bool:
    return options.host is not None and diagnose_plan.is_plan(options.host)


def _check(options: argparse.Namespace) -> None:
    if (options.host is None) is (options.source is None):
        raise CommandError("diagnose: name a HOST to measure, or --from FILE to judge; one of the two")
    if options.host == "":
        raise CommandError("diagnose: HOST is empty: name the target's address or its name")
    if options.source is not None:
        _refuse(options, _LIVE, "is for measuring, and goes with HOST")
    elif _names_plan(options):
        _refuse(options, _OF_HOST, "goes with HOST: a plan says itself what is measured")
    else:
        _refuse(options, _OF_PLAN, "goes with a plan, a file whose name ends in .json or has a slash in it")
    if options.termination_log is not None and options.request is None:
        raise CommandError("diagnose: --termination-log needs --request ID, whose answer the report is")


def _refuse(options: argparse.Namespace, names: Iterable[str], why: str) -> None:
    given = [name for name in names if getattr(options, name)]
    if given:
        raise CommandError(f"diagnose: --{given[0].replace('_', '-')} {why}")


def _measured(check: "PlannedCheck | None", options: argparse.Namespace) -> "Evidence | None":
    """Measure; with --evidence what was found is written. Raises CommandError."""
    from ..diagnosis import evidence_to_json

    asked = asked_by(options) if check is None else diagnose_plan.asked_by(check, options)
    try:
        # Opened first, so that what forbids it is said before the wait.
        with Path(options.evidence).open("w") if options.evidence else nullcontext() as file:
            collected = collect(asked)
            if collected is not None and file is not None:
                file.write(json.dumps(evidence_to_json(collected.evidence)) + "\n")
    except OSError as error:
        raise CommandError(f"diagnose: --evidence {options.evidence}: {error.strerror}") from error
    if collected is not None and check is not None:
        diagnose_plan.tell_of(collected, check, options)
    return None if collected is None else collected.evidence


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
