"""`ipsecping diagnose PLAN`: which path of the plan, and what of its diagnosis is told to whoever asked."""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract import ContractError, PlannedCheck
from ..contract.diagnosis_report import check_request
from .errors import CommandError

if TYPE_CHECKING:
    from ..collector.conclusion import Conclusion
    from ..collector.steps import Asked
    from .diagnose_live import Collected

MAX_NAMED = 5
"""Paths that a message names."""


def is_plan(host: str) -> bool:
    """Whether it is the name of a file, and no host."""
    return ("/" in host and "://" not in host) or host.endswith(".json")


def chosen(options: argparse.Namespace) -> PlannedCheck:
    """Return the path of the plan that the options name. Raises CommandError."""
    from ..agent.plan_file import read_plan

    file = Path(options.host)
    try:
        checks = read_plan(file).checks
    except ContractError as error:
        raise CommandError(f"diagnose: {error}{_meant(file)}") from error
    found = [check for check in checks if _fits(check, options)]
    if len(found) == 1:
        return found[0]
    wrong = "has no such path" if not found else f"has {len(found)} paths: choose by --check and --path"
    named = ", ".join(f"{each.namespace}/{each.name} {each.path}" for each in (found or checks)[:MAX_NAMED])
    more = "" if len(found or checks) <= MAX_NAMED else ", ..."
    raise CommandError(f"diagnose: {options.host} {wrong}" + (f" ({named}{more})" if named else ""))


def _meant(file: Path) -> str:
    """What was perhaps meant by a name that is no plan's."""
    from ..bounded_file import read_bounded
    from ..diagnosis import evidence_from_bytes
    from ..diagnosis.evidence import MAX_BYTES

    try:
        evidence_from_bytes(read_bounded(file, MAX_BYTES))
    except OSError:
        return " (a plan's name ends in .json or has a slash in it; a target is an address or a name)"
    except ContractError:
        return ""
    return f" (it is evidence: judge it by --from {file})"


def _fits(check: PlannedCheck, options: argparse.Namespace) -> bool:
    names = (None, check.name, f"{check.namespace}/{check.name}")
    return options.check in names and options.path in (None, check.path)


def request(text: str) -> str:
    """A word that asks for a diagnosis."""
    try:
        check_request(text, "ID")
    except ContractError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def can_be_diagnosed(check: PlannedCheck, options: argparse.Namespace) -> bool:
    """Whether there is something to diagnose of the path; says and tells why not. Raises CommandError."""
    from ..collector.conclusion import refuse
    from ..collector.planned import why_not

    why = why_not(check)
    if why is None:
        return True
    if options.request is not None:
        _tell(refuse(check=check.ref, request=options.request, at=time.time_ns(), why=why), options)
    print(f"ipsecping: diagnose: nothing was measured: {why}", file=sys.stderr)
    return False


def asked_by(check: PlannedCheck, options: argparse.Namespace) -> "Asked":
    """Return what is to be measured."""
    from ..collector.planned import asked_of

    return replace(asked_of(check), long=options.long)


def tell_of(collected: "Collected", check: PlannedCheck, options: argparse.Namespace) -> None:
    """Tell whoever asked what it has come to. Raises CommandError."""
    from ..collector.conclusion import conclude

    if options.request is not None:
        conclusion = conclude(
            collected.evidence,
            check=check.ref,
            request=options.request,
            duration=collected.duration,
            packets=collected.packets,
        )
        _tell(conclusion, options)


def _tell(conclusion: "Conclusion", options: argparse.Namespace) -> None:
    """Write the report where it was asked for, and log it with the evidence. Raises CommandError.

    In this order: who reads the log may be gone, and the report is what the operator waits for.
    """
    from ..collector.conclusion import log_conclusion

    try:
        if options.termination_log is not None:
            options.termination_log.write_text(conclusion.text)
    except OSError as error:
        raise CommandError(f"diagnose: {options.termination_log}: {error.strerror}") from error
    finally:
        log_conclusion(conclusion)
